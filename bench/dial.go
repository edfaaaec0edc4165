package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	dialTimeout = 20 * time.Second
	// portsPerSource is how many connections one source address gets: a client
	// has about 28,000 ports, of which others use some.
	portsPerSource = 10_000
	dialers        = 32
)

// dial connects to a server from the n-th place.
func dial(ctx context.Context, address string, n int) (net.Conn, error) {
	d := net.Dialer{
		Timeout:   dialTimeout,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n/portsPerSource))},
	}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	// Closed with a reset, a connection leaves no port behind that waits.
	return c, c.(*net.TCPConn).SetLinger(0)
}

// dialAll connects n times; each connection is made ready by prepare.
func dialAll(ctx context.Context, address string, n int, prepare func(net.Conn) error) ([]net.Conn, error) {
	all := make([]net.Conn, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dialers)
	for i := range all {
		group.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			all[i], err = dial(ctx, address, i)
			if err == nil {
				err = prepare(all[i])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		for _, c := range all {
			if c != nil {
				c.Close()
			}
		}
		return nil, err
	}
	return all, nil
}

// upgrade asks for a WebSocket. A server that sends frames right behind its
// answer is no case here: nothing is posted before all streams are open.
func upgrade(c net.Conn, address, path string) error {
	ask := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2FyaWxsb24gYmVuY2hzLg==\r\n\r\n", path, address)
	return open(c, ask, "101", func(body []byte) (bool, error) {
		if len(body) > 0 {
			return false, errors.New("a frame came that nobody has sent")
		}
		return true, nil
	})
}

// open asks for a stream and reads its start: the headers of the answer, and of
// the body what complete asks for, but nothing that comes later.
func open(c net.Conn, ask, status string, complete func(body []byte) (bool, error)) error {
	if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, ask); err != nil {
		return err
	}
	var answer []byte
	for piece := make([]byte, 1024); ; {
		n, err := c.Read(piece)
		if err != nil {
			return fmt.Errorf("opening a stream: %w after %q", err, answer)
		}
		answer = append(answer, piece[:n]...)
		head, body, whole := bytes.Cut(answer, headEnd)
		if !whole {
			continue
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 "+status+" ")) {
			return fmt.Errorf("opening a stream: %q", answer)
		}
		ready, err := complete(body)
		if err != nil {
			return fmt.Errorf("opening a stream: %w: %q", err, answer)
		}
		if ready {
			return c.SetDeadline(time.Time{})
		}
	}
}
