package hub_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// posted returns the event of a message of user 1 in a topic.
func posted(topic string, id int64) *model.Event {
	e := message(1, id)
	e.Topic = topic
	return e
}

// places returns the events' places in the log.
func places(envelopes []*hub.Envelope) []int64 {
	var out []int64
	for _, e := range envelopes {
		out = append(out, e.Event.ID)
	}
	return out
}

func TestTopicStreamsHearTheirTopicsOnly(t *testing.T) {
	h := hub.New(hub.Options{})
	one := live(t, h, model.Feed{UserID: 1, Topics: []string{"a"}})
	both := live(t, h, model.Feed{Topics: []string{"b", "a"}})
	owner := live(t, h, model.Feed{UserID: 1})

	h.Publish(posted("a", 1), posted("b", 2), posted("", 3), posted("c", 4), posted("A", 5), posted("a", 6))

	require.Equal(t, []int64{1, 6}, places(one.Take(nil)))
	require.Equal(t, []int64{1, 2, 6}, places(both.Take(nil)))
	require.Equal(t, []int64{1, 2, 3, 4, 5, 6}, places(owner.Take(nil)))
}

func TestEventsForTopicsOnlyReachNoUserStream(t *testing.T) {
	h := hub.New(hub.Options{})
	owner, reader := live(t, h, model.Feed{UserID: 1}), live(t, h, model.Feed{UserID: 2})
	topic := live(t, h, model.Feed{UserID: 1, Topics: []string{"a"}})
	hidden := posted("a", 1)
	hidden.TopicOnly, hidden.Readers = true, []int64{2}

	shown := posted("a", 2)
	shown.Readers = []int64{2}

	h.Publish(hidden, shown)

	require.Equal(t, []int64{1, 2}, places(topic.Take(nil)))
	require.Equal(t, []int64{2}, places(owner.Take(nil)))
	require.Equal(t, []int64{2}, places(reader.Take(nil)))
}

func TestReadersHearWhatTheyMayRead(t *testing.T) {
	h := hub.New(hub.Options{})
	streams := map[int64]*hub.Subscription{}
	for user := int64(1); user <= 4; user++ {
		streams[user] = live(t, h, model.Feed{UserID: user})
	}
	elsewhere := live(t, h, model.Feed{UserID: 2, Topics: []string{"z"}})
	first, second, third := posted("a", 1), posted("a", 2), posted("a", 3)
	first.Readers, second.Readers = []int64{2, 5, 3}, []int64{3}

	h.Publish(first, second, third)

	require.Equal(t, []int64{1, 2, 3}, places(streams[1].Take(nil)))
	require.Equal(t, []int64{1}, places(streams[2].Take(nil)))
	require.Equal(t, []int64{1, 2}, places(streams[3].Take(nil)))
	require.Empty(t, streams[4].Take(nil))
	require.Empty(t, elsewhere.Take(nil))
}

func TestAllAudiencesShareOneEncoding(t *testing.T) {
	h := hub.New(hub.Options{})
	streams := []*hub.Subscription{
		live(t, h, model.Feed{UserID: 1}), live(t, h, model.Feed{UserID: 2}), live(t, h, model.Feed{UserID: 3}),
		live(t, h, model.Feed{UserID: 1, Topics: []string{"a"}}), live(t, h, model.Feed{Topics: []string{"b", "a"}}),
	}
	e := posted("a", 1)
	e.Readers = []int64{2, 3}
	h.Publish(e)
	format := &counting{name: "json"}
	for _, s := range streams {
		taken := s.Take(nil)
		require.Len(t, taken, 1)
		require.Equal(t, "json 1", string(taken[0].Bytes(format)))
	}
	require.EqualValues(t, 1, format.calls.Load())
}

// News that has a place in the log keeps the order, and is known again; what
// has none always passes.
func TestTheLogsOrderIsThatOfMessagesAndNotices(t *testing.T) {
	notice := func(id int64) *model.Event {
		return model.Noticed(&model.Notice{ID: id, Kind: model.MessageCleared, UserID: 1, Topic: "a", MessageID: 1})
	}
	h := hub.New(hub.Options{})
	s := subscribe(t, h, model.Feed{Topics: []string{"a"}})
	placeless := func() *model.Event {
		return &model.Event{Kind: model.MessageDeleted, UserID: 1, Topic: "a", MessageID: 1}
	}
	h.Publish(posted("a", 1), notice(2), placeless(), posted("a", 3), notice(4), placeless())
	s.Release(3)
	require.Equal(t, []int64{0, 4, 0}, places(s.Take(nil)))

	h.Publish(notice(4), posted("a", 3), placeless(), notice(5), posted("a", 5), posted("a", 6), notice(6))
	require.Equal(t, []int64{0, 5, 6}, places(s.Take(nil)))
}

func TestAHeldTopicStreamMissesAndRepeatsNothing(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 3})
	s := subscribe(t, h, model.Feed{Topics: []string{"a", "b"}})
	h.Publish(posted("a", 1), posted("b", 2))
	require.False(t, signalled(s))
	require.Empty(t, s.Take(nil))
	h.Publish(posted("b", 3), posted("a", 4))
	require.False(t, s.Release(2), "3 and 4 were not held")
	h.Publish(posted("a", 5), posted("b", 6))
	require.True(t, s.Release(5), "the reader has replayed up to 5")
	require.True(t, signalled(s))
	require.Equal(t, []int64{6}, places(s.Take(nil)))
}

