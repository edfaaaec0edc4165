package ntfy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carillon-push/carillon/test/gotify"
)

// Formats are the forms in which a stream can be had.
var Formats = []string{"json", "sse", "raw", "ws"}

// Frame is one thing that a stream carried.
type Frame struct {
	// Text is a line of json or raw, the data of a server-sent event, or the text of
	// a WebSocket's frame, without the newline at its end.
	Text string
	// Name and Mark are the fields event and id of a server-sent event.
	Name, Mark string
	// Message is the event in Text. Of raw it has nothing but the text, with the
	// event of a message; an empty line has no event.
	Message
}

// Stream is an open stream of any format. What it carries waits in a channel, so
// that a test can wait for the next one with a deadline.
type Stream struct {
	Format string
	// Header is that of the answer; empty for a WebSocket.
	Header http.Header
	Frames chan Frame // closed when the stream has ended
	// WebSocket is the connection below when the format is ws, for its pings and its
	// end.
	WebSocket *gotify.Stream

	t      testing.TB
	cancel context.CancelFunc
	err    error // set before Frames is closed; nil when a chunked answer was complete
}

// Stream opens a stream, path being like /topic/json?since=all, and fails the
// test when the server refuses. The path's last part is the format.
func (c *Caller) Stream(path string) *Stream {
	c.T.Helper()
	s, answer, err := c.TryStream(path)
	if err != nil {
		c.T.Fatalf("GET %.300s: %v", path, err)
	}
	if s == nil {
		c.T.Fatalf("%s: status %d: %.500s", answer.what, answer.Status, answer.Body)
	}
	return s
}

// Subscribe opens a stream and waits for its open event.
func (c *Caller) Subscribe(path string) *Stream {
	c.T.Helper()
	s := c.Stream(path)
	s.Open()
	return s
}

// RefusedStream tries to open a stream and returns the server's refusal.
func (c *Caller) RefusedStream(path string) *Answer {
	c.T.Helper()
	s, answer, err := c.TryStream(path)
	if err != nil {
		c.T.Fatalf("GET %.300s: %v", path, err)
	}
	if s != nil {
		c.T.Fatalf("GET %.300s: the stream opened", path)
	}
	return answer
}

// TryStream opens a stream, or returns the answer that refused it, or an error
// when there was no answer. It may be called from any goroutine.
func (c *Caller) TryStream(path string) (*Stream, *Answer, error) {
	way, _, _ := strings.Cut(path, "?")
	way = strings.TrimRight(way, "/")
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stream{Format: way[strings.LastIndexByte(way, '/')+1:], Frames: make(chan Frame), t: c.T, cancel: cancel}
	c.T.Cleanup(s.Hangup)
	if s.Format == "ws" {
		return c.webSocket(ctx, s, path)
	}
	request, _, err := c.request(ctx, "GET", path, nil)
	if err != nil {
		return nil, nil, err
	}
	overdue := time.AfterFunc(Patience, cancel)
	client := *c.http
	client.Timeout = 0
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return nil, c.answer(request, response, body), err
	}
	overdue.Stop()
	s.Header = response.Header
	s.Header["Transfer-Encoding"] = response.TransferEncoding // which the client has taken out
	go s.read(ctx, func(emit func(Frame) error) error {
		defer response.Body.Close()
		return readChunked(s.Format, response.Body, emit)
	})
	return s, nil, nil
}

func (c *Caller) webSocket(ctx context.Context, s *Stream, path string) (*Stream, *Answer, error) {
	caller := gotify.Anonymous(c.T, c.Server)
	for name, values := range c.header {
		caller = caller.With(name, values[0])
	}
	ws, refusal, err := caller.TryStream(path)
	if ws == nil || err != nil {
		if refusal == nil {
			return nil, nil, err
		}
		return nil, &Answer{t: c.T, what: "GET " + path, Status: refusal.Status, Header: refusal.Header, Body: refusal.Body}, err
	}
	s.WebSocket = ws
	context.AfterFunc(ctx, ws.Hangup)
	go s.read(ctx, func(emit func(Frame) error) error {
		for data := range ws.Frames {
			text, whole := strings.CutSuffix(string(data), "\n")
			if !whole {
				return fmt.Errorf("no newline at the end of %q", data)
			}
			m, err := parse([]byte(text))
			if err != nil {
				return fmt.Errorf("%w: %q", err, text)
			}
			if err := emit(Frame{Text: text, Message: m}); err != nil {
				return err
			}
		}
		return ws.Ended()
	})
	return s, nil, nil
}

