package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2FyaWxsb24gYmVuY2hzLg==\r\n\r\n", path, address)
	if err != nil {
		return err
	}
	var answer []byte
	for piece := make([]byte, 1024); !bytes.Contains(answer, []byte("\r\n\r\n")); {
		n, err := c.Read(piece)
		if err != nil {
			return fmt.Errorf("opening a stream: %w", err)
		}
		answer = append(answer, piece[:n]...)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("opening a stream: %q", answer)
	}
	if !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		return errors.New("opening a stream: a frame came that nobody has sent")
	}
	return c.SetDeadline(time.Time{})
}
