package ntfy

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// follower reads topics, is cut off again and again, and resumes after the last id
// that it has seen.
type follower struct {
	caller *Caller
	// topics are the list in the path, format the last part of it.
	topics, format string
	// cut is after how many events it hangs up by itself; 0 for never.
	cut  int
	last string
	seen []string
}

// since returns the path of the next stream.
func (f *follower) since() string {
	if f.last == "" {
		return "/" + f.topics + "/" + f.format + "?since=all"
	}
	return "/" + f.topics + "/" + f.format + "?since=" + f.last
}

// follow reads until it has seen the id end.
func (f *follower) follow(ctx context.Context, end func() string) error {
	for ctx.Err() == nil {
		if f.last != "" && f.last == end() {
			return nil
		}
		stream, _, err := f.caller.TryStream(f.since())
		if err != nil || stream == nil {
			if !wait(ctx) { // the server is away
				return ctx.Err()
			}
			continue
		}
		f.read(ctx, stream, end)
		stream.Hangup()
	}
	return fmt.Errorf("%s: saw %d events, not the last one: %w", f.since(), len(f.seen), ctx.Err())
}

func (f *follower) read(ctx context.Context, stream *Stream, end func() string) {
	known := time.NewTicker(50 * time.Millisecond) // the end may become known later than it came
	defer known.Stop()
	for n := 0; f.cut == 0 || n < f.cut; {
		select {
		case frame, open := <-stream.Frames:
			if !open {
				return
			}
			if frame.Event == OpenEvent || frame.Event == KeepaliveEvent {
				continue
			}
			f.last = frame.ID
			f.seen = append(f.seen, frame.ID)
			n++
		case <-known.C:
			if f.last != "" && f.last == end() {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// wait waits a moment for what is away.
func wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}

// world is topics that are published to, and those who follow.
type world struct {
	t         *testing.T
	publisher *Caller
	topics    []string
	followers []*follower
	following sync.WaitGroup
	stop      context.CancelFunc
	ctx       context.Context

	mu   sync.Mutex
	sent map[string]bool // the ids that were acknowledged
	last string          // the id after which nothing comes, when it is known
}

func newWorld(t *testing.T, u *User, topics int) *world {
	w := &world{t: t, publisher: u.Caller, sent: map[string]bool{}}
	w.ctx, w.stop = context.WithTimeout(t.Context(), 3*Patience)
	t.Cleanup(w.stop)
	for range topics {
		w.topics = append(w.topics, NewTopic())
	}
	list := w.list()
	for i, format := range []string{"json", "sse", "ws", "json", "sse", "ws"} {
		w.followers = append(w.followers, &follower{caller: u.Caller, topics: list, format: format, cut: []int{0, 17, 3, 101, 1, 0}[i]})
	}
	return w
}

// list returns the topics as a path has them.
func (w *world) list() string { return strings.Join(w.topics, ",") }

func (w *world) start() {
	for _, f := range w.followers {
		w.following.Go(func() {
			if err := f.follow(w.ctx, w.end); err != nil {
				w.t.Error(err)
			}
		})
	}
}

func (w *world) end() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// publish publishes from several callers at once. What fails is not counted.
func (w *world) publish(callers, each int, headers ...string) {
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for i := range each {
				m, err := w.publisher.TryPublish(w.ctx, w.topics[(caller+i)%len(w.topics)], fmt.Sprint(caller, "/", i), headers...)
				if err == nil {
					w.mu.Lock()
					w.sent[m.ID] = true
					w.mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
}

// finish publishes one more message, waits until all have seen it, and fails the
// test unless they have all seen what a poll has, in its order, and every message
// that was acknowledged. It returns the messages.
func (w *world) finish() []Message {
	w.t.Helper()
	last := w.publisher.Publish(w.topics[0], "the last one")
	w.mu.Lock()
	w.sent[last.ID], w.last = true, last.ID
	w.mu.Unlock()
	w.following.Wait()
	stored := w.publisher.Poll(w.list(), "")
	ids := IDs(stored)
	known := map[string]bool{}
	for _, id := range ids {
		require.False(w.t, known[id], "a poll has a message twice")
		known[id] = true
	}
	for id := range w.sent {
		require.True(w.t, known[id], "a message that was acknowledged is not stored")
	}
	for _, f := range w.followers {
		require.Equal(w.t, ids, f.seen, "%s, cut after %d", f.format, f.cut)
	}
	return stored
}

// Nothing is missing, nothing comes twice, and the order is the same for all.
func TestResumeUnderTraffic(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWorld(t, NewUser(t, s), 4)
		w.publish(4, 50) // more than a page is there already
		w.start()
		w.publish(8, 100)
		require.Len(t, w.finish(), 200+800+1)
	})
}

// The same when the server stops in the midst of it, and when it is killed.
func TestResumeAcrossRestarts(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		w := newWorld(t, NewUser(t, s), 2)
		w.publish(2, 20)
		w.start()
		for round := range 3 {
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.publish(4, 60)
			}()
			w.reach(40 + round*40)
			if round == 1 {
				s.Kill(t)
			}
			s.Restart(t)
			<-done
		}
		w.publish(4, 20)
		w.finish()
	})
}

