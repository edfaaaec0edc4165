package hub_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// fakeLog stands for the database and the one announcer behind it: an entry is
// stored first and published some time later, in the order of the log.
type fakeLog struct {
	mu       sync.Mutex
	entries  []*model.Event
	announce chan *model.Event
}

func newFakeLog(h *hub.Hub, announcer *sync.WaitGroup, length int) *fakeLog {
	l := &fakeLog{announce: make(chan *model.Event, length)}
	announcer.Go(func() {
		for e := range l.announce {
			batch := []*model.Event{e}
			for range rand.IntN(4) { // sometimes several at once, as after a group commit
				select {
				case more, ok := <-l.announce:
					if ok {
						batch = append(batch, more)
					}
				default:
				}
			}
			h.Publish(batch...)
		}
	})
	return l
}

func (l *fakeLog) append(userID int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := message(userID, int64(len(l.entries)+1))
	e.Topic = topicOf(userID)
	l.entries = append(l.entries, e)
	l.announce <- e
}

// after returns the ids of the user's messages beyond since.
func (l *fakeLog) after(userID, since int64) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []int64
	for _, e := range l.entries[min(int(since), len(l.entries)):] {
		if e.UserID == userID {
			out = append(out, e.Message.ID)
		}
	}
	return out
}

// readUntil collects message ids until the id last has come.
func readUntil(t *testing.T, s *hub.Subscription, seen []int64, last int64) []int64 {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for len(seen) == 0 || seen[len(seen)-1] < last {
		select {
		case <-s.Ready():
			seen = append(seen, ids(s.Take(nil))...)
		case <-s.Done():
			t.Errorf("ended (%s) after %d messages", s.Reason(), len(seen))
			return seen
		case <-deadline.C:
			t.Errorf("no message %d after %d messages", last, len(seen))
			return seen
		}
	}
	return seen
}

// Every joiner sees every message beyond its since once and in order, whatever
// is stored, announced and replayed around the moment when it joins.
func TestReplayThenLiveLosesAndRepeatsNothing(t *testing.T) {
	const users, joiners, length, writers = 3, 60, 6000, 4
	h := hub.New(hub.Options{QueueEvents: length, QueueBytes: 1 << 30})
	var announcer, work sync.WaitGroup
	log := newFakeLog(h, &announcer, length+users)
	joined := make(chan struct{}, joiners)

	for range writers {
		work.Go(func() {
			for n := range (length - users) / writers {
				// The log moves on at the pace of the joiners, so that they join in its midst.
				if n%(length/joiners/writers+1) == 0 {
					select {
					case <-joined:
					case <-time.After(time.Millisecond):
					}
				}
				log.append(rand.Int64N(users) + 1)
			}
		})
	}
	type result struct {
		user, since int64
		seen        []int64
	}
	results := make([]result, joiners)
	subscriptions := make([]*hub.Subscription, joiners)
	for i := range joiners {
		work.Go(func() {
			user := rand.Int64N(users) + 1
			feed := model.Feed{UserID: user}
			if i%2 == 0 { // to the same messages, by their topic
				feed = model.Feed{Topics: []string{topicOf(user), "silent"}}
			}
			s, err := h.Subscribe(feed)
			if err != nil {
				t.Error(err)
				return
			}
			since := int64(0)
			if known := log.after(user, 0); len(known) > 0 {
				since = known[rand.IntN(len(known))]
			}
			replayed := log.after(user, since)
			after := since
			if len(replayed) > 0 {
				after = replayed[len(replayed)-1]
			}
			s.Release(after)
			joined <- struct{}{}
			subscriptions[i], results[i] = s, result{user, since, replayed}
		})
	}
	work.Wait()
	// The last message of each user, so that every joiner knows when it has all.
	for user := int64(1); user <= users; user++ {
		log.append(user)
	}
	for i, s := range subscriptions {
		r := results[i]
		want := log.after(r.user, r.since)
		require.Equal(t, want, readUntil(t, s, r.seen, want[len(want)-1]))
		s.Close()
	}
	close(log.announce)
	announcer.Wait()
}

func TestAHeldSubscriptionGivesNothing(t *testing.T) {
	h := hub.New(hub.Options{})
	s := subscribe(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1), message(1, 2), message(1, 3))
	require.False(t, signalled(s))
	require.Empty(t, s.Take(nil))

	s.Release(2)
	require.True(t, signalled(s))
	require.Equal(t, []int64{3}, ids(s.Take(nil)))
}

func TestReleaseDropsWhatWasReplayedAndKeepsOtherEvents(t *testing.T) {
	h := hub.New(hub.Options{})
	s := subscribe(t, h, model.Feed{UserID: 1})
	gone := &model.Event{Kind: model.MessageDeleted, UserID: 1, MessageID: 1}
	changed := &model.Event{Kind: model.ApplicationUpdated, UserID: 1, ApplicationID: 3}
	h.Publish(message(1, 1), gone, message(1, 2), changed, message(1, 3))

	s.Release(2)

	var got []*model.Event
	for _, e := range s.Take(nil) {
		got = append(got, e.Event)
	}
	require.Len(t, got, 3)
	require.Equal(t, gone, got[0])
	require.Equal(t, changed, got[1])
	require.EqualValues(t, 3, got[2].Message.ID)
}

func TestMessagesUpToAfterAreDroppedLaterToo(t *testing.T) {
	h := hub.New(hub.Options{})
	s := subscribe(t, h, model.Feed{UserID: 1})
	s.Release(10)
	h.Publish(message(1, 9), message(1, 10))
	require.False(t, signalled(s))
	s.Release(4)
	h.Publish(message(1, 10), message(1, 11))
	require.Equal(t, []int64{11}, ids(s.Take(nil)), "a second release must not lower the mark")
}

func TestReleaseGivesBackTheRoomOfWhatItDrops(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 4, QueueBytes: 4000})
	s := subscribe(t, h, model.Feed{UserID: 1})
	h.Publish(sized(1, 1, 700), sized(1, 2, 700), sized(1, 3, 700))
	s.Release(3)
	h.Publish(sized(1, 4, 700), sized(1, 5, 700), sized(1, 6, 700), sized(1, 7, 700))
	require.Equal(t, []int64{4, 5, 6, 7}, ids(s.Take(nil)))
}

func TestConcurrentPublishersOfDifferentUsersKeepTheOrderOfEach(t *testing.T) {
	const users, each = 8, 2000
	h := hub.New(hub.Options{QueueEvents: each})
	var publishers sync.WaitGroup
	streams := map[int64]*hub.Subscription{}
	for user := int64(1); user <= users; user++ {
		streams[user] = live(t, h, model.Feed{UserID: user})
		publishers.Go(func() {
			for id := int64(1); id <= each; id++ {
				h.Publish(message(user, id))
			}
		})
	}
	publishers.Wait()
	for _, s := range streams {
		got := ids(s.Take(nil))
		require.Len(t, got, each)
		require.True(t, slices.IsSorted(got))
	}
}
