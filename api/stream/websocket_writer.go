package stream

import (
	"errors"
	"time"

	"github.com/carillon-push/carillon/hub"
)

// begin greets, sends what is older and goes live, or ends when that was all.
// Whatever goes wrong closes the subscription, which is the first thing that
// live looks at.
func (s *socket) begin(hello []byte, replay Replay, once bool) {
	// A goroutine of its own, because the stack of this one has grown with the
	// queries of the replay and would stay large for a while.
	defer func() { go s.live() }()
	defer s.pumps.contain(s)
	if len(hello) > 0 && s.checked(s.writeFrames(appendFrame(nil, textFrame, hello))) != nil {
		return
	}
	if replay == nil {
		s.subscription.Release(0)
	} else if !s.replay(replay) {
		return
	}
	if once {
		s.farewell.Store(closeNormal)
		s.subscription.Close()
	}
}

// replay sends what is older and reports whether the stream goes on.
func (s *socket) replay(replay Replay) (more bool) {
	ended := lifetime{s.subscription}
	err := replay(ended, s.emit)
	if ended.Err() != nil {
		return false
	}
	if err == nil {
		return true
	}
	s.replayFailed(err)
	if s.closeFrames {
		s.farewell.Store(closeInternalError)
	}
	s.subscription.Close()
	return false
}

// emit sends what a replay has found.
func (s *socket) emit(envelopes []*hub.Envelope) error {
	if ended := (lifetime{s.subscription}).Err(); ended != nil {
		return ended
	}
	return s.checked(s.send(envelopes, s.writeFrames))
}

// checked returns the error of a write, after which nothing can follow unless
// it only says that the subscription has ended.
func (s *socket) checked(err error) error {
	if err != nil && !errors.Is(err, errEnded) {
		s.cut()
	}
	return err
}

// live sends what the hub queues until the stream is over. It goes on in a new
// goroutine after each ping, for the reason given at read.
func (s *socket) live() {
	if s.pump() {
		go s.live()
	} else {
		s.leave()
	}
}

// pump sends what the hub queues until the next ping was sent, and reports
// whether the stream goes on.
func (s *socket) pump() (more bool) {
	defer s.pumps.contain(s)
	for {
		var err error
		select {
		case <-s.subscription.Done():
			err = errEnded
		case <-s.subscription.Ready():
			err = s.flush(s.writeFrames)
		case payload := <-s.pong:
			err = s.write(appendFrame(nil, pongFrame, payload))
		case <-s.ticker.C:
			return s.write(appendFrame(nil, pingFrame, nil)) == nil
		}
		if errors.Is(err, errEnded) {
			s.finish()
		}
		if err != nil {
			return false
		}
	}
}

// leave frees everything that the stream holds.
func (s *socket) leave() {
	s.ticker.Stop()
	s.subscription.Close()
	_ = s.conn.Close()
	<-s.readerDone
	s.pumps.leave(s)
}

// finish sends what is owed after the subscription has ended: the rest of the
// queue when the server stops, and a close frame to those who want one.
func (s *socket) finish() {
	var code int
	wanted := s.closeFrames
	switch s.subscription.Reason() {
	case hub.ReasonShutdown:
		code = closeGoingAway
		if s.flush(s.writeFrames) != nil {
			return
		}
	case hub.ReasonRevoked:
		code = closePolicy
	case hub.ReasonSlow:
		code = closeTryAgainLater
	default:
		code, wanted = int(s.farewell.Load()), true
	}
	if code == 0 || !wanted {
		return
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(closeWait))
	if _, err := s.conn.Write(appendClose(nil, code)); err != nil {
		return
	}
	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	select {
	case <-s.readerDone:
	case <-patience.C:
	}
}

// writeFrames writes whole frames, unless the subscription has ended in the
// meantime. Pings and pongs go ahead of them, so that a long replay does not
// let the connection look dead.
func (s *socket) writeFrames(frames []byte) error {
	if s.silenced() {
		return errEnded
	}
	var err error
	select {
	case <-s.ticker.C:
		err = s.write(appendFrame(nil, pingFrame, nil))
	case payload := <-s.pong:
		err = s.write(appendFrame(nil, pongFrame, payload))
	default:
	}
	if err != nil {
		return err
	}
	return s.write(frames)
}

// write writes whole frames to the connection, in pieces that each have the
// full time: a large frame on a slow line is not a dead line.
func (s *socket) write(frames []byte) error {
	for {
		piece := frames[:min(len(frames), maxWrite)]
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.pumps.options.WriteTimeout))
		if _, err := s.conn.Write(piece); err != nil {
			return err
		}
		if frames = frames[len(piece):]; len(frames) == 0 {
			return nil
		}
		if s.silenced() {
			return errMidFrame
		}
		// In the midst of a frame no ping can be sent, so none can be answered.
		s.renew()
	}
}
