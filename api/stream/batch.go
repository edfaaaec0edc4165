package stream

import (
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// maxWrite is how many bytes are collected for one write.
const maxWrite = 64 << 10

// format says what of an event a stream carries.
type format struct {
	encoder hub.Encoder
	filter  func(*model.Event) bool // nil lets everything through
}

// bytes returns what is to be written for the event, nothing when the stream
// does not carry it.
func (f format) bytes(e *hub.Envelope) []byte {
	if f.filter != nil && !f.filter(e.Event) {
		return nil
	}
	return e.Bytes(f.encoder)
}

// batch is the memory that a stream needs while it writes. It is lent for the
// time of a flush: thousands of idle streams share a few of them.
type batch struct {
	envelopes []*hub.Envelope
	buffer    []byte
}

// keptEnvelopes is the longest list that goes back to the pool.
const keptEnvelopes = 4096

// reset makes the batch ready for its next user, and lets go of the events.
func (b *batch) reset() {
	clear(b.envelopes)
	b.envelopes = b.envelopes[:0]
	if cap(b.envelopes) > keptEnvelopes {
		b.envelopes = nil
	}
}

// send hands the bytes of envelopes to write, in order, in as few calls as
// maxWrite allows. What is alone in its call, be it small or larger than
// maxWrite, is handed over as it is, without a copy.
func (b *batch) send(envelopes []*hub.Envelope, format format, write func([]byte) error) error {
	var pending []byte
	collected := false // pending stands in b.buffer and not in an envelope
	for _, e := range envelopes {
		next := format.bytes(e)
		switch {
		case len(next) == 0:
		case len(pending) == 0:
			pending, collected = next, false
		case len(pending)+len(next) > maxWrite:
			if err := write(pending); err != nil {
				return err
			}
			pending, collected = next, false
		default:
			if !collected {
				pending, collected = b.collect(pending), true
			}
			pending = append(pending, next...)
		}
	}
	if len(pending) == 0 {
		return nil
	}
	return write(pending)
}

// collect returns first at the start of the buffer, which has room for maxWrite
// bytes.
func (b *batch) collect(first []byte) []byte {
	if b.buffer == nil {
		b.buffer = make([]byte, 0, maxWrite)
	}
	return append(b.buffer[:0], first...)
}
