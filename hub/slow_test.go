package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

func TestAFullQueueEndsTheSlowReaderAlone(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 3})
	slow, quick := live(t, h, model.Feed{UserID: 1, ClientID: 5}), live(t, h, model.Feed{UserID: 1, ClientID: 6})
	var got []int64
	for id := int64(1); id <= 3; id++ {
		h.Publish(message(1, id))
		got = append(got, ids(quick.Take(nil))...)
	}
	require.False(t, ended(slow))

	h.Publish(message(1, 4))

	require.True(t, ended(slow))
	require.Equal(t, hub.ReasonSlow, slow.Reason())
	require.Empty(t, slow.Take(nil))
	require.Equal(t, []int64{1, 2, 3, 4}, append(got, ids(quick.Take(nil))...))
	require.Equal(t, 1, h.StreamsOf(1))
	require.Equal(t, []int64{6}, h.Clients())
}

// A reader that is still replaying is not slow: what could not be held is left
// to a further replay, and nothing comes twice or never.
func TestAHeldQueueIsBoundedToo(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 3})
	held := subscribe(t, h, model.Feed{UserID: 1})
	for id := int64(1); id <= 10; id++ {
		h.Publish(message(1, id))
	}
	require.False(t, held.Release(2), "what came after 2 was not held")
	require.Empty(t, held.Take(nil))
	h.Publish(message(1, 11), message(1, 12))
	require.True(t, held.Release(10), "the reader has replayed up to 10")
	require.Equal(t, []int64{11, 12}, ids(held.Take(nil)))
	require.False(t, ended(held))

	h.Publish(message(1, 13), message(1, 14), message(1, 15), message(1, 16))
	require.Equal(t, hub.ReasonSlow, held.Reason(), "a live one that does not read is slow")
}

func TestTheQueueIsBoundedByBytes(t *testing.T) {
	h := hub.New(hub.Options{QueueBytes: 100_000})
	s := live(t, h, model.Feed{UserID: 1})
	h.Publish(sized(1, 1, 1_000_000))
	require.False(t, ended(s), "a single event is let in, however large")
	require.Len(t, s.Take(nil), 1)

	h.Publish(sized(1, 2, 40_000), sized(1, 3, 40_000))
	require.False(t, ended(s))
	require.Len(t, s.Take(nil), 2)

	h.Publish(sized(1, 4, 40_000), sized(1, 5, 40_000), sized(1, 6, 40_000))
	require.Equal(t, hub.ReasonSlow, s.Reason())
}

func TestAllTextsCountAsBytes(t *testing.T) {
	long := string(make([]byte, 100_000))
	for name, fill := range map[string]func(*model.Message){
		"title":      func(m *model.Message) { m.Title = long },
		"extras":     func(m *model.Message) { m.Extras = long },
		"click":      func(m *model.Message) { m.Details.Click = long },
		"icon":       func(m *model.Message) { m.Details.Icon = long },
		"tag":        func(m *model.Message) { m.Details.Tags = []string{"a", long} },
		"many tags":  func(m *model.Message) { m.Details.Tags = make([]string, 10_000) },
		"address":    func(m *model.Message) { m.Details.Actions = []model.Action{{}, {URL: long}} },
		"body":       func(m *model.Message) { m.Details.Actions = []model.Action{{Body: long}} },
		"header":     func(m *model.Message) { m.Details.Actions = []model.Action{{Headers: map[string]string{"a": long}}} },
		"extra":      func(m *model.Message) { m.Details.Actions = []model.Action{{Extras: map[string]string{long: "a"}}} },
		"attachment": func(m *model.Message) { m.Details.Attachment = &model.Attachment{Name: "a", URL: long} },
	} {
		t.Run(name, func(t *testing.T) {
			h := hub.New(hub.Options{QueueBytes: 100_000})
			s := live(t, h, model.Feed{UserID: 1})
			large := message(1, 2)
			large.Message.Details = &model.Details{Click: "a", Tags: []string{"b"}, Attachment: &model.Attachment{}}
			h.Publish(message(1, 1), large)
			require.Len(t, s.Take(nil), 2)
			large = message(1, 4)
			large.Message.Details = new(model.Details)
			fill(large.Message)
			h.Publish(message(1, 3), large)
			require.Equal(t, hub.ReasonSlow, s.Reason())
		})
	}
}

func TestManySlowReadersLeaveAtOnce(t *testing.T) {
	h := hub.New(hub.Options{QueueEvents: 1})
	for range 2000 {
		live(t, h, model.Feed{UserID: 1, ClientID: 7})
	}
	quick := live(t, h, model.Feed{UserID: 1, ClientID: 7})
	h.Publish(message(1, 1))
	quick.Take(nil)
	h.Publish(message(1, 2))
	require.Equal(t, 1, h.Streams())
	require.Equal(t, []int64{2}, ids(quick.Take(nil)))
}
