// Package hub knows who listens on this node: it hands each event to the
// subscriptions of its users and of its topic, and ends subscriptions.
//
// It does not know SQL, HTTP, other nodes or wire formats: an Encoder is given
// by the format, and whoever reads a Subscription moves the bytes.
//
// A subscription begins held: it collects what is published while its reader
// replays older messages, and Release joins the two without a gap and without a
// repetition; when more comes meanwhile than can be held, the reader replays
// that, too. What has a place in the log reaches a subscription once and in the
// order of the log; what has none always passes. Publish never blocks: a queue
// that is full ends its subscription, whose reader may come back and resume by
// id. The hub starts no goroutine, and an idle subscription costs a few hundred
// bytes.
package hub

import (
	"maps"
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
	mu sync.RWMutex
	// users has the subscriptions to everything that a user may read, topics those
	// to topics. Apart from each other, they do not slow each other down.
	users  index[int64]
	topics index[string]
	// topicUsers has the subscriptions to topics by whose they are; a stranger's
	// is not in it.
	topicUsers index[int64]
	clients    index[int64]
	count      int
	closed     bool
}

// New returns a hub without subscriptions.
func New(o Options) *Hub {
	if o.QueueEvents <= 0 {
		o.QueueEvents = defaultQueueEvents
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = defaultQueueBytes
	}
	h := &Hub{options: o}
	h.clear()
	return h
}

// clear forgets all subscriptions.
func (h *Hub) clear() {
	h.users, h.topics = newIndex((*Subscription).users), newIndex((*Subscription).topics)
	h.topicUsers, h.clients = newIndex((*Subscription).topicUsers), newIndex((*Subscription).clients)
	h.count = 0
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
	h.users.add(s)
	h.topics.add(s)
	h.topicUsers.add(s)
	h.clients.add(s)
	h.count++
	return s, nil
}

// Clients returns the ids of the clients with an open stream, each once, in no
// order.
func (h *Hub) Clients() []int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.AppendSeq(make([]int64, 0, len(h.clients.lists)), maps.Keys(h.clients.lists))
}

// StreamsOf returns how many streams the user has open on this node.
func (h *Hub) StreamsOf(userID int64) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.users.lists[userID]) + len(h.topicUsers.lists[userID])
}

// Streams returns how many streams are open on this node.
func (h *Hub) Streams() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.count
}
