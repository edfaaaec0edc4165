package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

func TestFramesAreExactlyTheEncodersBytes(t *testing.T) {
	s := serve(t, stream.Options{})
	_, reader := s.raw(t)
	s.subscription(t)
	sizes := []int{0, 1, 125, 126, 65_535, 65_536, 65_537, stream.MaxWrite * 3, 10, 20, 30_000, 30_000, 30_000, 1_000_000, 5}
	var want []byte
	var events []*model.Event
	for i, n := range sizes {
		text := strings.Repeat(string(rune('a'+i)), n)
		want = append(want, wire(text)...)
		events = append(events, message(int64(i+1), text))
	}
	s.hub.Publish(events...)
	got := make([]byte, len(want))
	_, err := io.ReadFull(reader, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

func TestEventsThatTheFormatDoesNotCarryLeaveNoTrace(t *testing.T) {
	s := serve(t, stream.Options{})
	_, reader := s.raw(t)
	s.subscription(t)
	deleted := &model.Event{Kind: model.MessageDeleted, UserID: 1, MessageID: 1}
	s.hub.Publish(deleted, message(1, "one"), deleted, message(2, "two"), deleted)
	s.hub.Publish(deleted)
	s.hub.Publish(message(3, "three"))
	want := slices.Concat(wire("one"), wire("two"), wire("three"))
	got := make([]byte, len(want))
	_, err := io.ReadFull(reader, got)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestTheHandshakeHasNoExtras(t *testing.T) {
	s := serve(t, stream.Options{})
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	offer := strings.Replace(handshake, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\nOrigin: http://elsewhere.example\r\n\r\n", 1)
	_, err = io.WriteString(conn, offer)
	require.NoError(t, err)
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"
	got := make([]byte, len(want))
	_, err = io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestStreamsGoOnAfterTheHandlerReturnedOverTLSToo(t *testing.T) {
	for name, options := range map[string][]option{"tcp": nil, "tls": {withTLS}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{}, options...)
			conn := s.dial(t)
			s.subscription(t)
			texts := append(numbered(1, 300), strings.Repeat("x", 300_000), "last")
			go s.publish(1, texts...)
			expect(t, conn, texts...)
			s.hub.EndUser(1, hub.ReasonRevoked)
			_, _, err := conn.ReadMessage()
			require.True(t, websocket.IsCloseError(err, websocket.CloseAbnormalClosure), "%v", err)
		})
	}
}

func TestConcurrentPostersKeepTheOrder(t *testing.T) {
	const posters, each, readers = 8, 200, 5
	s := serve(t, stream.Options{}, withHub(hub.Options{QueueEvents: posters * each}))
	var conns []*websocket.Conn
	for range readers {
		conns = append(conns, s.dial(t))
		s.subscription(t)
	}
	var log sync.Mutex
	id := 0
	var work sync.WaitGroup
	for range posters {
		work.Go(func() {
			for range each {
				log.Lock()
				id++
				s.hub.Publish(message(int64(id), fmt.Sprintf("message %d", id)+strings.Repeat(".", rand.IntN(2000))))
				log.Unlock()
			}
		})
	}
	for _, conn := range conns {
		work.Go(func() {
			for n := 1; n <= posters*each; n++ {
				_, text, err := conn.ReadMessage()
				if want := fmt.Sprintf("message %d", n); err != nil || strings.TrimRight(string(text), ".") != want {
					t.Errorf("got %q (%v), want %q", text, err, want)
					return
				}
			}
		})
	}
	work.Wait()
}

// counting counts how often it encodes.
type counting struct{ calls atomic.Int64 }

func (c *counting) Encode(e *model.Event) []byte {
	c.calls.Add(1)
	return plain{}.Encode(e)
}

func TestAMessageIsEncodedOnceForAllStreams(t *testing.T) {
	encoder := &counting{}
	s := serve(t, stream.Options{}, withEncoder(encoder))
	var conns []*websocket.Conn
	for range 20 {
		conns = append(conns, s.dial(t))
		s.subscription(t)
	}
	s.publish(1, numbered(1, 50)...)
	for _, conn := range conns {
		expect(t, conn, numbered(1, 50)...)
	}
	require.EqualValues(t, 50, encoder.calls.Load())
}

func TestABadHandshakeIsAnsweredByTheCaller(t *testing.T) {
	const prefix = "websocket: the client is not using the websocket protocol: "
	for name, c := range map[string]struct {
		change func(*http.Request)
		kind   model.Kind
		text   string
	}{
		"plain request":   {func(r *http.Request) { r.Header = http.Header{} }, model.Invalid, prefix + "'upgrade' token not found in 'Connection' header"},
		"other upgrade":   {func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, model.Invalid, prefix + "'websocket' token not found in 'Upgrade' header"},
		"other version":   {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, model.Invalid, "websocket: unsupported version"},
		"no key":          {func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") }, model.Invalid, "websocket: not a websocket handshake"},
		"not upgradeable": {func(*http.Request) {}, model.Internal, "this connection cannot be upgraded"},
	} {
		t.Run(name, func(t *testing.T) {
			h, pumps := hub.New(hub.Options{}), stream.New(stream.Options{})
			subscription, err := h.Subscribe(model.Feed{UserID: 1})
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodGet, "/stream", nil)
			r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			r.Header.Set("Sec-WebSocket-Version", "13")
			r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
			c.change(r)
			w := &untouched{ResponseWriter: httptest.NewRecorder()}

			err = pumps.WebSocket(w, r, stream.Stream{Subscription: subscription, Encoder: plain{}})

			require.Equal(t, c.kind, model.KindOf(err))
			require.ErrorContains(t, err, c.text)
			require.False(t, w.written, "the caller writes the answer")
			require.Zero(t, h.Streams())
		})
	}
}

// untouched notes whether anything was answered.
type untouched struct {
	http.ResponseWriter
	written bool
}

func (w *untouched) WriteHeader(int)           { w.written = true }
func (w *untouched) Write([]byte) (int, error) { w.written = true; return 0, nil }

func TestDataBeforeTheHandshakeEndsTheConnection(t *testing.T) {
	s := serve(t, stream.Options{})
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write(append([]byte(handshake), masked(0x81, "early")...))
	require.NoError(t, err)
	n, err := conn.Read(make([]byte, 1))
	require.Zero(t, n)
	require.Error(t, err)
	require.NoError(t, await(t, s.failures), "there is nobody left to answer")
	require.Zero(t, s.hub.Streams())
}

func TestAnOpenStreamKeepsNothingOfItsRequest(t *testing.T) {
	freed := make(chan string, 2)
	noteWhenFreed := func(p *int, what string) { runtime.AddCleanup(p, func(what string) { freed <- what }, what) }
	s := serve(t, stream.Options{}, withReplay(func(subscription *hub.Subscription) stream.Replay {
		captured := new(int)
		noteWhenFreed(captured, "replay")
		return func(_ ctx, _ emit) error {
			*captured++
			subscription.Release(0)
			return nil
		}
	}))
	inner := s.http.Config.Handler
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runtime.AddCleanup(r, func(what string) { freed <- what }, "request")
		inner.ServeHTTP(w, r)
	})
	conn := s.dial(t)
	s.subscription(t)
	s.publish(1, "live")
	expect(t, conn, "live")

	seen := map[string]bool{}
	for deadline := time.Now().Add(patience); len(seen) < 2; {
		runtime.GC()
		select {
		case what := <-freed:
			seen[what] = true
		default:
			require.True(t, time.Now().Before(deadline), "only freed: %v", seen)
		}
	}
	s.publish(2, "still live")
	expect(t, conn, "still live")
}
