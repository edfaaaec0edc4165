package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

func TestEachEndReachesTheStreamsItNames(t *testing.T) {
	feeds := []model.Feed{{UserID: 1, ClientID: 7}, {UserID: 1, ClientID: 8}, {UserID: 1}, {UserID: 1}, {UserID: 2, ClientID: 9}, {UserID: 2}}
	for name, c := range map[string]struct {
		end  func(*hub.Hub)
		ends []bool
	}{
		"user":   {func(h *hub.Hub) { h.EndUser(1, hub.ReasonRevoked) }, []bool{true, true, true, true, false, false}},
		"client": {func(h *hub.Hub) { h.EndClient(7, hub.ReasonRevoked) }, []bool{true, false, false, false, false, false}},
		"nobody": {func(h *hub.Hub) { h.EndClient(0, hub.ReasonRevoked); h.EndUser(3, hub.ReasonRevoked) }, make([]bool, 6)},
		"all":    {func(h *hub.Hub) { h.Close(hub.ReasonRevoked) }, []bool{true, true, true, true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			h := hub.New(hub.Options{})
			var streams []*hub.Subscription
			for _, f := range feeds {
				streams = append(streams, live(t, h, f))
			}
			c.end(h)
			open := 0
			for i, s := range streams {
				require.Equal(t, c.ends[i], ended(s), "%+v", feeds[i])
				if ended(s) {
					require.Equal(t, hub.ReasonRevoked, s.Reason())
				} else {
					open++
					require.Zero(t, s.Reason())
				}
			}
			require.Equal(t, open, h.Streams())
			h.Publish(message(1, 1), message(2, 2))
			for _, s := range streams {
				require.Equal(t, ended(s), len(s.Take(nil)) == 0)
				s.Close()
			}
			users, topics, clients := h.Entries()
			require.Zero(t, users+topics+clients)
		})
	}
}

func TestNothingIsDeliveredAfterRevoked(t *testing.T) {
	h := hub.New(hub.Options{})
	s := live(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1))
	h.EndUser(1, hub.ReasonRevoked)
	require.Empty(t, s.Take(nil))
}

func TestWhatWaitsAtShutdownMayStillBeTaken(t *testing.T) {
	h := hub.New(hub.Options{})
	s, held := live(t, h, model.Feed{UserID: 1}), subscribe(t, h, model.Feed{UserID: 1})
	h.Publish(message(1, 1), message(1, 2))
	h.Close(hub.ReasonShutdown)
	h.Publish(message(1, 3))

	require.True(t, ended(s))
	require.Equal(t, []int64{1, 2}, ids(s.Take(nil)))
	require.Empty(t, held.Take(nil), "a held queue stays behind its replay")
	held.Release(1)
	require.Equal(t, []int64{2}, ids(held.Take(nil)))
}

func TestAClosedHubRefusesStreams(t *testing.T) {
	h := hub.New(hub.Options{})
	h.Close(hub.ReasonShutdown)
	s, err := h.Subscribe(model.Feed{UserID: 1})
	require.Nil(t, s)
	require.Equal(t, model.Unavailable, model.KindOf(err))
	h.Close(hub.ReasonShutdown)
	require.Zero(t, h.Streams())
}

func TestTheFirstReasonStands(t *testing.T) {
	h := hub.New(hub.Options{})
	s := live(t, h, model.Feed{UserID: 1})
	h.EndUser(1, hub.ReasonRevoked)
	s.Close()
	h.Close(hub.ReasonShutdown)
	require.Equal(t, hub.ReasonRevoked, s.Reason())
	require.Equal(t, "revoked", s.Reason().String())
}
