package hub

import (
	"slices"
	"strings"
	"sync"

	"github.com/carillon-push/carillon/model"
)

// Subscription is one stream's place in the hub. One reader calls Release,
// Take and Close; the hub may end it at any time.
type Subscription struct {
	hub     *Hub
	feed    model.Feed
	ready   chan struct{}
	done    chan struct{}
	removed bool // guarded by hub.mu

	mu     sync.Mutex
	queue  []*Envelope
	bytes  int   // roughly what queue holds
	last   int64 // place in the log of what was last queued or replayed
	live   bool  // released
	missed bool  // held, and more came than there was room for
	reason Reason
}

// keptQueue is the longest queue that stays allocated after Take: streams in
// use allocate nothing, and idle ones hold little.
const keptQueue = 16

func newSubscription(h *Hub, feed model.Feed) *Subscription {
	// A topic may be cut out of something large that must not stay in memory.
	feed.Topics = slices.Clone(feed.Topics)
	for i, topic := range feed.Topics {
		feed.Topics[i] = strings.Clone(topic)
	}
	return &Subscription{hub: h, feed: feed, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// Detached returns a subscription that is in no hub: nothing is published to
// it, and only its reader ends it. It is for streams that carry a replay alone.
func Detached() *Subscription { return newSubscription(New(Options{}), model.Feed{}) }

// Feed returns what the subscription listens to. Nobody may change its topics.
func (s *Subscription) Feed() model.Feed { return s.feed }

// Ready is signalled when something waits and the subscription is released.
// After a signal the reader calls Take; there may be nothing to take.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Done is closed when the subscription has ended.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Reason returns why the subscription ended, zero while it has not.
func (s *Subscription) Reason() Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// Release says that the log up to the place after was replayed, and makes the
// subscription live: what was held beyond after is delivered in order, and
// nothing up to after is delivered any more. What was held and has no place in
// the log is delivered, too. Releasing again only raises after.
//
// It reports false when more was published meanwhile than could be held. The
// subscription is still held then and collects anew; the reader has to replay
// what was stored up to now and release again.
func (s *Subscription) Release(after int64) bool {
	s.mu.Lock()
	if s.missed {
		s.missed = false
		s.mu.Unlock()
		return false
	}
	s.live = true
	s.last = max(s.last, after)
	kept := s.queue[:0]
	for _, e := range s.queue {
		// A replay for a user has messages only, so news about them is none of it.
		if e.repeats(after) && (e.Event.Message != nil || len(s.feed.Topics) > 0) {
			s.bytes -= e.size
		} else {
			kept = append(kept, e)
		}
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	waiting := len(kept) > 0
	s.mu.Unlock()
	if waiting {
		s.signal()
	}
	return true
}

// Take appends everything that waits to into and returns it; the queue is empty
// afterwards. A held subscription gives nothing. After an end by ReasonShutdown
// what was queued before may still be taken.
func (s *Subscription) Take(into []*Envelope) []*Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return into
	}
	into = append(into, s.queue...)
	if cap(s.queue) > keptQueue {
		s.queue = nil
	} else {
		clear(s.queue)
		s.queue = s.queue[:0]
	}
	s.bytes = 0
	return into
}

// Close ends the subscription because its reader is gone. It may be called
// more than once.
func (s *Subscription) Close() {
	if !s.end(ReasonGone) {
		return
	}
	s.hub.mu.Lock()
	s.hub.remove([]*Subscription{s})
	s.hub.mu.Unlock()
}

// end ends the subscription and reports whether it was open until now.
func (s *Subscription) end(reason Reason) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endLocked(reason)
}

func (s *Subscription) endLocked(reason Reason) bool {
	if s.reason != 0 {
		return false
	}
	s.reason = reason
	if reason != ReasonShutdown {
		s.queue, s.bytes = nil, 0
	}
	close(s.done)
	return true
}

// push queues envelopes and reports false when that ended the subscription
// because its queue was full.
func (s *Subscription) push(envelopes []*Envelope) bool {
	s.mu.Lock()
	if s.reason != 0 {
		s.mu.Unlock()
		return true
	}
	before := len(s.queue)
	for _, e := range envelopes {
		if s.missed || e.repeats(s.last) || s.admit(e) {
			continue
		}
		if s.live {
			s.endLocked(ReasonSlow)
			s.mu.Unlock()
			return false
		}
		// Its reader is busy with older messages, which says nothing about how fast
		// it reads; it will find these among the stored ones.
		s.queue, s.bytes, s.missed = nil, 0, true
	}
	// A reader that has not emptied a filled queue yet was signalled when it
	// filled, and Take gives all.
	wake := s.live && before == 0 && len(s.queue) > 0
	s.mu.Unlock()
	if wake {
		s.signal()
	}
	return true
}

// admit appends e to the queue and reports false when there is no room.
func (s *Subscription) admit(e *Envelope) bool {
	size, limit := e.size, s.hub.options
	if len(s.queue) > 0 && (len(s.queue) >= limit.QueueEvents || s.bytes+size > limit.QueueBytes) {
		return false
	}
	s.queue = append(s.queue, e)
	s.bytes += size
	s.last = max(s.last, e.Event.ID)
	return true
}

func (s *Subscription) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
