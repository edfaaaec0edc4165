package stream

import (
	"encoding/binary"
	"unicode/utf8"
)

// messageLimit is the largest message that a client may send, in bytes. It is
// read and ignored.
const messageLimit = 4096

const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finBit  = 0x80
	rsvBits = 0x70
	maskBit = 0x80
	// maxControl is the longest payload of a control frame.
	maxControl = 125
)

// inbound takes apart what a client sends, RFC 6455 section 5. It is fed with
// whatever a read returns and keeps only what it must between two reads: a
// buffered reader would cost every idle stream its buffer and a deeper stack.
type inbound struct {
	header  [14]byte
	filled  int    // how many bytes of header are there
	left    int    // payload bytes of the current frame still to come
	payload []byte // of a control frame, unmasked
	size    int    // of the current message so far
	open    bool   // a message waits for its continuation
}

// frame is one frame of a client. Data frames carry no payload here, because
// nobody wants it.
type frame struct {
	opcode  byte
	payload []byte
}

// next consumes bytes of p up to the end of a frame. It returns the frame and
// the rest of p, or nil and nothing when p ends within a frame. A close code
// above zero says that the client broke the rules and how to tell it; there is
// no going on after that.
func (in *inbound) next(p []byte) (f *frame, rest []byte, violation int) {
	for !in.headed() {
		if len(p) == 0 {
			return nil, nil, 0
		}
		in.header[in.filled] = p[0]
		in.filled++
		p = p[1:]
		if in.filled == 2 {
			violation = in.checkStart()
		}
		if violation == 0 && in.headed() {
			violation = in.begin()
		}
		if violation != 0 {
			return nil, nil, violation
		}
	}
	n := min(in.left, len(p))
	if in.control() {
		in.collect(p[:n])
	}
	in.left -= n
	if in.left > 0 {
		return nil, nil, 0
	}
	f = &frame{opcode: in.header[0] & 0x0f, payload: in.payload}
	in.filled, in.payload = 0, nil
	return f, p[n:], 0
}

func (in *inbound) control() bool { return in.header[0]&0x08 != 0 }

// headed reports whether the header is complete.
func (in *inbound) headed() bool { return in.filled >= 2 && in.filled == in.headerLength() }

// headerLength returns how long the header is, once its first two bytes are
// there: clients always mask.
func (in *inbound) headerLength() int {
	switch in.header[1] &^ maskBit {
	case 126:
		return 2 + 2 + 4
	case 127:
		return 2 + 8 + 4
	default:
		return 2 + 4
	}
}

// checkStart judges the first two bytes of a header.
func (in *inbound) checkStart() (violation int) {
	first, second := in.header[0], in.header[1]
	fin := first&finBit != 0
	legal := first&rsvBits == 0 && second&maskBit != 0
	switch first & 0x0f {
	case opContinuation:
		legal = legal && in.open
		in.open = !fin
	case opText, opBinary:
		legal = legal && !in.open
		in.open = !fin
		in.size = 0
	case opClose, opPing, opPong:
		legal = legal && fin && second&^maskBit <= maxControl
	default:
		legal = false
	}
	if !legal {
		return closeProtocolError
	}
	return 0
}

// begin judges the length in a complete header and prepares for the payload.
func (in *inbound) begin() (violation int) {
	length := uint64(in.header[1] &^ maskBit)
	switch length {
	case 126:
		length = uint64(binary.BigEndian.Uint16(in.header[2:]))
	case 127:
		length = binary.BigEndian.Uint64(in.header[2:])
	}
	if !in.control() {
		if length > uint64(messageLimit-in.size) {
			return closeTooBig
		}
		in.size += int(length)
	}
	in.left = int(length)
	return 0
}

// collect appends the bytes of a control frame's payload, unmasked.
func (in *inbound) collect(p []byte) {
	mask := in.header[in.filled-4 : in.filled]
	for _, c := range p {
		in.payload = append(in.payload, c^mask[len(in.payload)%4])
	}
}

// closeCode returns the code of a close frame, closeNoStatus when it has none,
// and closeProtocolError when it is malformed.
func closeCode(payload []byte) int {
	if len(payload) < 2 {
		return closeNoStatus
	}
	if !utf8.Valid(payload[2:]) {
		return closeProtocolError
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case code >= 3000 && code <= 4999, code >= 1000 && code <= 1003, code >= 1007 && code <= 1013:
		return code
	default:
		return closeProtocolError
	}
}
