package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// topicName is the topic of all messages in ntfy's language.
const topicName = "bench"

// basic is the header with which the administrator shows who they are.
func basic() string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(adminName+":"+adminPassword))
}

// putRequest is a PUT to the topic with a text of that length.
func putRequest(address string, length int) request {
	text := stamped(length)
	whole := fmt.Appendf(nil, "PUT /%s HTTP/1.1\r\nHost: %s\r\n%s\r\nTitle: Backup\r\nPriority: 4\r\nContent-Length: %d\r\n\r\n%s",
		topicName, address, basic(), length, text)
	return request{text: whole, stamp: len(whole) - length}
}

var (
	openEvent      = []byte(`"event":"open"`)
	keepAliveEvent = []byte(`"event":"keepalive"`)
	lineInChunkEnd = []byte("}\n\r\n")
)

// subscribe asks for the topic's messages, a line of JSON each, and reads the
// first one, which says that the subscription is open.
func subscribe(c net.Conn, address string) error {
	ask := fmt.Sprintf("GET /%s/json HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", topicName, address, basic())
	return open(c, ask, "200", func(body []byte) (bool, error) {
		if bytes.Count(body, []byte("\n\r\n")) > 1 {
			return false, errors.New("a line came that nobody has sent")
		}
		return bytes.Contains(body, openEvent) && bytes.HasSuffix(body, lineInChunkEnd), nil
	})
}

// subscribeTo opens n subscriptions.
func (l *loop) subscribeTo(ctx context.Context, address string, n int) (*audience, error) {
	return l.gather(ctx, address, n, func(c net.Conn) error { return subscribe(c, address) },
		func(a *audience, c net.Conn) (*socket, error) { return l.add(c, &subscriber{audience: a}) })
}

var errEnded = errors.New("the server ended a subscription")

// subscriber reads the chunked answer to a subscription behind its first line.
// Chunks and lines may end anywhere.
type subscriber struct {
	audience *audience
	size     []byte // of a chunk, its line so far
	left     int    // of a chunk's payload
	line     []byte // so far
	taken    int    // messages
}

func (s *subscriber) receive(p []byte, now time.Duration) error {
	for len(p) > 0 {
		if s.left > 0 {
			part := p[:min(s.left, len(p))]
			s.left, p = s.left-len(part), p[len(part):]
			if err := s.payload(part, now); err != nil {
				return err
			}
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.size = append(s.size, p...)
			return nil
		}
		line := p[:end]
		if len(s.size) > 0 {
			s.size = append(s.size, line...)
			line = s.size
		}
		if err := s.begin(line); err != nil {
			return err
		}
		s.size, p = s.size[:0], p[end+1:]
	}
	return nil
}

// begin takes what stands between two payloads: the end of one, which is an empty
// line, and the size of the next.
func (s *subscriber) begin(line []byte) error {
	digits, _ := bytes.CutSuffix(line, []byte("\r"))
	if len(digits) == 0 {
		return nil
	}
	size, err := strconv.ParseUint(string(digits), 16, 31)
	switch {
	case err != nil:
		return fmt.Errorf("a subscriber got %q where a chunk begins", line)
	case size == 0:
		return errEnded
	}
	s.left = int(size)
	return nil
}

func (s *subscriber) payload(p []byte, now time.Duration) error {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			s.line = append(s.line, p...)
			return nil
		}
		line := p[:end]
		if len(s.line) > 0 {
			s.line = append(s.line, line...)
			line = s.line
		}
		if err := s.take(line, now); err != nil {
			return err
		}
		s.line, p = s.line[:0], p[end+1:]
	}
}

func (s *subscriber) take(line []byte, now time.Duration) error {
	start := bytes.Index(line, messageField)
	if start < 0 {
		if bytes.Contains(line, keepAliveEvent) {
			s.audience.pinged++
			return nil
		}
		return fmt.Errorf("a subscriber got %q, which nobody has sent", line)
	}
	text := line[start+len(messageField):]
	sent, ok := readStamp(text)
	number, numbered := readDigits(text[min(len(text), stampDigits):], numberDigits)
	if !ok || !numbered {
		return fmt.Errorf("a subscriber got %q, which nobody has sent", line)
	}
	if err := s.audience.order.check(s.taken, posted{sent, number}); err != nil {
		return err
	}
	s.taken++
	s.audience.take(now, sent)
	return nil
}
