package stream_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/test/dialect"
)

func TestPlainStreamsEndWithoutACloseFrame(t *testing.T) {
	for _, reason := range []hub.Reason{hub.ReasonRevoked, hub.ReasonSlow, hub.ReasonShutdown} {
		t.Run(reason.String(), func(t *testing.T) {
			s := serve(t, stream.Options{})
			_, reader := s.raw(t)
			s.subscription(t)
			s.publish(1, "one")
			got := make([]byte, len(wire("one")))
			_, err := io.ReadFull(reader, got)
			require.NoError(t, err)
			require.Equal(t, wire("one"), got)
			s.hub.Close(reason)
			rest, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.Empty(t, rest)
		})
	}
}

func TestClientsThatWantThemGetCloseFrames(t *testing.T) {
	for reason, code := range map[hub.Reason]int{
		hub.ReasonRevoked:  websocket.ClosePolicyViolation,
		hub.ReasonSlow:     websocket.CloseTryAgainLater,
		hub.ReasonShutdown: websocket.CloseGoingAway,
	} {
		for name, options := range map[string][]option{"tcp": {withCloseFrames}, "tls": {withCloseFrames, withTLS}} {
			t.Run(reason.String()+" "+name, func(t *testing.T) {
				s := serve(t, stream.Options{}, options...)
				conn := s.dial(t)
				s.subscription(t)
				s.publish(1, "one")
				expect(t, conn, "one")
				s.hub.Close(reason)
				_, _, err := conn.ReadMessage()
				require.True(t, websocket.IsCloseError(err, code), "%v", err)
			})
		}
	}
}

func TestShutdownSendsFirstWhatWaits(t *testing.T) {
	const count = 1000
	for name, options := range map[string][]option{"plain": nil, "close frames": {withCloseFrames}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{}, options...)
			_, reader := s.raw(t)
			s.subscription(t)
			s.publish(1, numbered(1, count)...)
			s.hub.Close(hub.ReasonShutdown)
			var want []byte
			for _, text := range numbered(1, count) {
				want = append(want, wire(text)...)
			}
			if s.CloseFrames {
				want = append(want, 0x88, 2, 0x03, 0xe9)
			}
			got, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		})
	}
}

func TestRevokedStreamsGetNothingMore(t *testing.T) {
	const count, size = 64, 1 << 20 // far more than the kernel takes
	s := serve(t, stream.Options{}, withCloseFrames, withHub(hub.Options{QueueBytes: 1 << 30}))
	_, reader := s.raw(t)
	subscription := s.subscription(t)
	s.publish(1, slices.Repeat([]string{strings.Repeat("x", size)}, count)...)
	s.hub.EndClient(1, hub.ReasonRevoked)
	require.Equal(t, hub.ReasonRevoked, subscription.Reason())
	n, err := io.Copy(io.Discard, reader)
	require.NoError(t, err)
	require.Less(t, n, int64(count*size))
}

func TestACloseByTheClientIsAnswered(t *testing.T) {
	s := serve(t, stream.Options{})
	conn := s.dial(t)
	subscription := s.subscription(t)
	farewell := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye")
	require.NoError(t, conn.WriteControl(websocket.CloseMessage, farewell, time.Time{}))
	_, _, err := conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)
	await(t, subscription.Done())
	require.Equal(t, hub.ReasonGone, subscription.Reason())
	require.Zero(t, s.hub.Streams())
}

func TestACloseWithoutACodeIsAnsweredWithoutOne(t *testing.T) {
	s := serve(t, stream.Options{})
	conn, reader := s.raw(t)
	_, err := conn.Write(masked(0x88, ""))
	require.NoError(t, err)
	got, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, []byte{0x88, 0}, got)
}

func TestAClientThatJustLeavesEndsItsStream(t *testing.T) {
	s := serve(t, stream.Options{})
	conn, _ := s.raw(t)
	subscription := s.subscription(t)
	require.NoError(t, conn.Close())
	await(t, subscription.Done())
	require.Equal(t, hub.ReasonGone, subscription.Reason())
}

// Every way to end gives back the connection. That no goroutine stays is
// checked for all tests of the package.
func TestEndedStreamsKeepNoFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		dialect.NotRun(t, "open files are counted in /proc, which only Linux has")
	}
	before := openFiles(t)
	t.Run("streams", func(t *testing.T) {
		for _, options := range [][]option{nil, {withCloseFrames}, {withTLS}, {withTLS, withCloseFrames}} {
			s := serve(t, stream.Options{}, options...)
			for _, leave := range []func(*websocket.Conn){
				func(c *websocket.Conn) { _ = c.Close() },
				func(c *websocket.Conn) { _ = c.WriteControl(websocket.CloseMessage, nil, time.Time{}) },
				func(c *websocket.Conn) { _, _ = c.NetConn().Write([]byte("garbage")) },
				func(*websocket.Conn) { s.hub.EndUser(1, hub.ReasonRevoked) },
				func(*websocket.Conn) { s.hub.EndUser(1, hub.ReasonSlow) },
			} {
				conn := s.dial(t)
				subscription := s.subscription(t)
				leave(conn)
				await(t, subscription.Done())
			}
			s.dial(t) // ended by the shutdown
			s.subscription(t)
		}
	})
	require.Equal(t, before, openFiles(t))
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
