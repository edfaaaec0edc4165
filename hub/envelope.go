package hub

import (
	"sync"
	"sync/atomic"

	"github.com/carillon-push/carillon/model"
)

// Encoder turns an event into the bytes of one wire format; nil means that the
// format does not carry the event. Encoders are told apart by ==, so the
// dynamic type must be comparable, and equal encoders must encode alike.
type Encoder interface{ Encode(*model.Event) []byte }

// Envelope is an event on its way to any number of streams. It holds the
// event's bytes once per format, however many streams send them.
type Envelope struct {
	Event *model.Event

	// size is roughly how many bytes the event holds in memory.
	size int

	// encoded is a list that only grows at its head, so that the thousands of
	// streams which ask after the first need no lock.
	encoded atomic.Pointer[encoding]
	mu      sync.Mutex
}

// encoding is the event in one format.
type encoding struct {
	encoder Encoder
	bytes   []byte
	next    *encoding
}

// Seal returns an envelope around the event, which must not be changed
// afterwards.
func Seal(e *model.Event) *Envelope { return &Envelope{Event: e, size: sizeOf(e)} }

// Bytes returns the event in the encoder's format, nil when the format does not
// carry it. The first call encodes, later and concurrent ones share the result,
// which nobody may change.
func (e *Envelope) Bytes(encoder Encoder) []byte {
	if have := e.encoded.Load().find(encoder); have != nil {
		return have.bytes
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	head := e.encoded.Load()
	if have := head.find(encoder); have != nil {
		return have.bytes
	}
	made := &encoding{encoder: encoder, bytes: encoder.Encode(e.Event), next: head}
	e.encoded.Store(made)
	return made.bytes
}

func (n *encoding) find(encoder Encoder) *encoding {
	for n != nil && n.encoder != encoder {
		n = n.next
	}
	return n
}

// repeats reports whether the event has a place in the log that is not above
// last, and so was delivered before. What is not stored cannot have been replayed:
// it comes once, whatever its id is.
func (e *Envelope) repeats(last int64) bool {
	return e.Event.ID != 0 && e.Event.ID <= last && (e.Event.Message == nil || !e.Event.Message.Transient)
}
