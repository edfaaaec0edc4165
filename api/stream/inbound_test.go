package stream

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// heard writes down what a reader makes of a client's bytes: the control
// frames, the number of messages between them, and how it ends.
type heard struct {
	lines    []string
	messages int
}

func (h *heard) add(format string, args ...any) {
	h.lines = append(h.lines, fmt.Sprintf("after %d messages: ", h.messages)+fmt.Sprintf(format, args...))
}

// ours feeds the bytes to inbound in pieces of the given size.
func ours(sent []byte, piece int) []string {
	h, in := &heard{}, inbound{}
	for p := range slices.Chunk(sent, piece) {
		for len(p) > 0 {
			f, rest, violation := in.next(p)
			if violation != 0 {
				h.add("end %d", violation)
				return h.lines
			}
			if f == nil {
				break
			}
			switch f.opcode {
			case opPing, opPong:
				h.add("control %d %q", f.opcode, f.payload)
			case opClose:
				h.add("end %d", closeCode(f.payload))
				return h.lines
			default:
				if !in.open {
					h.messages++
				}
			}
			p = rest
		}
	}
	h.add("end 0")
	return h.lines
}

// theirs lets gorilla's reader read the bytes.
func theirs(t testing.TB, sent []byte) []string {
	conn := upgraded(t, sent)
	h := &heard{}
	conn.SetReadLimit(messageLimit)
	conn.SetPingHandler(func(p string) error { h.add("control %d %q", opPing, p); return nil })
	conn.SetPongHandler(func(p string) error { h.add("control %d %q", opPong, p); return nil })
	conn.SetCloseHandler(func(int, string) error { return nil })
	for {
		_, r, err := conn.NextReader()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err == nil {
			h.messages++
			continue
		}
		closed, isClose := errors.AsType[*websocket.CloseError](err)
		switch {
		case isClose && closed.Code != websocket.CloseAbnormalClosure:
			h.add("end %d", closed.Code)
		case errors.Is(err, websocket.ErrReadLimit):
			h.add("end %d", closeTooBig)
		case strings.HasPrefix(err.Error(), "websocket: ") && !isClose:
			h.add("end %d", closeProtocolError)
		default:
			h.add("end 0")
		}
		return h.lines
	}
}

// upgraded returns a connection of the library on which the bytes arrive.
func upgraded(t testing.TB, sent []byte) *websocket.Conn {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for key, value := range map[string]string{"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		r.Header.Set(key, value)
	}
	conn, err := (&websocket.Upgrader{ReadBufferSize: 256}).Upgrade(&canned{sent: bytes.NewReader(sent)}, r, nil)
	require.NoError(t, err)
	return conn
}

// canned is a connection on which fixed bytes arrive, and the response that
// hands it over.
type canned struct {
	net.Conn
	http.ResponseWriter
	sent io.Reader
}

func (c *canned) Read(p []byte) (int, error)       { return c.sent.Read(p) }
func (c *canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
func (c *canned) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return c, bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), bufio.NewWriter(io.Discard)), nil
}

