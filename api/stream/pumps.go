// Package stream moves bytes from subscriptions to connections: the pumps.
//
// It knows neither which face opened a stream nor which format it speaks: the
// face gives a subscription, an encoder and, for older messages, a replay. What
// may be read, and by whom, was decided before.
//
// Frames leave in the order in which the hub queued them, each once, and all
// that wait for a stream leave in one write. Each write has a deadline, so a
// reader that does not read is cut and never holds up anybody else. A stream
// lasts as long as its subscription: when one ends, so does the other. After
// the upgrade the HTTP handler returns at once, so that an idle stream holds no
// request, no handler and no large buffer. A panic in a face's encoder or
// replay ends that stream only.
package stream

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carillon-push/carillon/hub"
)

// Options says how streams are kept alive. Zero values mean the defaults.
type Options struct {
	// Ping is how often a stream is pinged, 25 s by default. A peer that sends
	// nothing for Ping and 15 s more is cut.
	Ping time.Duration
	// WriteTimeout is how long one write may take, 10 s by default.
	WriteTimeout time.Duration
	// Log hears of failures that no caller can be told; nothing is logged when
	// it is nil.
	Log *slog.Logger
}

const (
	defaultPing         = 25 * time.Second
	defaultWriteTimeout = 10 * time.Second
	// pongGrace is how long a peer may take to answer a ping.
	pongGrace = 15 * time.Second
	// closeWait bounds the farewell: sending a close frame, and waiting for the
	// peer to close too.
	closeWait = time.Second
)

// Replay hands older events to emit, in order, and then releases the
// subscription. It runs after the upgrade, in a goroutine of the stream. Its
// context ends when the connection or the subscription ends; an error of emit
// means the same and is to be returned. Any other error ends the stream.
type Replay func(ctx context.Context, emit func([]*hub.Envelope) error) error

// Stream is what a face gives to a pump.
type Stream struct {
	// Subscription is what the stream carries. The pump closes it in the end.
	Subscription *hub.Subscription
	// Replay sends what is older; nil when the subscription was released
	// already. Everything it refers to stays in
	// memory while it runs, and no longer.
	Replay Replay
	// Encoder makes the payload. It must be comparable.
	Encoder hub.Encoder
	// CloseFrames says that the client understands close frames: it gets 1008
	// when its right was revoked, 1013 when it was too slow, 1001 when the
	// server stops and 1011 when the replay failed. Without, the connection just
	// ends, which is what Gotify's Android app needs in order to reconnect.
	CloseFrames bool
}

// Pumps runs the streams of this node.
type Pumps struct {
	options Options
	grace   time.Duration
	batches sync.Pool // *batch

	mu    sync.Mutex
	open  map[cutter]struct{}
	empty chan struct{} // closed when open gets empty; nil unless somebody waits
}

// cutter is a running stream, which can be cut off without a farewell.
type cutter interface{ cut() }

// New returns pumps without streams.
func New(o Options) *Pumps {
	if o.Ping <= 0 {
		o.Ping = defaultPing
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Pumps{
		options: o,
		grace:   pongGrace,
		batches: sync.Pool{New: func() any { return new(batch) }},
		open:    map[cutter]struct{}{},
	}
}

// Drain waits until all streams have ended; the hub was closed before, which
// makes them end. When ctx ends first it cuts off the rest and returns an error
// that says how many they were.
func (p *Pumps) Drain(ctx context.Context) error {
	p.mu.Lock()
	if len(p.open) == 0 {
		p.mu.Unlock()
		return nil
	}
	if p.empty == nil {
		p.empty = make(chan struct{})
	}
	empty := p.empty
	p.mu.Unlock()

	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d streams were cut off: %w", p.cutAll(), context.Cause(ctx))
	}
}

func (p *Pumps) cutAll() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.open {
		s.cut()
	}
	return len(p.open)
}

func (p *Pumps) enter(s cutter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[s] = struct{}{}
}

func (p *Pumps) leave(s cutter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, s)
	if len(p.open) == 0 && p.empty != nil {
		close(p.empty)
		p.empty = nil
	}
}

// contain is deferred by the goroutines of streams: a panic ends the stream and
// not the process.
func (p *Pumps) contain(s cutter) {
	if reason := recover(); reason != nil {
		p.options.Log.Error("a stream failed", "panic", reason, "stack", string(debug.Stack()))
		s.cut()
	}
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
