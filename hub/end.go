package hub

import (
	"slices"

	"github.com/carillon-push/carillon/model"
)

// EndUser ends all streams of the user. Nothing is delivered to them after it
// has returned, unless the reason is ReasonShutdown.
func (h *Hub) EndUser(userID int64, reason Reason) {
	h.mu.Lock()
	ending := slices.Concat(h.users.lists[userID], h.topicUsers.lists[userID])
	h.remove(ending)
	h.mu.Unlock()
	endAll(ending, reason)
}

// EndClient ends all streams that the client's token opened.
func (h *Hub) EndClient(clientID int64, reason Reason) {
	h.mu.Lock()
	ending := h.clients.lists[clientID]
	h.remove(ending)
	h.mu.Unlock()
	endAll(ending, reason)
}

// EndWhere ends all streams whose feed matches. Every stream that is open when
// it is called is asked about, once; match may take its time, because no lock is
// held meanwhile.
func (h *Hub) EndWhere(match func(model.Feed) bool, reason Reason) {
	ending := slices.DeleteFunc(h.all(), func(s *Subscription) bool { return !match(s.feed) })
	h.mu.Lock()
	h.remove(ending)
	h.mu.Unlock()
	endAll(ending, reason)
}

// Close ends all streams and refuses new ones. With ReasonShutdown the readers
// may still take what was queued before.
func (h *Hub) Close(reason Reason) {
	h.mu.Lock()
	ending := h.allLocked()
	for _, s := range ending {
		s.removed = true
	}
	h.clear()
	h.closed = true
	h.mu.Unlock()
	endAll(ending, reason)
}

func endAll(ending []*Subscription, reason Reason) {
	for _, s := range ending {
		s.end(reason)
	}
}

// all returns every subscription, each once.
func (h *Hub) all() []*Subscription {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.allLocked()
}

func (h *Hub) allLocked() []*Subscription {
	all := make([]*Subscription, 0, h.count)
	for _, list := range h.users.lists {
		all = append(all, list...)
	}
	for topic, list := range h.topics.lists {
		for _, s := range list {
			if s.feed.Topics[0] == topic { // it stands under the others, too
				all = append(all, s)
			}
		}
	}
	return all
}

// remove forgets subscriptions, those already forgotten included. The caller
// holds h.mu.
func (h *Hub) remove(gone []*Subscription) {
	fresh := gone[:0:0]
	for _, s := range gone {
		if !s.removed {
			s.removed = true
			fresh = append(fresh, s)
		}
	}
	h.users.sweep(fresh)
	h.topics.sweep(fresh)
	h.topicUsers.sweep(fresh)
	h.clients.sweep(fresh)
	h.count -= len(fresh)
}
