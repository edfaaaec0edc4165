package hub_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// patience is how long a test waits for an event that must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// message returns the event of a message with the id for the user.
func message(userID, id int64) *model.Event {
	return &model.Event{Kind: model.MessagePublished, ID: id, UserID: userID, Message: &model.Message{ID: id}}
}

// sized returns a message event whose text has n bytes.
func sized(userID, id int64, n int) *model.Event {
	e := message(userID, id)
	e.Message.Message = string(make([]byte, n))
	return e
}

func subscribe(t testing.TB, h *hub.Hub, feed model.Feed) *hub.Subscription {
	t.Helper()
	s, err := h.Subscribe(feed)
	require.NoError(t, err)
	return s
}

// live opens a subscription that has nothing to replay.
func live(t testing.TB, h *hub.Hub, feed model.Feed) *hub.Subscription {
	t.Helper()
	s := subscribe(t, h, feed)
	s.Release(0)
	return s
}

// ids returns the message ids in envelopes.
func ids(envelopes []*hub.Envelope) []int64 {
	var out []int64
	for _, e := range envelopes {
		out = append(out, e.Event.Message.ID)
	}
	return out
}

func signalled(s *hub.Subscription) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

func ended(s *hub.Subscription) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}

func TestEventsReachTheStreamsOfTheirUserOnly(t *testing.T) {
	h := hub.New(hub.Options{})
	first, second := live(t, h, model.Feed{UserID: 1, ClientID: 7}), live(t, h, model.Feed{UserID: 1})
	other := live(t, h, model.Feed{UserID: 2, ClientID: 8})

	h.Publish(message(1, 1), message(1, 2), message(2, 3), message(1, 4), message(3, 5))

	require.True(t, signalled(first))
	require.Equal(t, []int64{1, 2, 4}, ids(first.Take(nil)))
	require.Equal(t, []int64{1, 2, 4}, ids(second.Take(nil)))
	require.Equal(t, []int64{3}, ids(other.Take(nil)))
	require.Equal(t, model.Feed{UserID: 1, ClientID: 7}, first.Feed())
}

func TestStreamsShareOneEnvelope(t *testing.T) {
	h := hub.New(hub.Options{})
	a, b := live(t, h, model.Feed{UserID: 1}), live(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1))
	require.Same(t, a.Take(nil)[0], b.Take(nil)[0])
}

func TestTakeAppendsAndEmptiesTheQueue(t *testing.T) {
	h := hub.New(hub.Options{})
	s := live(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1))
	taken := s.Take(nil)
	for id := int64(2); id <= 100; id++ {
		h.Publish(message(1, id))
	}
	taken = s.Take(taken)
	require.Len(t, taken, 100)
	require.IsIncreasing(t, ids(taken))
	require.Empty(t, s.Take(nil))
}

func TestTakenEnvelopesStayAsTheyAre(t *testing.T) {
	h := hub.New(hub.Options{})
	s := live(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1), message(1, 2))
	taken := s.Take(nil)
	h.Publish(message(1, 3), message(1, 4))
	require.Equal(t, []int64{1, 2}, ids(taken))
	require.Equal(t, []int64{3, 4}, ids(s.Take(nil)))
}

func TestRepeatedAndLateMessagesAreDropped(t *testing.T) {
	h := hub.New(hub.Options{})
	s := live(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 5), message(1, 5), message(1, 4))
	h.Publish(message(1, 5), message(1, 6))
	require.Equal(t, []int64{5, 6}, ids(s.Take(nil)))
}

func TestIndexesFollowTheOpenStreams(t *testing.T) {
	h := hub.New(hub.Options{})
	a := subscribe(t, h, model.Feed{UserID: 1, ClientID: 7})
	b := subscribe(t, h, model.Feed{UserID: 1, ClientID: 7})
	c := subscribe(t, h, model.Feed{UserID: 1})
	d := subscribe(t, h, model.Feed{UserID: 2, ClientID: 9})
	require.Equal(t, 4, h.Streams())
	require.Equal(t, 3, h.StreamsOf(1))
	require.ElementsMatch(t, []int64{7, 9}, h.Clients())

	a.Close()
	a.Close()
	d.Close()
	require.Equal(t, 2, h.Streams())
	require.Equal(t, 2, h.StreamsOf(1))
	require.Equal(t, 0, h.StreamsOf(2))
	require.Equal(t, []int64{7}, h.Clients())

	b.Close()
	c.Close()
	require.Zero(t, h.Streams())
	require.Empty(t, h.Clients())
	users, topics, clients := h.Entries()
	require.Zero(t, users+topics+clients, "a user or client without streams keeps an entry")
}
