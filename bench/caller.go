package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// request is what a caller sends, over and over.
type request struct {
	text []byte
	// stamp is where the time of sending is written into text; negative: nowhere.
	stamp int
}

// stampDigits is how long a stamp is: nanoseconds of a loop's clock.
const stampDigits = 16

// numberDigits is how long the number of a caller is, which stands behind a stamp.
const numberDigits = 3

// messageLength is the length of a posted message's text.
const messageLength = 100

// postRequest is a POST /message with a JSON body.
func postRequest(address, token string) request {
	text := stamped(messageLength)
	body := fmt.Appendf(nil, `{"title":"Backup","message":"%s","priority":5}`, text)
	whole := fmt.Appendf(nil, "POST /message HTTP/1.1\r\nHost: %s\r\nX-Gotify-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		address, token, len(body), body)
	return request{text: whole, stamp: bytes.Index(whole, text)}
}

// stamped is a text with room for a stamp and a number.
func stamped(length int) []byte {
	text := bytes.Repeat([]byte("x"), length)
	copy(text, bytes.Repeat([]byte("0"), stampDigits+numberDigits))
	return text
}

// getRequest is a GET with a client token.
func getRequest(address, path, token string) request {
	return request{text: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nX-Gotify-Key: %s\r\n\r\n", path, address, token), stamp: -1}
}

// caller sends one request at a time over a connection that is kept.
type caller struct {
	*socket
	request request
	sent    time.Duration
	waiting bool
	rest    []byte // of an answer that is not complete yet
	// answered hears of every answer and how long it took.
	answered func(c *caller, now, took time.Duration) error
}

// callers opens n of them to the address.
func (l *loop) callers(ctx context.Context, address string, n int, r request, answered func(*caller, time.Duration, time.Duration) error) ([]*caller, error) {
	connections, err := dialAll(ctx, address, n, func(net.Conn) error { return nil })
	if err != nil {
		return nil, err
	}
	all := make([]*caller, n)
	for i, c := range connections {
		own := request{text: bytes.Clone(r.text), stamp: r.stamp}
		if own.stamp >= 0 {
			writeDigits(own.text[own.stamp+stampDigits:][:numberDigits], i)
		}
		all[i] = &caller{request: own, answered: answered}
		if all[i].socket, err = l.add(c, all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func hangUp(all []*caller) {
	for _, c := range all {
		c.close()
	}
}

// waitingFor returns how many of the callers wait for an answer.
func waitingFor(all []*caller) (n int) {
	for _, c := range all {
		if c.waiting {
			n++
		}
	}
	return n
}

func (c *caller) send() error {
	c.sent, c.waiting = c.loop.now(), true
	if c.request.stamp >= 0 {
		writeStamp(c.request.text[c.request.stamp:][:stampDigits], c.sent)
	}
	return c.write(c.request.text)
}

func (c *caller) receive(p []byte, now time.Duration) error {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		p = c.rest
	}
	complete, err := judgeAnswer(p)
	if err != nil {
		return err
	}
	if !complete {
		if len(c.rest) == 0 {
			c.rest = append(c.rest, p...)
		}
		return nil
	}
	c.rest, c.waiting = c.rest[:0], false
	return c.answered(c, now, now-c.sent)
}

var (
	headEnd       = []byte("\r\n\r\n")
	lengthHeader  = []byte("\r\nContent-Length: ")
	chunkedHeader = []byte("\r\nTransfer-Encoding: chunked")
	lastChunk     = []byte("\r\n0\r\n\r\n")
)

// judgeAnswer reports whether p is one whole answer. Every answer but a 200 is
// an error. Headers are looked for in the spelling of net/http, because that is
// what answers here.
func judgeAnswer(p []byte) (complete bool, err error) {
	end := bytes.Index(p, headEnd)
	if end < 0 {
		return false, nil
	}
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("the server answered %q", p)
	}
	head, body := p[:end+2], p[end+len(headEnd):]
	if bytes.Contains(head, chunkedHeader) {
		return bytes.HasSuffix(body, lastChunk), nil
	}
	at := bytes.Index(head, lengthHeader)
	if at < 0 {
		return false, errors.New("an answer does not say how long it is")
	}
	digits, _, _ := bytes.Cut(head[at+len(lengthHeader):], []byte("\r"))
	length, err := strconv.Atoi(string(digits))
	if err == nil && len(body) > length {
		err = errors.New("an answer is longer than it says")
	}
	return len(body) == length, err
}

func writeStamp(to []byte, at time.Duration) { writeDigits(to, int(at)) }

func writeDigits(to []byte, n int) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = '0' + byte(n%10)
		n /= 10
	}
}

// readStamp returns false when p does not begin with a stamp.
func readStamp(p []byte) (at time.Duration, ok bool) {
	n, ok := readDigits(p, stampDigits)
	return time.Duration(n), ok
}

// readDigits returns false when p does not begin with so many digits.
func readDigits(p []byte, count int) (n int, ok bool) {
	if len(p) < count {
		return 0, false
	}
	for _, digit := range p[:count] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int(digit-'0')
	}
	return n, true
}
