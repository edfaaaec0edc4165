package hub

import (
	"slices"

	"github.com/carillon-push/carillon/model"
)

// Publish hands each event to the subscriptions of its owner and of its readers,
// unless it is for topics only, and to those of its topic. It never waits for a
// reader. Callers publish what has a place in the log in the order of the log,
// after it was stored: an event whose ID is not above the last one of a
// subscription is taken for a repetition and dropped there. Events must not be
// changed afterwards.
func (h *Hub) Publish(events ...*model.Event) {
	var slow []*Subscription
	for len(events) > 0 {
		n := runLength(events)
		slow = h.deliver(events[:n], slow)
		events = events[n:]
	}
	if len(slow) > 0 {
		h.mu.Lock()
		h.remove(slow)
		h.mu.Unlock()
	}
}

// runLength returns how many events at the start are for the same audiences.
// They are delivered together, so that they can leave a stream in one write.
func runLength(events []*model.Event) int {
	first, n := events[0], 1
	for n < len(events) && sameAudiences(first, events[n]) {
		n++
	}
	return n
}

func sameAudiences(a, b *model.Event) bool {
	return a.UserID == b.UserID && a.Topic == b.Topic && a.TopicOnly == b.TopicOnly && slices.Equal(a.Readers, b.Readers)
}

// audiences are the subscriptions that hear of an event. The lists are never
// changed in place, so they may be read without the lock.
type audiences struct {
	owner, topic []*Subscription
	readers      [][]*Subscription
}

// deliver queues events, all for the same audiences, and appends the
// subscriptions which that has ended to slow.
func (h *Hub) deliver(events []*model.Event, slow []*Subscription) []*Subscription {
	to := h.audiences(events[0])
	if len(to.owner)+len(to.topic)+len(to.readers) == 0 {
		return slow
	}
	sealed := make([]*Envelope, len(events))
	for i, e := range events {
		sealed[i] = Seal(e)
	}
	slow = push(to.owner, sealed, slow)
	slow = push(to.topic, sealed, slow)
	for _, reader := range to.readers {
		slow = push(reader, sealed, slow)
	}
	return slow
}

func push(audience []*Subscription, sealed []*Envelope, slow []*Subscription) []*Subscription {
	for _, s := range audience {
		if !s.push(sealed) {
			slow = append(slow, s)
		}
	}
	return slow
}

// audiences looks up who hears of the event.
func (h *Hub) audiences(e *model.Event) audiences {
	var to audiences
	h.mu.RLock()
	defer h.mu.RUnlock()
	if e.Topic != "" {
		to.topic = h.topics.lists[e.Topic]
	}
	if e.TopicOnly {
		return to
	}
	to.owner = h.users.lists[e.UserID]
	for _, reader := range e.Readers {
		if list := h.users.lists[reader]; len(list) > 0 {
			to.readers = append(to.readers, list)
		}
	}
	return to
}
