//go:build !linux

package main

import (
	"context"
	"errors"
	"net"
	"time"
)

type loop struct{ after func() error }

type socket struct{ loop *loop }

type receiver interface {
	receive(p []byte, now time.Duration) error
}

func newLoop() (*loop, error) { return nil, errors.New("it needs Linux, for epoll and /proc") }

func allowFiles(int) error { return nil }

func (*loop) now() time.Duration                                    { return 0 }
func (*loop) add(net.Conn, receiver) (*socket, error)               { return nil, nil }
func (*loop) run(context.Context, time.Duration, func() bool) error { return nil }
func (*loop) close()                                                {}
func (*socket) write([]byte) error                                  { return nil }
func (*socket) close()                                              {}
