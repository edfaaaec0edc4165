// Package stream moves bytes from subscriptions to connections: the pumps.
//
// It knows neither which face opened a stream nor which format it speaks: the
// face gives a subscription, an encoder and, for older messages, a replay. What
// may be read, and by whom, was decided before.
//
// Events leave in the order in which the hub queued them, each once, and all
// that wait for a stream leave in one write. Each write has a deadline, so a
// reader that does not read is cut and never holds up anybody else. A stream
// lasts as long as its subscription: when one ends, so does the other. After
// the upgrade to a WebSocket the HTTP handler returns at once, so that an idle
// stream holds no request, no handler and no large buffer; a chunked answer
// keeps its handler until it ends. A panic in a face's encoder, filter or replay
// ends that stream only.
package stream

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// Options says how streams are kept alive. Zero values mean the defaults.
type Options struct {
	// Ping is how often a stream is pinged, 25 s by default. A peer that sends
	// nothing for Ping and 15 s more is cut.
	Ping time.Duration
	// KeepAlive is how often a chunked stream says that it is alive, 25 s by
	// default.
	KeepAlive time.Duration
	// WriteTimeout is how long one write may take, 10 s by default.
	WriteTimeout time.Duration
	// Log hears of failures that no caller can be told; nothing is logged when
	// it is nil.
	Log *slog.Logger
}

const (
	defaultPing         = 25 * time.Second
	defaultKeepAlive    = 25 * time.Second
	defaultWriteTimeout = 10 * time.Second
	// pongGrace is how long a peer may take to answer a ping.
	pongGrace = 15 * time.Second
	// closeWait bounds the farewell: sending a close frame, and waiting for the
	// peer to close too.
	closeWait = time.Second
)

// Replay hands older events to emit, in order, and then releases the
// subscription. It runs in a goroutine of the stream. Its context ends when the
// connection or the subscription ends; an error of emit means the same and is to
// be returned. Any other error ends the stream.
type Replay func(ctx context.Context, emit func([]*hub.Envelope) error) error

// Stream is what a face gives to a pump.
type Stream struct {
	// Subscription is what the stream carries. The pump closes it in the end. It
	// may be nil when the stream is only for Once.
	Subscription *hub.Subscription
	// Hello is sent first, unless it is empty.
	Hello []byte
	// Replay sends what is older; nil when there is nothing. Everything it refers
	// to stays in memory while it runs, and no longer.
	Replay Replay
	// Once says that the stream ends after the replay instead of going live.
	Once bool
	// Encoder makes the payload. It must be comparable.
	Encoder hub.Encoder
	// Filter says which events the stream carries, older and live ones; nil means
	// all that the format does.
	Filter func(*model.Event) bool
	// KeepAlive makes what is sent from time to time on a chunked stream; nil
	// means nothing. A WebSocket is pinged instead.
	KeepAlive func() []byte
	// Ping is how often this stream is pinged, or keeps itself alive; zero means
	// as often as Options says.
	Ping time.Duration
	// CloseFrames says that the client understands close frames: it gets 1008
	// when its right was revoked, 1013 when it was too slow, 1001 when the
	// server stops and 1011 when the replay failed. Without, the connection just
	// ends, which is what Gotify's Android app needs in order to reconnect. The
	// end of Once is 1000 in any case.
	CloseFrames bool
}

// withSubscription returns the stream with a subscription of its own when it
// has none.
func (s Stream) withSubscription() Stream {
	if s.Subscription == nil {
		s.Subscription = hub.Detached()
	}
	return s
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
	if o.KeepAlive <= 0 {
		o.KeepAlive = defaultKeepAlive
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
		p.panicked(reason)
		s.cut()
	}
}

func (p *Pumps) panicked(reason any) {
	p.options.Log.Error("a stream failed", "panic", reason, "stack", string(debug.Stack()))
}
