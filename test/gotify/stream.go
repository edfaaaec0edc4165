package gotify

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-push/carillon/test/openapi"
)

// Stream is an open WebSocket. Its frames wait in a channel, so that a test can
// wait for the next one with a deadline.
type Stream struct {
	Frames chan []byte   // closed when the stream has ended
	Pings  chan struct{} // one element for each ping of the server

	t    testing.TB
	conn *websocket.Conn
	err  error // set before Frames is closed
}

// Stream opens a stream, path being like /stream?token=…, and fails the test
// when the server refuses.
func (c *Caller) Stream(path string) *Stream {
	c.T.Helper()
	stream, answer, err := c.TryStream(path)
	if err != nil {
		c.T.Fatal(err)
	}
	if stream == nil {
		c.T.Fatalf("GET %s: status %d instead of 101: %.500s", path, answer.Status, answer.Body)
	}
	return stream
}

// RefusedStream tries to open a stream and returns the server's refusal.
func (c *Caller) RefusedStream(path string) *Answer {
	c.T.Helper()
	stream, answer, err := c.TryStream(path)
	if err != nil {
		c.T.Fatal(err)
	}
	if stream != nil {
		c.T.Fatalf("GET %s: the stream opened", path)
	}
	return answer
}

// TryStream opens a stream, or returns the answer that refused it, or an error
// when there was no answer. It may be called from any goroutine.
func (c *Caller) TryStream(path string) (*Stream, *Answer, error) {
	dialer := websocket.Dialer{HandshakeTimeout: Patience, Jar: c.http.Jar}
	conn, response, err := dialer.Dial("ws"+strings.TrimPrefix(c.Server.URL(), "http")+path, c.header)
	if response == nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, readErr := io.ReadAll(response.Body)
	c.compare(openapi.Exchange{Request: response.Request, Response: response, ResponseBody: body})
	if err != nil {
		// The dialer keeps the first 1024 bytes of the body, errors are shorter.
		return nil, &Answer{t: c.T, what: "GET " + path, Status: response.StatusCode, Header: response.Header, Body: body}, readErr
	}
	s := &Stream{Frames: make(chan []byte, 1<<14), Pings: make(chan struct{}, 1<<10), t: c.T, conn: conn}
	c.T.Cleanup(func() { conn.Close() })
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		select {
		case s.Pings <- struct{}{}:
		default:
		}
		return pong(data)
	})
	go s.read()
	return s, nil, nil
}

func (s *Stream) read() {
	defer close(s.Frames)
	for {
		kind, frame, err := s.conn.ReadMessage()
		if err != nil {
			s.err = err
			return
		}
		if kind != websocket.TextMessage {
			s.err = errors.New("a frame that is not text")
			return
		}
		s.Frames <- frame
	}
}

// Next returns the next frame.
func (s *Stream) Next() []byte {
	s.t.Helper()
	select {
	case frame, open := <-s.Frames:
		if !open {
			s.t.Fatalf("the stream ended: %v", s.err)
		}
		return frame
	case <-time.After(Patience):
		s.t.Fatalf("no frame within %s", Patience)
	}
	return nil
}

// NextMessage returns the next frame as a message.
func (s *Stream) NextMessage() Message {
	s.t.Helper()
	frame := s.Next()
	s.matches("Message", frame)
	var message Message
	if err := json.Unmarshal(frame, &message); err != nil {
		s.t.Fatalf("%v: %.500s", err, frame)
	}
	return message
}

// Event is a frame of a stream with events=all.
type Event struct {
	Event   string          `json:"event"`
	Message json.RawMessage `json:"message"`
	ID      int64           `json:"id"`
	AppID   int64           `json:"appid"`
}

// NextEvent returns the next frame as an event.
func (s *Stream) NextEvent() Event {
	s.t.Helper()
	frame := s.Next()
	s.matches("StreamEvent", frame)
	var event Event
	if err := json.Unmarshal(frame, &event); err != nil {
		s.t.Fatalf("%v: %.500s", err, frame)
	}
	return event
}

// matches compares a frame with a schema of the OpenAPI file.
func (s *Stream) matches(schema string, frame []byte) {
	s.t.Helper()
	spec, err := description()
	if err != nil {
		s.t.Fatal(err)
	}
	if spec == nil {
		return
	}
	if err := spec.CheckValue(schema, frame); err != nil {
		s.t.Errorf("%v: %.500s", err, frame)
	}
}

// Ended waits until the stream has ended, passing over further frames, and
// returns how.
func (s *Stream) Ended() error {
	s.t.Helper()
	for deadline := time.After(Patience); ; {
		select {
		case _, open := <-s.Frames:
			if !open {
				return s.err
			}
		case <-deadline:
			s.t.Fatalf("the stream did not end within %s", Patience)
		}
	}
}

// Cut waits until the stream has ended, and fails the test when the server sent
// a close frame: old Android clients take that for an open connection.
func (s *Stream) Cut() {
	s.t.Helper()
	err := s.Ended()
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code == websocket.CloseAbnormalClosure {
		return
	}
	var network net.Error
	if errors.As(err, &network) && !network.Timeout() {
		return // a reset connection
	}
	s.t.Fatalf("the stream was not cut, but ended with: %v", err)
}

// Closed waits until the stream has ended, and fails the test when the server
// did not send a close frame with this code.
func (s *Stream) Closed(code int) {
	s.t.Helper()
	err := s.Ended()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		s.t.Fatalf("the stream was not closed with %d, but ended with: %v", code, err)
	}
}

// Write sends a frame to the server.
func (s *Stream) Write(kind int, data []byte) {
	s.t.Helper()
	if err := s.conn.WriteMessage(kind, data); err != nil {
		s.t.Fatal(err)
	}
}

// Hangup drops the connection without a close frame.
func (s *Stream) Hangup() { s.conn.Close() }
