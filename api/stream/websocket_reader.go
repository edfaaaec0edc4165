package stream

import (
	"io"
	"time"
)

// read takes one read's worth of what the client sends. When the connection
// ends it ends the subscription, which stops the writer.
//
// It waits with as little on the stack as possible and goes on in a new
// goroutine, because stacks grow with work and hardly ever shrink: 10,000 idle
// streams would keep 10,000 stacks of the size of their busiest moment.
func (s *socket) read() {
	n, err := s.conn.Read(s.input[:])
	if s.receive(s.input[:n]) && err == nil {
		go s.read()
		return
	}
	s.subscription.Close()
	close(s.readerDone)
}

// receive handles bytes from the client and reports whether more may follow.
func (s *socket) receive(p []byte) (more bool) {
	defer s.pumps.contain(s)
	if len(p) > 0 {
		s.renew()
	}
	for len(p) > 0 {
		f, rest, violation := s.inbound.next(p)
		if violation != 0 {
			s.refuse(violation)
			return false
		}
		if f == nil {
			break
		}
		switch f.opcode {
		case opPing:
			s.answer(f.payload)
		case opClose:
			s.farewell.Store(int32(closeCode(f.payload)))
			return false
		}
		p = rest
	}
	return true
}

// refuse tells a client that broke the protocol, and reads on for a moment:
// what lies unread when a connection is closed resets it, and the client might
// never see why.
func (s *socket) refuse(code int) {
	s.farewell.Store(int32(code))
	s.subscription.Close()
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWait))
	_, _ = io.Copy(io.Discard, s.conn)
}

// renew gives the peer time until one ping after the next.
func (s *socket) renew() {
	_ = s.conn.SetReadDeadline(time.Now().Add(s.ping + s.pumps.grace))
}

// answer asks the writer for a pong. Only the latest ping needs one, RFC 6455
// section 5.5.3.
func (s *socket) answer(payload []byte) {
	select {
	case <-s.pong:
	default:
	}
	s.pong <- payload // only the reader fills it
}
