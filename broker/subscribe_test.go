package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// readUntil replays and then reads live, until the message with the id last has
// come. It returns the ids of all messages in the order in which they came.
func readUntil(ctx context.Context, s *hub.Subscription, replay Replay, last int64) (ids []int64, err error) {
	note := func(envelopes []*hub.Envelope) {
		for _, e := range envelopes {
			if e.Event.Kind == model.MessagePublished {
				ids = append(ids, e.Event.MessageID)
			}
		}
	}
	err = replay(ctx, func(page []*hub.Envelope) error {
		if len(page) > replayPage {
			return fmt.Errorf("a page of %d", len(page))
		}
		note(page)
		return nil
	})
	for err == nil && (len(ids) == 0 || ids[len(ids)-1] < last) {
		select {
		case <-s.Ready():
			note(s.Take(nil))
		case <-s.Done():
			err = fmt.Errorf("the subscription ended: %s", s.Reason())
		case <-ctx.Done():
			err = fmt.Errorf("%w after %d ids", ctx.Err(), len(ids))
		}
	}
	return ids, err
}

// nothing is the replay of a stream that is live already.
func nothing(context.Context, func([]*hub.Envelope) error) error { return nil }

// Whatever happens around the join, every subscriber sees every message once and
// in order: through the real database, its group commit and the hub.
func TestReplayThenLive(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := newWorld(t, Limits{})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	const senders, each, before = 6, 150, replayPage + 30
	applications := make([]*model.Identity, senders)
	for i := range applications {
		applications[i] = w.sender(w.newApplication(ada, ApplicationEdit{Name: fmt.Sprint(i)}))
	}
	foreign := w.sender(w.newApplication(bob, ApplicationEdit{Name: "foreign"}))
	var ids []int64
	for i := range before {
		ids = append(ids, w.publish(applications[i%senders], model.Draft{Message: "before"}).ID)
	}

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	last := make(chan int64) // closed; the id is in final
	var final int64
	var publishing, reading sync.WaitGroup
	var mu sync.Mutex
	for _, who := range append(slices.Clone(applications), foreign) {
		publishing.Go(func() {
			for range each {
				m, err := w.Publish(ctx, who, model.Draft{Message: "during"})
				if err != nil {
					t.Error(err)
					return
				}
				if who != foreign {
					mu.Lock()
					ids = append(ids, m.ID)
					mu.Unlock()
				}
			}
		})
	}
	type reader struct {
		since int64
		ids   []int64
		err   error
	}
	readers := make([]*reader, 24)
	for i := range readers {
		readers[i] = &reader{since: ids[(i*before/len(readers))%before]}
		r := readers[i]
		reading.Go(func() {
			s, replay, err := w.Subscribe(ctx, ada, &r.since, false)
			if err != nil {
				r.err = err
				return
			}
			defer s.Close()
			// The end is known when all is published; until then it reads on.
			r.ids, r.err = readUntil(ctx, s, replay, 0)
			<-last
			if r.err == nil && r.ids[len(r.ids)-1] < final {
				var rest []int64
				rest, r.err = readUntil(ctx, s, nothing, final)
				r.ids = append(r.ids, rest...)
			}
		})
	}
	publishing.Wait()
	final = w.publish(applications[0], model.Draft{Message: "the last one"}).ID
	ids = append(ids, final)
	close(last)
	reading.Wait()
	slices.Sort(ids)
	require.Len(t, slices.Compact(slices.Clone(ids)), before+senders*each+1)
	for i, r := range readers {
		require.NoError(t, r.err)
		at, found := slices.BinarySearch(ids, r.since)
		require.True(t, found)
		require.Equal(t, ids[at+1:], r.ids, "reader %d since %d", i, r.since)
	}
	require.Zero(t, w.Hub.Streams())
	require.NoError(t, w.DB.Close())
}

// subscribed opens a stream that ends with the test.
func (w *world) subscribed(who *model.Identity, since *int64) (*hub.Subscription, Replay) {
	w.t.Helper()
	s, replay, err := w.Subscribe(w.t.Context(), who, since, false)
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	return s, replay
}

