package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// queueModel says in the plainest way what a subscription does.
type queueModel struct {
	limit   int
	live    bool
	missed  bool
	last    int64
	waiting []int64
	reason  hub.Reason
}

func (m *queueModel) publish(id int64) {
	if m.reason != 0 || m.missed || id <= m.last {
		return
	}
	if len(m.waiting) == m.limit {
		if m.live {
			m.end(hub.ReasonSlow)
		} else {
			m.waiting, m.missed = nil, true
		}
		return
	}
	m.waiting, m.last = append(m.waiting, id), id
}

func (m *queueModel) release(after int64) bool {
	if m.missed {
		m.missed = false
		return false
	}
	var kept []int64
	for _, id := range m.waiting {
		if id > after {
			kept = append(kept, id)
		}
	}
	m.live, m.last, m.waiting = true, max(m.last, after), kept
	return true
}

func (m *queueModel) take() []int64 {
	if !m.live {
		return nil
	}
	taken := m.waiting
	m.waiting = nil
	return taken
}

func (m *queueModel) end(reason hub.Reason) {
	if m.reason == 0 {
		m.reason = reason
		if reason != hub.ReasonShutdown {
			m.waiting = nil
		}
	}
}

func TestASubscriptionBehavesLikeItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &queueModel{limit: rapid.IntRange(1, 40).Draw(t, "limit")}
		h := hub.New(hub.Options{QueueEvents: m.limit})
		s, err := h.Subscribe(model.Feed{UserID: 1})
		require.NoError(t, err)
		next := int64(1)
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				var events []*model.Event
				for range rapid.IntRange(1, 10).Draw(t, "events") {
					id := max(1, next+rapid.Int64Range(-2, 2).Draw(t, "step"))
					next = max(next, id+1)
					events = append(events, message(1, id))
					m.publish(id)
				}
				h.Publish(events...)
			},
			"release": func(t *rapid.T) {
				after := rapid.Int64Range(0, next).Draw(t, "after")
				require.Equal(t, m.release(after), s.Release(after))
			},
			"take": func(t *rapid.T) {
				signalled(s)
				require.Equal(t, m.take(), ids(s.Take(nil)))
			},
			"end": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") > 0 {
					return
				}
				switch reason := rapid.SampledFrom([]hub.Reason{hub.ReasonGone, hub.ReasonRevoked, hub.ReasonShutdown}).Draw(t, "reason"); reason {
				case hub.ReasonGone:
					m.end(reason)
					s.Close()
				case hub.ReasonShutdown:
					m.end(reason)
					h.Close(reason)
				default:
					m.end(reason)
					h.EndUser(1, reason)
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, m.reason, s.Reason())
				require.Equal(t, m.reason != 0, ended(s))
				require.Equal(t, m.reason == 0, h.Streams() == 1)
				if m.live && len(m.waiting) > 0 && m.reason == 0 {
					require.Len(t, s.Ready(), 1)
				}
			},
		})
	})
}
