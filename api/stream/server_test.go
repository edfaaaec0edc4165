package stream_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// patience is how long a test waits for an event that must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is a format: the text of the message, and nothing for other events.
type plain struct{}

func (plain) Encode(e *model.Event) []byte {
	if e.Kind != model.MessagePublished {
		return nil
	}
	return []byte(e.Message.Message)
}

// lines is a format: the text of the message as a line.
type lines struct{}

func (lines) Encode(e *model.Event) []byte {
	if e.Kind != model.MessagePublished {
		return nil
	}
	return []byte(e.Message.Message + "\n")
}

// server is a hub and pumps behind an HTTP server whose only route is a stream
// of user 1.
type server struct {
	hub      *hub.Hub
	pumps    *stream.Pumps
	http     *httptest.Server
	streams  chan *hub.Subscription // each stream: a WebSocket once the handler has returned
	failures chan error             // what the pump returned

	// What the next streams are opened with.
	chunked  bool
	detached bool // without a subscription
	revoked  bool // which was revoked meanwhile
	stream.Stream
	replay func(*hub.Subscription) stream.Replay
}

type option func(*server)

func withHub(o hub.Options) option { return func(s *server) { s.hub = hub.New(o) } }

func withCloseFrames(s *server) { s.CloseFrames = true }

func withEncoder(e hub.Encoder) option { return func(s *server) { s.Encoder = e } }

// with changes what streams are opened with.
func with(change func(*stream.Stream)) option { return func(s *server) { change(&s.Stream) } }

// withHello greets, with a line of the format.
func withHello(s *server) {
	s.Hello = []byte("hello")
	if s.chunked {
		s.Hello = []byte("hello\n")
	}
}

func withChunks(s *server) {
	s.chunked = true
	s.Encoder = lines{}
}

func withReplay(r func(*hub.Subscription) stream.Replay) option {
	return func(s *server) { s.replay = r }
}

func withTLS(s *server) { s.http.StartTLS() }

func withHTTP2(s *server) {
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
}

// serve starts a server. At the end of the test all streams must end and leave
// nothing behind.
func serve(t testing.TB, o stream.Options, options ...option) *server {
	s := &server{
		hub: hub.New(hub.Options{}), pumps: stream.New(o), Stream: stream.Stream{Encoder: plain{}},
		streams: make(chan *hub.Subscription, 2000), failures: make(chan error, 2000),
	}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.handle))
	for _, apply := range options {
		apply(s)
	}
	if s.http.URL == "" {
		s.http.Start()
	}
	t.Cleanup(func() {
		s.hub.Close(hub.ReasonShutdown) // without which the server would wait for chunked streams
		s.http.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.pumps.Drain(ctx); err != nil {
			t.Errorf("streams did not end: %v", err)
		}
	})
	return s
}

func (s *server) handle(w http.ResponseWriter, r *http.Request) {
	subscription, err := s.hub.Subscribe(model.Feed{UserID: 1, ClientID: 1})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	opened := s.Stream
	opened.Subscription = subscription
	if s.replay != nil {
		opened.Replay = s.replay(subscription)
	}
	if s.detached {
		subscription.Close()
		opened.Subscription = nil
	}
	if s.revoked {
		s.hub.EndUser(1, hub.ReasonRevoked)
	}
	if s.chunked {
		s.streams <- subscription
		err = s.pumps.Chunked(w, r, opened)
		s.failures <- err
	} else {
		err = s.pumps.WebSocket(w, r, opened)
		s.failures <- err
		s.streams <- subscription
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// subscription waits for the handler of the latest stream to return.
func (s *server) subscription(t testing.TB) *hub.Subscription {
	t.Helper()
	return await(t, s.streams)
}

// dial opens a stream with the library's client.
func (s *server) dial(t testing.TB) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{}
	if s.http.TLS != nil {
		dialer.TLSClientConfig = s.http.Client().Transport.(*http.Transport).TLSClientConfig
	}
	conn, response, err := dialer.Dial("ws"+strings.TrimPrefix(s.http.URL, "http"), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	return conn
}

const handshake = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// raw opens a stream and returns the bare connection after the handshake, and
// how to read from it.
func (s *server) raw(t testing.TB) (net.Conn, *bufio.Reader) {
	t.Helper()
	return rawStream(t, s.http.Listener.Addr().String())
}

func rawStream(t testing.TB, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, handshake)
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	return conn, reader
}

// publish publishes messages to user 1, with ids from first on.
func (s *server) publish(first int64, texts ...string) {
	for i, text := range texts {
		s.hub.Publish(message(first+int64(i), text))
	}
}

func message(id int64, text string) *model.Event {
	return &model.Event{Kind: model.MessagePublished, ID: id, UserID: 1, Message: &model.Message{ID: id, Message: text}}
}

// numbered returns n texts with the numbers from first on.
func numbered(first, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("message %d", first+i)
	}
	return texts
}

// await returns what comes out of the channel.
func await[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// expect reads the texts from the stream.
func expect(t testing.TB, conn *websocket.Conn, texts ...string) {
	t.Helper()
	for _, want := range texts {
		kind, got, err := conn.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, websocket.TextMessage, kind)
		require.Equal(t, want, string(got))
	}
}

// wire returns the bytes of an unmasked text frame, straight from the RFC.
func wire(text string) []byte {
	n := len(text)
	var b []byte
	switch {
	case n < 126:
		b = []byte{0x81, byte(n)}
	case n < 1<<16:
		b = []byte{0x81, 126, byte(n >> 8), byte(n)}
	default:
		b = binary.BigEndian.AppendUint64([]byte{0x81, 127}, uint64(n))
	}
	return append(b, text...)
}

// masked returns the bytes of a frame as a client sends it.
func masked(opcode byte, payload string) []byte {
	mask := []byte{0x12, 0x34, 0x56, 0x78}
	b := []byte{opcode}
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}