// reach waits until so many messages were acknowledged.
func (w *world) reach(n int) {
	w.t.Helper()
	for deadline := time.Now().Add(Patience); ; {
		w.mu.Lock()
		sent := len(w.sent)
		w.mu.Unlock()
		if sent >= n {
			return
		}
		require.True(w.t, time.Now().Before(deadline) && wait(w.ctx), "%d of %d messages were acknowledged", sent, n)
	}
}

// Who follows one of several topics sees the part of the log that is about it.
func TestResumeOfPartsUnderTraffic(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWorld(t, NewUser(t, s), 3)
		w.followers[0].topics = w.topics[0]
		w.followers[1].topics = w.topics[2] + "," + w.topics[0]
		w.followers[2].topics = w.topics[0] + "," + w.topics[1]
		w.start()
		w.publish(6, 60)
		last := w.publisher.Publish(w.topics[0], "the last one")
		w.mu.Lock()
		w.last = last.ID
		w.mu.Unlock()
		w.following.Wait()
		for _, f := range w.followers {
			want := []string{}
			for _, m := range w.publisher.Poll(w.list(), "") {
				if strings.Contains(f.topics, m.Topic) {
					want = append(want, m.ID)
				}
			}
			require.Equal(t, want, f.seen, "%s of %s", f.format, f.topics)
		}
	})
}

// A stream that begins with since=all, latest or a time while others publish has
// no gap and no repetition between what was stored and what is live.
func TestJoinUnderTraffic(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "first")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var publishing sync.WaitGroup
		for range 4 {
			publishing.Go(func() {
				for range 300 {
					if _, err := user.TryPublish(ctx, topic, "m"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		type joined struct {
			since string
			ids   []string
			s     *Stream
		}
		var all []*joined
		for i := range 24 {
			j := &joined{since: []string{"all", "latest", "1h", "none"}[i%4]}
			j.s = user.Subscribe("/" + topic + "/" + []string{"json", "sse", "ws"}[i%3] + "?since=" + j.since)
			all = append(all, j)
		}
		publishing.Wait()
		last := user.Publish(topic, "last")
		want := IDs(user.Poll(topic, ""))
		for _, j := range all {
			for {
				id := j.s.NextMessage().ID
				j.ids = append(j.ids, id)
				if id == last.ID {
					break
				}
			}
			if j.since == "all" || j.since == "1h" {
				require.Equal(t, want, j.ids, j.since)
			} else {
				require.Equal(t, want[len(want)-len(j.ids):], j.ids, j.since)
			}
		}
	})
}
