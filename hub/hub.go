// Package hub knows who listens on this node: it hands each event to the
// subscriptions of its user, and ends subscriptions.
//
// It does not know SQL, HTTP, other nodes or wire formats: an Encoder is given
// by the format, and whoever reads a Subscription moves the bytes.
//
// A subscription begins held: it collects what is published while its reader
// replays older messages, and Release joins the two without a gap and without a
// repetition; when more comes meanwhile than can be held, the reader replays
// that, too. Messages reach a subscription in strictly increasing id order.
// Publish never blocks: a queue that is full ends its subscription, whose reader
// may come back and resume by id. The hub starts no goroutine, and an idle
// subscription costs a few hundred bytes.
package hub

import (
	"slices"
	"sync"

	"github.com/carillon-push/carillon/model"
)

// Options bounds the queue of each subscription. Zero values mean the defaults.
type Options struct {
	// QueueEvents is the most events that may wait, 1024 by default.
	QueueEvents int
	// QueueBytes is the most bytes that the waiting events may hold, roughly,
	// 8 MiB by default. One event is always let in, however large.
	QueueBytes int
}

const (
	defaultQueueEvents = 1024
	defaultQueueBytes  = 8 << 20
)

// Hub holds the open subscriptions of this node.
type Hub struct {
	options Options

	// mu guards the maps, never a delivery: Publish takes a list under it and
	// walks the list after, so that no lock is held for longer than a look-up.
	mu      sync.RWMutex
	users   index
	clients index
	count   int
	closed  bool
}

// New returns a hub without subscriptions.
func New(o Options) *Hub {
	if o.QueueEvents <= 0 {
		o.QueueEvents = defaultQueueEvents
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = defaultQueueBytes
	}
	return &Hub{options: o, users: index{}, clients: index{}}
}

// Subscribe opens a held subscription. Whatever is published after Subscribe
// has returned reaches it, so a reader that then loads older messages and
// calls Release with the last id it loaded misses nothing. It returns an
// Unavailable error once the hub is closed.
func (h *Hub) Subscribe(feed model.Feed) (*Subscription, error) {
	s := newSubscription(h, feed)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, model.Errorf(model.Unavailable, "the server is shutting down")
	}
	h.users.add(feed.UserID, s)
	if feed.ClientID != 0 {
		h.clients.add(feed.ClientID, s)
	}
	h.count++
	return s, nil
}

// Publish hands events to the subscriptions of their users. It never waits for
// a reader. Callers publish messages in id order, after they are stored: a
// message whose id is not above the last one of a subscription is taken for a
// repetition and dropped there. Events must not be changed afterwards.
func (h *Hub) Publish(events ...*model.Event) {
	var slow []*Subscription
	for len(events) > 0 {
		n := runLength(events)
		if audience := h.audience(events[0].UserID); len(audience) > 0 {
			slow = deliver(audience, events[:n], slow)
		}
		events = events[n:]
	}
	if len(slow) > 0 {
		h.mu.Lock()
		h.remove(slow)
		h.mu.Unlock()
	}
}

// runLength returns how many events at the start are for the same user. They
// are delivered together, so that they can leave a stream in one write.
func runLength(events []*model.Event) int {
	n := 1
	for n < len(events) && events[n].UserID == events[0].UserID {
		n++
	}
	return n
}

// deliver queues events at every subscription and appends those which that has
// ended to slow.
func deliver(audience []*Subscription, events []*model.Event, slow []*Subscription) []*Subscription {
	sealed := make([]*Envelope, len(events))
	for i, e := range events {
		sealed[i] = Seal(e)
	}
	for _, s := range audience {
		if !s.push(sealed) {
			slow = append(slow, s)
		}
	}
	return slow
}

// audience returns the subscriptions of the user. The list is never changed in
// place, so it may be read without the lock.
func (h *Hub) audience(userID int64) []*Subscription {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.users[userID]
}

// EndUser ends all streams of the user. Nothing is delivered to them after it
// has returned, unless the reason is ReasonShutdown.
func (h *Hub) EndUser(userID int64, reason Reason) {
	h.end(func() index { return h.users }, userID, reason)
}

// EndClient ends all streams that the client's token opened.
func (h *Hub) EndClient(clientID int64, reason Reason) {
	h.end(func() index { return h.clients }, clientID, reason)
}

// end ends the subscriptions of a key; in is called under the lock,
// because Close replaces the maps.
func (h *Hub) end(in func() index, key int64, reason Reason) {
	h.mu.Lock()
	ending := in()[key]
	h.remove(ending)
	h.mu.Unlock()
	for _, s := range ending {
		s.end(reason)
	}
}

// Clients returns the ids of the clients with an open stream, each once, in no
// order.
func (h *Hub) Clients() []int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	ids := make([]int64, 0, len(h.clients))
	for id := range h.clients {
		ids = append(ids, id)
	}
	return ids
}

// StreamsOf returns how many streams the user has open on this node.
func (h *Hub) StreamsOf(userID int64) int { return len(h.audience(userID)) }

// Streams returns how many streams are open on this node.
func (h *Hub) Streams() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.count
}

// Close ends all streams and refuses new ones. With ReasonShutdown the readers
// may still take what was queued before.
func (h *Hub) Close(reason Reason) {
	h.mu.Lock()
	all := slices.Collect(h.users.subscriptions())
	h.users, h.clients, h.count, h.closed = index{}, index{}, 0, true
	h.mu.Unlock()
	for _, s := range all {
		s.end(reason)
	}
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
	h.users.sweep(fresh, func(s *Subscription) int64 { return s.feed.UserID })
	h.clients.sweep(fresh, func(s *Subscription) int64 { return s.feed.ClientID })
	h.count -= len(fresh)
}
