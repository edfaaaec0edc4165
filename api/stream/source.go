package stream

import (
	"context"
	"errors"
	"time"

	"github.com/carillon-push/carillon/hub"
)

var (
	// errEnded says that nothing more may be sent: the subscription has ended.
	errEnded = errors.New("the subscription has ended")
	// errMidFrame says the same in the midst of an event, after which nothing
	// whole can follow, not even a farewell.
	errMidFrame = errors.New("the subscription has ended in the midst of an event")
)

// source is what a stream of any kind takes its bytes from.
type source struct {
	pumps        *Pumps
	subscription *hub.Subscription
	format       format
}

// flush hands everything that waits in the subscription to write.
func (s *source) flush(write func([]byte) error) error {
	b := s.pumps.batches.Get().(*batch)
	defer s.pumps.batches.Put(b)
	defer b.reset()
	b.envelopes = s.subscription.Take(b.envelopes)
	return b.send(b.envelopes, s.format, write)
}

// send hands envelopes that did not come from the queue to write.
func (s *source) send(envelopes []*hub.Envelope, write func([]byte) error) error {
	b := s.pumps.batches.Get().(*batch)
	defer s.pumps.batches.Put(b)
	return b.send(envelopes, s.format, write)
}

// silenced reports whether nothing more may be sent: the subscription has ended
// and not because the server stops.
func (s *source) silenced() bool {
	return lifetime{s.subscription}.Err() != nil && s.subscription.Reason() != hub.ReasonShutdown
}

// replayFailed notes what no caller can be told.
func (s *source) replayFailed(err error) {
	s.pumps.options.Log.Error("a replay failed", "user", s.subscription.Feed().UserID, "error", err)
}

// lifetime is the context of a subscription: it ends with it. The subscription
// already has a channel for that, so a context of the standard library would
// only add a goroutine per stream.
type lifetime struct{ subscription *hub.Subscription }

func (l lifetime) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l lifetime) Done() <-chan struct{}       { return l.subscription.Done() }
func (l lifetime) Value(any) any               { return nil }

func (l lifetime) Err() error {
	select {
	case <-l.subscription.Done():
		return context.Canceled
	default:
		return nil
	}
}
