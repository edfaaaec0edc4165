package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// audience is a number of open streams on one server.
type audience struct {
	streams []*socket
	// delivered counts the messages that all streams have got, since ever.
	delivered int
	// pinged counts the pings that were answered.
	pinged int
	// heard is told of each message, with the time since it was sent.
	heard func(now, took time.Duration)
	// order is what all streams have to agree on; nil when nobody asks.
	order *order
}

// take counts a message that was sent then.
func (a *audience) take(now, sent time.Duration) {
	a.delivered++
	a.heard(now, now-sent)
}

// stream is a WebSocket client that reads and counts.
type stream struct {
	*socket
	audience *audience
	rest     []byte // of a frame that is not complete yet
}

// listenTo opens n streams. path has the token in it.
func (l *loop) listenTo(ctx context.Context, address, path string, n int) (*audience, error) {
	return l.gather(ctx, address, n, func(c net.Conn) error { return upgrade(c, address, path) },
		func(a *audience, c net.Conn) (*socket, error) {
			s := &stream{audience: a}
			var err error
			s.socket, err = l.add(c, s)
			return s.socket, err
		})
}

// gather opens n connections, of which prepare makes streams, and lets join hand
// them to the loop.
func (l *loop) gather(ctx context.Context, address string, n int, prepare func(net.Conn) error, join func(*audience, net.Conn) (*socket, error)) (*audience, error) {
	connections, err := dialAll(ctx, address, n, prepare)
	if err != nil {
		return nil, err
	}
	a := &audience{streams: make([]*socket, n), heard: func(time.Duration, time.Duration) {}}
	for i, c := range connections {
		if a.streams[i], err = join(a, c); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *audience) close() {
	for _, s := range a.streams {
		s.close()
	}
}

const (
	textFrame = 0x81
	pingFrame = 0x89
	pongFrame = 0x8a
	maskBit   = 0x80
)

func (s *stream) receive(p []byte, now time.Duration) error {
	whole := len(s.rest) == 0
	if !whole {
		s.rest = append(s.rest, p...)
		p = s.rest
	}
	for {
		opcode, payload, size, err := nextFrame(p)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if err := s.take(opcode, payload, now); err != nil {
			return err
		}
		p = p[size:]
	}
	if whole && len(p) == 0 {
		return nil
	}
	s.rest = append(s.rest[:0], p...)
	return nil
}

func (s *stream) take(opcode byte, payload []byte, now time.Duration) error {
	switch opcode {
	case textFrame:
		sent, ok := sentAt(payload)
		if !ok {
			return fmt.Errorf("a stream got %q, which nobody has sent", payload)
		}
		s.audience.take(now, sent)
		return nil
	case pingFrame:
		s.audience.pinged++
		return s.write(maskedFrame(pongFrame, payload))
	default:
		return fmt.Errorf("a stream got a frame of kind %#x: %q", opcode, payload)
	}
}

// nextFrame returns the first frame of p and how long it is with its header, 0
// when it is not complete.
func nextFrame(p []byte) (opcode byte, payload []byte, size int, err error) {
	if len(p) < 2 {
		return 0, nil, 0, nil
	}
	header, length := 2, int(p[1])
	switch length {
	case 126:
		header = 4
	case 127:
		return 0, nil, 0, errors.New("a stream got a frame larger than 64 KiB")
	}
	if len(p) < header {
		return 0, nil, 0, nil
	}
	if header == 4 {
		length = int(binary.BigEndian.Uint16(p[2:]))
	}
	if len(p) < header+length {
		return 0, nil, 0, nil
	}
	return p[0], p[header : header+length], header + length, nil
}

// maskedFrame is a short frame of a client. A mask of zeros leaves the payload
// as it is.
func maskedFrame(opcode byte, payload []byte) []byte {
	return append([]byte{opcode, maskBit | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

var messageField = []byte(`"message":"`)

// sentAt reads the stamp at the start of a message's text.
func sentAt(payload []byte) (at time.Duration, ok bool) {
	start := bytes.Index(payload, messageField)
	if start < 0 {
		return 0, false
	}
	return readStamp(payload[start+len(messageField):])
}