func TestASlowTopicStreamIsEndedAlone(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 2})
	slow := live(t, h, model.Feed{UserID: 1, ClientID: 7, Topics: []string{"a", "b"}})
	quick := live(t, h, model.Feed{Topics: []string{"b"}})
	h.Publish(posted("a", 1), posted("b", 2), posted("b", 3))
	require.Equal(t, hub.ReasonSlow, slow.Reason())
	require.Equal(t, []int64{2, 3}, places(quick.Take(nil)))
	users, topics, clients := h.Entries()
	require.Equal(t, []int{0, 1, 0}, []int{users, topics, clients})
}

func TestTopicStreamsAreCountedAndEnded(t *testing.T) {
	feeds := []model.Feed{
		{UserID: 1}, {UserID: 1, ClientID: 7, Topics: []string{"a", "b"}}, {UserID: 1, TokenID: 5, Topics: []string{"b"}},
		{Topics: []string{"b", "a"}}, {UserID: 2, Topics: []string{"a"}},
	}
	for name, c := range map[string]struct {
		end  func(*hub.Hub)
		ends []bool
	}{
		"user":    {func(h *hub.Hub) { h.EndUser(1, hub.ReasonRevoked) }, []bool{true, true, true, false, false}},
		"nobody":  {func(h *hub.Hub) { h.EndUser(0, hub.ReasonRevoked) }, make([]bool, 5)},
		"client":  {func(h *hub.Hub) { h.EndClient(7, hub.ReasonRevoked) }, []bool{false, true, false, false, false}},
		"token":   {endWhere(func(f model.Feed) bool { return f.TokenID == 5 }), []bool{false, false, true, false, false}},
		"topic":   {endWhere(func(f model.Feed) bool { return slices.Contains(f.Topics, "a") }), []bool{false, true, false, true, true}},
		"no one":  {endWhere(func(model.Feed) bool { return false }), make([]bool, 5)},
		"no user": {endWhere(func(f model.Feed) bool { return f.UserID == 0 }), []bool{false, false, false, true, false}},
		"all":     {func(h *hub.Hub) { h.Close(hub.ReasonRevoked) }, []bool{true, true, true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			h := hub.New(hub.Options{})
			var streams []*hub.Subscription
			for _, f := range feeds {
				streams = append(streams, live(t, h, f))
			}
			require.Equal(t, []int{5, 3, 1, 0}, []int{h.Streams(), h.StreamsOf(1), h.StreamsOf(2), h.StreamsOf(0)})
			c.end(h)
			open := 0
			for i, s := range streams {
				require.Equal(t, c.ends[i], ended(s), "%+v", feeds[i])
				if !ended(s) {
					open++
				}
			}
			require.Equal(t, open, h.Streams())
			for _, s := range streams {
				s.Close()
			}
			users, topics, clients := h.Entries()
			require.Zero(t, users+topics+clients)
			require.Zero(t, h.Streams())
		})
	}
}

func endWhere(match func(model.Feed) bool) func(*hub.Hub) {
	return func(h *hub.Hub) { h.EndWhere(match, hub.ReasonRevoked) }
}

// Who decides may ask the hub meanwhile, and is asked once about each stream.
func TestEndWhereAsksOnceAndHoldsNoLock(t *testing.T) {
	h := hub.New(hub.Options{})
	want := []model.Feed{{UserID: 1}, {UserID: 2, Topics: []string{"a", "b", "c"}}, {Topics: []string{"c", "a"}}}
	for _, f := range want {
		live(t, h, f)
	}
	var asked []model.Feed
	h.EndWhere(func(f model.Feed) bool {
		asked = append(asked, f)
		subscribe(t, h, model.Feed{UserID: 9}).Close()
		return true
	}, hub.ReasonRevoked)
	require.ElementsMatch(t, want, asked)
	require.Zero(t, h.Streams())
}

func TestASubscriptionKeepsItsTopicsWhateverTheCallerDoes(t *testing.T) {
	h := hub.New(hub.Options{})
	topics := []string{"a", "b"}
	s := live(t, h, model.Feed{Topics: topics})
	topics[0] = "x"
	require.Equal(t, []string{"a", "b"}, s.Feed().Topics)
	s.Close()
	_, entries, _ := h.Entries()
	require.Zero(t, entries)
}

func TestADetachedSubscriptionIsItsReadersAlone(t *testing.T) {
	s := hub.Detached()
	require.True(t, s.Release(0))
	require.Empty(t, s.Take(nil))
	require.False(t, ended(s))
	s.Close()
	require.True(t, ended(s))
	require.Equal(t, hub.ReasonGone, s.Reason())
}

// What is not stored is not in any replay, so it is no repetition of it.
func TestTransientMessagesOutliveAReplay(t *testing.T) {
	h := hub.New(hub.Options{})
	s, err := h.Subscribe(model.Feed{Topics: []string{"a"}})
	require.NoError(t, err)
	passing := posted("a", 2)
	passing.Message.Transient = true
	h.Publish(posted("a", 1), passing, posted("a", 3), posted("a", 4))

	require.True(t, s.Release(3))

	require.Equal(t, []int64{2, 4}, places(s.Take(nil)))
}
