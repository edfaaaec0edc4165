package stream_test

import (
	"io"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

// replaying replays the texts and releases the subscription.
func replaying(texts ...string) option {
	return withReplay(func(subscription *hub.Subscription) stream.Replay {
		return func(_ ctx, emit emit) error {
			defer subscription.Release(int64(len(texts)))
			return emit(sealed(1, texts...))
		}
	})
}

func TestAWebSocketGreetsBeforeTheReplay(t *testing.T) {
	for name, options := range map[string][]option{"tcp": nil, "tls": {withTLS}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{}, append(options, withHello, replaying(numbered(1, 3)...))...)
			conn := s.dial(t)
			expect(t, conn, "hello", "message 1", "message 2", "message 3")
			s.publish(4, "live")
			expect(t, conn, "live")
		})
	}
}

func TestAWebSocketGreetsWithoutAReplay(t *testing.T) {
	s := serve(t, stream.Options{}, withHello)
	conn := s.dial(t)
	expect(t, conn, "hello")
	s.publish(1, "live")
	expect(t, conn, "live")
}

func TestAWebSocketForOnceClosesAfterTheReplay(t *testing.T) {
	once := with(func(s *stream.Stream) { s.Once = true })
	for name, c := range map[string]struct {
		options []option
		want    []string
	}{
		"all":     {[]option{withHello, replaying("one", "two")}, []string{"hello", "one", "two"}},
		"replay":  {[]option{replaying("one"), withCloseFrames}, []string{"one"}},
		"hello":   {[]option{withHello}, []string{"hello"}},
		"nothing": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{}, append(c.options, once)...)
			conn := s.dial(t)
			expect(t, conn, c.want...)
			_, _, err := conn.ReadMessage()
			require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
			subscription := s.subscription(t)
			await(t, subscription.Done())
			require.Equal(t, hub.ReasonGone, subscription.Reason())
		})
	}
}

// A stream that does not go live needs no place in the hub.
func TestAWebSocketForOnceNeedsNoSubscription(t *testing.T) {
	s := serve(t, stream.Options{}, withHello, replaying("one"), with(func(s *stream.Stream) { s.Once = true }))
	s.detached = true
	conn := s.dial(t)
	expect(t, conn, "hello", "one")
	_, _, err := conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
}

func TestARevokedStreamIsNotGreeted(t *testing.T) {
	for name, way := range map[string]option{"chunked": withChunks, "websocket": func(*server) {}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{}, way, withHello)
			s.revoked = true
			if s.chunked {
				require.Empty(t, s.get(t).rest(t))
				return
			}
			_, reader := s.raw(t)
			got, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.Empty(t, got)
		})
	}
}
