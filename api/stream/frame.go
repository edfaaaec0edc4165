package stream

import (
	"encoding/binary"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// WebSocket opcodes with the FIN bit set, RFC 6455 section 5.2.
const (
	textFrame  = 0x81
	closeFrame = 0x88
	pingFrame  = 0x89
	pongFrame  = 0x8a
)

// Close codes, RFC 6455 section 7.4 and IANA's registry.
const (
	closeNormal        = 1000
	closeGoingAway     = 1001
	closeProtocolError = 1002
	closeNoStatus      = 1005 // stands for a close frame without a code, never sent
	closePolicy        = 1008
	closeTooBig        = 1009
	closeInternalError = 1011
	closeTryAgainLater = 1013
)

// frameEncoder makes the text frame around an encoder's payload. Two of them
// are equal when their encoders are, so an envelope keeps one frame for all
// streams of a format, and a frame is built once per message.
type frameEncoder struct{ payload hub.Encoder }

// Encode implements hub.Encoder.
func (f frameEncoder) Encode(e *model.Event) []byte {
	payload := f.payload.Encode(e)
	if payload == nil {
		return nil
	}
	return appendFrame(make([]byte, 0, len(payload)+maxHeader), textFrame, payload)
}

// maxHeader is the longest header of an unmasked frame.
const maxHeader = 10

// appendFrame appends one whole, unmasked frame to b: servers do not mask.
func appendFrame(b []byte, opcode byte, payload []byte) []byte {
	switch n := len(payload); {
	case n <= 125:
		b = append(b, opcode, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, opcode, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, opcode, 127), uint64(n))
	}
	return append(b, payload...)
}

// appendClose appends a close frame with the code, or without one for
// closeNoStatus.
func appendClose(b []byte, code int) []byte {
	if code == closeNoStatus {
		return appendFrame(b, closeFrame, nil)
	}
	return appendFrame(b, closeFrame, binary.BigEndian.AppendUint16(nil, uint16(code)))
}
