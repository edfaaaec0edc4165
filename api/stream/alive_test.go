package stream_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

// onPing calls f at each ping of the server, and returns the messages of the
// stream, which a goroutine reads until the stream ends.
func onPing(t *testing.T, conn *websocket.Conn, f func(n int) error) <-chan string {
	n := 0
	conn.SetPingHandler(func(string) error { n++; return f(n) })
	messages := make(chan string, 100)
	go func() {
		defer close(messages)
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			messages <- string(text)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		for range messages { // until the reader has returned
		}
	})
	return messages
}

func TestStreamsArePingedAllTheTime(t *testing.T) {
	s := serve(t, stream.Options{Ping: 5 * time.Millisecond})
	conn := s.dial(t)
	pings := make(chan int, 100)
	messages := onPing(t, conn, func(n int) error {
		if n <= cap(pings) {
			pings <- n
		}
		return nil
	})
	for n := 1; n <= 5; n++ {
		require.Equal(t, n, await(t, pings))
	}
	s.publish(1, "between pings")
	require.Equal(t, "between pings", await(t, messages))
}

// A peer lives by whatever it sends. The pings last longer than the time in
// which a silent peer is cut.
func TestAPeerThatSendsStaysConnected(t *testing.T) {
	const ping, grace, pings = 20 * time.Millisecond, time.Second, 80
	for name, send := range map[string]func(*websocket.Conn) error{
		"pongs":  func(c *websocket.Conn) error { return c.WriteControl(websocket.PongMessage, nil, time.Time{}) },
		"pings":  func(c *websocket.Conn) error { return c.WriteControl(websocket.PingMessage, nil, time.Time{}) },
		"frames": func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte("hello")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, stream.Options{Ping: ping})
			s.pumps.SetGrace(grace)
			conn := s.dial(t)
			enough := make(chan struct{})
			messages := onPing(t, conn, func(n int) error {
				if n == pings {
					close(enough)
				}
				return send(conn)
			})
			await(t, enough)
			s.publish(1, "still here")
			require.Equal(t, "still here", await(t, messages))
		})
	}
}

func TestADeadPeerIsCut(t *testing.T) {
	s := serve(t, stream.Options{Ping: 10 * time.Millisecond})
	s.pumps.SetGrace(100 * time.Millisecond)
	_, reader := s.raw(t)
	subscription := s.subscription(t)
	got, err := io.ReadAll(reader)
	require.NoError(t, err, "the connection ends, and is not reset")
	require.Empty(t, bytes.ReplaceAll(got, []byte{0x89, 0x00}, nil), "nothing but pings came before")
	await(t, subscription.Done())
	require.Equal(t, hub.ReasonGone, subscription.Reason())
}

func TestAPingIsAnsweredWithItsPayload(t *testing.T) {
	s := serve(t, stream.Options{})
	conn, reader := s.raw(t)
	for _, payload := range []string{"", "a", strings.Repeat("x", 125)} {
		ping := masked(0x89, payload)
		for _, part := range [][]byte{ping[:1], ping[1:5], ping[5:]} { // in pieces, as a network may
			_, err := conn.Write(part)
			require.NoError(t, err)
		}
		want := append([]byte{0x8a, byte(len(payload))}, payload...)
		got := make([]byte, len(want))
		_, err := io.ReadFull(reader, got)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestWhatAClientSendsIsIgnored(t *testing.T) {
	s := serve(t, stream.Options{})
	conn := s.dial(t)
	for range 20 {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, make([]byte, 4096)))
		require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3}))
	}
	s.subscription(t)
	s.publish(1, "unimpressed")
	expect(t, conn, "unimpressed")
}

func TestABigMessageOfAClientIsRefused(t *testing.T) {
	fragments := append(masked(0x01, strings.Repeat("x", 3000)), masked(0x80, strings.Repeat("x", 1097))...)
	for name, sent := range map[string][]byte{
		"one frame":      masked(0x81, strings.Repeat("x", 4097)),
		"fragments":      fragments,
		"only announced": {0x81, 0x80 | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"much more":      append(masked(0x81, strings.Repeat("x", 4097)), make([]byte, 100_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, stream.Options{})
			conn, reader := s.raw(t)
			_, err := conn.Write(sent)
			require.NoError(t, err)
			got, err := io.ReadAll(reader)
			require.NoError(t, err, "a reset could destroy the close frame")
			require.Equal(t, []byte{0x88, 2, 0x03, 0xf1}, got)
			await(t, s.subscription(t).Done())
		})
	}
}

func TestAClientThatBreaksTheProtocolIsTold(t *testing.T) {
	s := serve(t, stream.Options{})
	conn := s.dial(t)
	_, err := conn.NetConn().Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	_, _, err = conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseProtocolError), "%v", err)
}
