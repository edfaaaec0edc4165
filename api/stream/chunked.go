package stream

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// bodyLimit is the largest body that may come with the request for a stream, in
// bytes. It is read and ignored.
const bodyLimit = 4096

// Chunked answers the request, whose headers the caller has set, with the stream
// and returns when the stream has ended, with the answer complete unless it had
// to break off: there was nothing more to say, the client has left or did not
// read, or the subscription has ended. The result is an error only as long as
// nothing was written, so that the caller can answer with it: Invalid when a body
// is in the way, Internal when the connection can be no stream, or what the
// replay returned. The subscription is closed in any case.
func (p *Pumps) Chunked(w http.ResponseWriter, r *http.Request, s Stream) (err error) {
	s = s.withSubscription()
	defer s.Subscription.Close()
	c := &chunked{
		source:  source{pumps: p, subscription: s.Subscription, format: format{s.Encoder, s.Filter}},
		context: r.Context(),
		writer:  w,
		control: http.NewResponseController(w),
	}
	if err := c.open(r, s.Once); err != nil {
		return err
	}
	p.enter(c)
	defer p.leave(c)
	defer c.leave()
	defer c.contain(&err)
	if s.KeepAlive != nil {
		ticker := time.NewTicker(cmp.Or(s.Ping, p.options.KeepAlive))
		defer ticker.Stop()
		c.keepAlive, c.ticks = s.KeepAlive, ticker.C
	}
	return c.run(s)
}

// chunked is one stream in the answer to a request, written by the goroutine of
// its handler.
type chunked struct {
	source
	context   context.Context // the request's
	writer    http.ResponseWriter
	control   *http.ResponseController
	keepAlive func() []byte
	ticks     <-chan time.Time // nil without keepAlive
	begun     bool             // something was written

	mu     sync.Mutex // guards the write deadline
	broken bool       // nothing more can be written
}

// open makes the connection one that may stay open for ever.
func (c *chunked) open(r *http.Request, once bool) error {
	if r.ContentLength != 0 {
		// As long as a body is to come, nobody would notice that the client has left.
		_ = c.control.SetReadDeadline(time.Now().Add(c.pumps.options.WriteTimeout))
		if _, err := io.CopyN(io.Discard, r.Body, bodyLimit+1); !errors.Is(err, io.EOF) {
			return model.Errorf(model.Invalid, "a request for a stream may have a body of at most %d bytes", bodyLimit)
		}
	}
	err := errors.Join(c.control.SetReadDeadline(time.Time{}), c.control.SetWriteDeadline(time.Time{}))
	if errors.Is(err, http.ErrNotSupported) && !once {
		return model.Errorf(model.Internal, "this connection cannot be a stream").Because(err)
	}
	return nil // a connection that is gone shows at the first write
}

// run sends everything, from the first byte to the last.
func (c *chunked) run(s Stream) error {
	// A write that fails ends the subscription, which the next step sees.
	if len(s.Hello) > 0 {
		_ = c.write(s.Hello)
	}
	if s.Replay == nil {
		s.Subscription.Release(0)
	} else if err := c.replay(s.Replay); err != nil {
		return c.fail(err)
	}
	if s.Once {
		return nil
	}
	if !c.begun {
		_ = c.write(nil) // the headers
	}
	c.live()
	return nil
}

// replay sends what is older. It returns an error of the replay itself only.
func (c *chunked) replay(replay Replay) error {
	if c.over() != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(c.context)
	defer cancel()
	defer context.AfterFunc(lifetime{c.subscription}, cancel)()
	err := replay(ctx, c.emit)
	if err == nil || c.over() != nil {
		return nil
	}
	if c.begun {
		c.replayFailed(err)
	}
	return err
}

// emit sends what a replay has found. What a filter leaves of a long replay may
// be little, so it must not let the connection look dead.
func (c *chunked) emit(envelopes []*hub.Envelope) error {
	if err := c.over(); err != nil {
		return err
	}
	select {
	case <-c.ticks:
		if err := c.beat(); err != nil {
			return err
		}
	default:
	}
	return c.send(envelopes, c.write)
}

// live sends what the hub queues until the stream is over.
func (c *chunked) live() {
	for {
		var err error
		select {
		case <-c.context.Done():
			return
		case <-c.subscription.Done():
			if c.subscription.Reason() == hub.ReasonShutdown {
				_ = c.flush(c.write)
			}
			return
		case <-c.subscription.Ready():
			err = c.flush(c.write)
		case <-c.ticks:
			err = c.beat()
		}
		if err != nil {
			return
		}
	}
}

// beat says that the stream is alive.
func (c *chunked) beat() error {
	if line := c.keepAlive(); len(line) > 0 {
		return c.write(line)
	}
	return nil
}