// read reads all there is, as fast as it comes, into a queue that a test takes its
// frames from.
func (s *Stream) read(ctx context.Context, all func(emit func(Frame) error) error) {
	defer close(s.Frames)
	arrived, failed := make(chan Frame), make(chan error, 1)
	go func() {
		defer close(arrived)
		failed <- all(func(f Frame) error {
			select {
			case arrived <- f:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	var queue []Frame
	for reading := true; reading || len(queue) > 0; {
		var first Frame
		var out chan Frame // nil as long as there is nothing to take
		if len(queue) > 0 {
			first, out = queue[0], s.Frames
		}
		select {
		case f, more := <-arrived:
			if !more {
				reading, arrived, s.err = false, nil, <-failed
				continue
			}
			queue = append(queue, f)
		case out <- first:
			queue = queue[1:]
		case <-ctx.Done():
			s.err = ctx.Err()
			return
		}
	}
}

// Next returns the next frame, whatever it is.
func (s *Stream) Next() Frame {
	s.t.Helper()
	f, err := s.TryNext()
	if err != nil {
		s.t.Fatalf("%s: %v", s.Format, err)
	}
	return f
}

// TryNext is Next with an error instead of a failed test. It may be called from
// any goroutine.
func (s *Stream) TryNext() (Frame, error) { return s.before(time.After(Patience)) }

func (s *Stream) before(deadline <-chan time.Time) (Frame, error) {
	select {
	case f, open := <-s.Frames:
		if !open {
			return f, fmt.Errorf("the stream ended: %w", errors.Join(s.err, io.EOF))
		}
		return f, nil
	case <-deadline:
		return Frame{}, fmt.Errorf("nothing came within %s", Patience)
	}
}

// tryEvent returns the next event other than a keepalive, and an error when it is
// another one than the named one.
func (s *Stream) tryEvent(name string) (Message, error) {
	for deadline := time.After(Patience); ; {
		f, err := s.before(deadline)
		switch {
		case err != nil:
			return f.Message, err
		case f.Event == name:
			return f.Message, nil
		case f.Event != KeepaliveEvent && f.Text != "":
			return f.Message, fmt.Errorf("not a %s: %s", name, f.Text)
		}
	}
}

// TryNextMessage returns the next event other than a keepalive, which may come at
// any time, and an error when it is not a message. It may be called from any
// goroutine.
func (s *Stream) TryNextMessage() (Message, error) { return s.tryEvent(MessageEvent) }

// NextMessage returns the next event other than a keepalive, which may come at any
// time, and fails the test when it is not a message. Of a raw stream it passes
// over empty lines.
func (s *Stream) NextMessage() Message { s.t.Helper(); return s.NextEvent(MessageEvent) }

// NextEvent returns the next event other than a keepalive, and fails the test when
// it is another one than the named one.
func (s *Stream) NextEvent(name string) Message {
	s.t.Helper()
	m, err := s.tryEvent(name)
	if err != nil {
		s.t.Fatalf("%s: %v", s.Format, err)
	}
	return m
}

// Open fails the test when the next frame is not the open event, and returns it.
// Of a raw stream it is an empty line.
func (s *Stream) Open() Message { s.t.Helper(); return s.sign(OpenEvent) }

// Keepalive fails the test when the next frame is not a keepalive, and returns it.
// Of a raw stream it is an empty line.
func (s *Stream) Keepalive() Message { s.t.Helper(); return s.sign(KeepaliveEvent) }

func (s *Stream) sign(event string) Message {
	s.t.Helper()
	f := s.Next()
	if s.Format == "raw" && f.Text == "" {
		return Message{}
	}
	if f.Event != event || s.Format == "sse" && f.Name != event {
		s.t.Fatalf("%s: not a sign named %s: %+v", s.Format, event, f)
	}
	return f.Message
}

// Ended waits until the stream has ended, passing over further frames, and returns
// how: nil when a chunked answer was complete.
func (s *Stream) Ended() error {
	s.t.Helper()
	for deadline := time.After(Patience); ; {
		select {
		case _, open := <-s.Frames:
			if !open {
				return s.err
			}
		case <-deadline:
			s.t.Fatalf("%s: the stream did not end within %s", s.Format, Patience)
		}
	}
}

// Hangup drops the connection.
func (s *Stream) Hangup() { s.cancel() }
