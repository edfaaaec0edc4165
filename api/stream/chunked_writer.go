package stream

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/model"
)

// write writes whole events and flushes them, unless the subscription has ended
// in the meantime: in pieces that each have the full time, as a large event on a
// slow line is not a dead line. An error means that nothing can follow.
func (c *chunked) write(p []byte) error {
	if c.silenced() {
		return errEnded
	}
	for {
		piece := p[:min(len(p), maxWrite)]
		if err := c.writePiece(piece); err != nil {
			c.cut()
			return err
		}
		if p = p[len(piece):]; len(p) == 0 {
			return nil
		}
		if c.silenced() {
			c.cut() // the client must not take what is there for a whole
			return errMidFrame
		}
	}
}

func (c *chunked) writePiece(piece []byte) error {
	if err := c.limit(time.Now().Add(c.pumps.options.WriteTimeout)); err != nil {
		return err
	}
	c.begun = true
	if _, err := c.writer.Write(piece); err != nil {
		return err
	}
	if err := c.control.Flush(); err != nil {
		return err
	}
	// HTTP/2 ends a stream when its deadline passes, even if nothing is being
	// written.
	return c.limit(time.Time{})
}

// limit sets until when what is written next must be gone.
func (c *chunked) limit(deadline time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return errEnded
	}
	// Where there are no deadlines, open has decided whether to go on without.
	_ = c.control.SetWriteDeadline(deadline)
	return nil
}

// cut breaks the answer off: a write that is under way fails, and the server
// ends the connection, or the stream within it, without completing the answer.
func (c *chunked) cut() {
	c.subscription.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	_ = c.control.SetWriteDeadline(time.Unix(1, 0))
}

// over returns an error when nobody waits for more.
func (c *chunked) over() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return context.Canceled
	}
	if err := c.context.Err(); err != nil {
		return err
	}
	return lifetime{c.subscription}.Err()
}

// fail ends the stream because of the error. The caller gets it when it can
// still answer; otherwise the answer breaks off, so that nobody takes it for a
// whole.
func (c *chunked) fail(err error) error {
	if !c.begun {
		return err
	}
	c.cut()
	return nil
}

// contain is deferred: a panic ends the stream and not the process.
func (c *chunked) contain(result *error) {
	if reason := recover(); reason != nil {
		c.pumps.panicked(reason)
		*result = c.fail(model.Errorf(model.Internal, "the stream failed"))
	}
}

// leave lets the server complete the answer, for which the client has a moment:
// it may have stopped to read.
func (c *chunked) leave() {
	_ = c.limit(time.Now().Add(closeWait))
}
