package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// loop reads from many connections in one goroutine. A goroutine for each would
// cost several times as much CPU, which the server on the same machine lacks
// then; and with one goroutine nothing that is counted needs a lock.
type loop struct {
	started time.Time
	epoll   int
	sockets []*socket // by file descriptor
	events  [256]syscall.EpollEvent
	buffer  []byte
	// after is called when what has arrived was taken in; nil for nothing.
	after func() error
}

// socket is a connection of a loop.
type socket struct {
	loop     *loop
	fd       int
	receiver receiver
}

// receiver takes what arrives on a connection. p is valid during the call only.
type receiver interface {
	receive(p []byte, now time.Duration) error
}

func newLoop() (*loop, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &loop{started: time.Now(), epoll: epoll, buffer: make([]byte, 256<<10)}, nil
}

// allowFiles makes room for n connections, here and in the processes that are
// started from now on. Go's runtime has raised the limit as far as it may
// without being root.
func allowFiles(n int) error {
	const others = 500
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	need := uint64(n + others)
	if limit.Cur >= need {
		return nil
	}
	limit.Cur, limit.Max = need, max(limit.Max, need)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d files must be open at a time, see \"ulimit -n\": %w", need, err)
	}
	return nil
}

// now is the time since the loop was made.
func (l *loop) now() time.Duration { return time.Since(l.started) }

// add takes a connection over.
func (l *loop) add(c net.Conn, r receiver) (*socket, error) {
	fd, err := takeOver(c)
	if err != nil {
		return nil, err
	}
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	for len(l.sockets) <= fd {
		l.sockets = append(l.sockets, nil)
	}
	s := &socket{loop: l, fd: fd, receiver: r}
	l.sockets[fd] = s
	return s, nil
}

// takeOver returns a descriptor of the connection of which Go's runtime knows
// nothing: an *os.File would be polled by it too.
func takeOver(c net.Conn) (fd int, err error) {
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(old uintptr) {
		if fd, err = syscall.Dup(int(old)); err == nil {
			syscall.CloseOnExec(fd)
		}
	})
	return fd, errors.Join(failed, err)
}

// close ends the connection.
func (s *socket) close() {
	s.loop.sockets[s.fd] = nil
	_ = syscall.Close(s.fd)
}

// write sends a few bytes. Whoever waits for an answer before it sends more
// never fills the connection's buffer.
func (s *socket) write(p []byte) error {
	n, err := syscall.Write(s.fd, p)
	if err == nil && n < len(p) {
		err = errors.New("the connection took only a part of a request")
	}
	return err
}

// run receives until done says so, or the time has come.
func (l *loop) run(ctx context.Context, until time.Duration, done func() bool) error {
	const patience = 100 * time.Millisecond // how long a Ctrl-C may go unnoticed
	for {
		if l.after != nil {
			if err := l.after(); err != nil {
				return err
			}
		}
		if done() {
			return nil
		}
		left := until - l.now()
		if left <= 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.turn(min(left, patience)); err != nil {
			return err
		}
	}
}

func (l *loop) turn(patience time.Duration) error {
	n, err := syscall.EpollWait(l.epoll, l.events[:], int((patience+time.Millisecond-1)/time.Millisecond))
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return err
	}
	for _, event := range l.events[:max(n, 0)] {
		s := l.sockets[event.Fd]
		if s == nil {
			continue // closed by one of the events before
		}
		n, err := syscall.Read(s.fd, l.buffer)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("a connection broke: %w", err)
		case n == 0:
			return errors.New("the server closed a connection")
		}
		if err := s.receiver.receive(l.buffer[:n], l.now()); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) close() {
	for _, s := range l.sockets {
		if s != nil {
			s.close()
		}
	}
	_ = syscall.Close(l.epoll)
}