// sentFrame returns a frame as a client sends it, with a mask that shows.
func sentFrame(first byte, payload string) []byte {
	mask := []byte{1, 2, 3, 4}
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

var inboundCases = map[string]struct {
	sent []byte
	want []string
}{
	"nothing":            {nil, []string{"after 0 messages: end 0"}},
	"controls":           {slices.Concat(sentFrame(0x89, "ping"), sentFrame(0x8a, ""), sentFrame(0x89, strings.Repeat("p", 125))), []string{`after 0 messages: control 9 "ping"`, `after 0 messages: control 10 ""`, `after 0 messages: control 9 "` + strings.Repeat("p", 125) + `"`, "after 0 messages: end 0"}},
	"messages":           {slices.Concat(sentFrame(0x81, "text"), sentFrame(0x82, strings.Repeat("b", 4096)), sentFrame(0x81, ""), sentFrame(0x8a, "x")), []string{`after 3 messages: control 10 "x"`, "after 3 messages: end 0"}},
	"fragments":          {slices.Concat(sentFrame(0x01, strings.Repeat("b", 4000)), sentFrame(0x89, "p"), sentFrame(0x00, ""), sentFrame(0x80, strings.Repeat("b", 96)), sentFrame(0x81, strings.Repeat("b", 4096)), sentFrame(0x8a, "")), []string{`after 0 messages: control 9 "p"`, `after 2 messages: control 10 ""`, "after 2 messages: end 0"}},
	"close":              {sentFrame(0x88, "\x03\xe8bye"), []string{"after 0 messages: end 1000"}},
	"close without code": {slices.Concat(sentFrame(0x88, ""), []byte("ignored")), []string{"after 0 messages: end 1005"}},
	"close, half a code": {sentFrame(0x88, "\x03"), []string{"after 0 messages: end 1005"}},
	"close, own code":    {sentFrame(0x88, "\x0f\xa0"), []string{"after 0 messages: end 4000"}},
	"close, code 1005":   {sentFrame(0x88, "\x03\xed"), []string{"after 0 messages: end 1002"}},
	"close, no UTF-8":    {sentFrame(0x88, "\x03\xe8\xff"), []string{"after 0 messages: end 1002"}},
	"too big":            {sentFrame(0x81, strings.Repeat("b", 4097)), []string{"after 0 messages: end 1009"}},
	"too big together":   {slices.Concat(sentFrame(0x01, strings.Repeat("b", 4096)), sentFrame(0x80, "b")), []string{"after 0 messages: end 1009"}},
	"far too big":        {[]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, []string{"after 0 messages: end 1009"}},
	"not masked":         {[]byte{0x81, 0x01, 'x'}, []string{"after 0 messages: end 1002"}},
	"reserved bit":       {sentFrame(0xc1, ""), []string{"after 0 messages: end 1002"}},
	"reserved opcode":    {sentFrame(0x83, ""), []string{"after 0 messages: end 1002"}},
	"reserved control":   {sentFrame(0x8b, ""), []string{"after 0 messages: end 1002"}},
	"no beginning":       {sentFrame(0x80, ""), []string{"after 0 messages: end 1002"}},
	"no end":             {slices.Concat(sentFrame(0x01, ""), sentFrame(0x81, "")), []string{"after 0 messages: end 1002"}},
	"control in parts":   {sentFrame(0x09, ""), []string{"after 0 messages: end 1002"}},
	"long control":       {sentFrame(0x89, strings.Repeat("p", 126)), []string{"after 0 messages: end 1002"}},
	"cut in the midst":   {sentFrame(0x89, "ping")[:8], []string{"after 0 messages: end 0"}},
}

func TestWhatAClientSends(t *testing.T) {
	for name, c := range inboundCases {
		t.Run(name, func(t *testing.T) {
			for _, piece := range []int{1, 2, 7, 64, 1 << 20} {
				require.Equal(t, c.want, ours(c.sent, piece), "in pieces of %d bytes", piece)
			}
			require.Equal(t, c.want, theirs(t, c.sent), "the library sees it otherwise")
		})
	}
}

// FuzzWhatAClientSends compares our reader with the library's.
func FuzzWhatAClientSends(f *testing.F) {
	for _, c := range inboundCases {
		f.Add(c.sent, uint8(16))
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8) {
		// The library may judge a header before all of it has come; here all has.
		sent = append(sent, make([]byte, 14)...)
		require.Equal(t, theirs(t, sent), ours(sent, int(piece)+1))
	})
}

func TestCloseFrames(t *testing.T) {
	require.Equal(t, []byte{0x88, 2, 0x03, 0xea}, appendClose(nil, closeProtocolError))
	require.Equal(t, []byte{0x88, 0}, appendClose(nil, closeNoStatus))
}