func TestSubscribeSince(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"}))
	var ids []int64
	for range 5 {
		ids = append(ids, w.publish(sender, model.Draft{Message: "m"}).ID)
	}
	require.NoError(t, w.DeleteMessage(t.Context(), ada.User.ID, ids[2]))
	for since, want := range map[int64][]int64{
		0: {ids[0], ids[1], ids[3], ids[4]}, ids[1]: {ids[3], ids[4]}, ids[2]: {ids[3], ids[4]}, ids[4]: nil, ids[4] + 1000: nil, math.MaxInt64: nil,
	} {
		s, replay := w.subscribed(ada, &since)
		next := w.publish(sender, model.Draft{Message: "held"}).ID
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		got, err := readUntil(ctx, s, replay, next)
		cancel()
		require.NoError(t, err, "since %d", since)
		// What this test has published since is replayed, too.
		var old []int64
		for _, id := range got {
			if id <= ids[4] {
				old = append(old, id)
			}
		}
		require.Equal(t, want, old, "since %d", since)
		require.Equal(t, next, got[len(got)-1])
		require.NoError(t, w.DeleteMessage(t.Context(), ada.User.ID, next))
	}

	s, replay := w.subscribed(ada, nil)
	next := w.publish(sender, model.Draft{Message: "live"}).ID
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := readUntil(ctx, s, replay, next)
	require.NoError(t, err)
	require.Equal(t, []int64{next}, got)
}

// While a stream replays, more may come than its queue can hold.
func TestReplayOfMoreThanCanBeHeld(t *testing.T) {
	w := newWorldAround(t, Limits{}, hub.New(hub.Options{QueueEvents: 4}))
	ada := w.newPerson("ada")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"}))
	var since int64
	resumed, replay := w.subscribed(ada, &since)
	plain, begin := w.subscribed(ada, nil)
	var ids []int64
	for range 20 {
		ids = append(ids, w.publish(sender, model.Draft{Message: "m"}).ID)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := readUntil(ctx, resumed, replay, ids[19])
	require.NoError(t, err)
	require.Equal(t, ids, got)
	got, err = readUntil(ctx, plain, begin, ids[19])
	require.NoError(t, err)
	require.Equal(t, ids, got, "what was published since it was opened is owed to a plain stream, too")
	next := w.publish(sender, model.Draft{Message: "live"}).ID
	for _, s := range []*hub.Subscription{resumed, plain} {
		got, err = readUntil(ctx, s, nothing, next)
		require.NoError(t, err)
		require.Equal(t, []int64{next}, got)
	}
}

func TestReplayEndsWithItsReader(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	w.publish(w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"})), model.Draft{Message: "m"})
	var since int64
	s, replay := w.subscribed(ada, &since)
	gone := errors.New("gone")
	require.ErrorIs(t, replay(t.Context(), func([]*hub.Envelope) error { return gone }), gone)
	require.Empty(t, s.Take(nil), "a replay that broke off releases nothing")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, again := w.subscribed(ada, &since)
	require.Error(t, again(ctx, func([]*hub.Envelope) error { return nil }))
}

func TestStreamsAreLimited(t *testing.T) {
	w := newWorld(t, Limits{Streams: 2})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	first, _ := w.subscribed(ada, nil)
	w.subscribed(w.receiver(ada), nil)
	_, _, err := w.Subscribe(t.Context(), ada, nil, false)
	requireKind(t, model.TooMany, err)
	var known *model.Error
	require.ErrorAs(t, err, &known)
	require.Positive(t, known.RetryAfter)
	s, _, err := w.Subscribe(t.Context(), ada, nil, true)
	require.NoError(t, err, "exempt")
	s.Close()
	w.subscribed(bob, nil)
	first.Close()
	w.subscribed(ada, nil)
}

func TestRevokedStreams(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	phone, tablet := w.receiver(ada), w.receiver(ada)
	byPhone, _ := w.subscribed(phone, nil)
	byTablet, _ := w.subscribed(tablet, nil)
	byPassword, _ := w.subscribed(ada, nil)
	require.NoError(t, w.Auth.DeleteClient(t.Context(), ada.User.ID, phone.Client.ID))
	require.Equal(t, hub.ReasonRevoked, byPhone.Reason())
	require.Zero(t, byTablet.Reason())
	require.Zero(t, byPassword.Reason())

	// Who was revoked before the subscription existed gets none.
	_, _, err := w.Subscribe(t.Context(), phone, nil, false)
	requireKind(t, model.Unauthenticated, err)
	require.Equal(t, 2, w.Hub.Streams())
	require.NoError(t, w.Auth.DeleteUser(t.Context(), ada.User.ID))
	require.Equal(t, hub.ReasonRevoked, byTablet.Reason())
	require.Equal(t, hub.ReasonRevoked, byPassword.Reason())
	for _, who := range []*model.Identity{ada, tablet} {
		_, _, err := w.Subscribe(t.Context(), who, nil, false)
		requireKind(t, model.Unauthenticated, err)
	}
	require.Zero(t, w.Hub.Streams())
}

func TestSubscribeToAHubThatIsClosed(t *testing.T) {
	w := newWorld(t, Limits{})
	w.Hub.Close(hub.ReasonShutdown)
	_, _, err := w.Subscribe(t.Context(), w.newPerson("ada"), nil, false)
	requireKind(t, model.Unavailable, err)
}
