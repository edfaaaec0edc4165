package ntfy

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// longText, many times, is more than anybody holds for one reader.
var longText = strings.Repeat("x", 30_000)

// silent is a connection for a stream whose client does not read.
type silent struct {
	net.Conn
	format string
}

// dialSilently asks for a stream over a connection with small buffers.
func dialSilently(t *testing.T, u *User, topic, format string) silent {
	t.Helper()
	var conn net.Conn
	dial := func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(512 << 10)
		}
		conn = c
		return c, err
	}
	address := strings.TrimPrefix(u.Server.URL(), "http://")
	if format == "ws" {
		dialer := websocket.Dialer{HandshakeTimeout: Patience, NetDial: dial}
		ws, response, err := dialer.Dial("ws://"+address+"/"+topic+"/ws", u.header)
		require.NoError(t, err)
		response.Body.Close()
		t.Cleanup(func() { ws.Close() })
		return silent{conn, format}
	}
	_, err := dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /%s/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", topic, format, u.Token)
	require.NoError(t, err)
	return silent{conn, format}
}

// rest reads what was on its way until the server hangs up, and returns how much
// that was.
func (s silent) rest(t *testing.T) int64 {
	t.Helper()
	require.NoError(t, s.SetReadDeadline(time.Now().Add(2*Patience)))
	n, err := io.Copy(io.Discard, s.Conn)
	if err != nil {
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "%s: the server did not hang up on a reader that did not read", s.format)
	}
	return n
}

// A reader that does not read is hung up on, and neither publishers nor those who
// read notice anything.
func TestReadersThatDoNotRead(t *testing.T) {
	Long(t)
	Own(t, map[string]string{"ntfy.message": "32768"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		first := user.Publish(topic, "first")
		var stuck []silent
		for _, format := range Formats {
			stuck = append(stuck, dialSilently(t, user, topic, format))
		}
		healthy := user.Subscribe("/" + topic + "/json")
		const count = 800
		var sent []string
		for range count {
			m := user.Publish(topic, longText)
			require.Equal(t, m.ID, healthy.NextMessage().ID)
			sent = append(sent, m.ID)
		}
		for _, reader := range stuck {
			require.Less(t, reader.rest(t), int64(count*len(longText)), "nobody holds so much for a reader that does not read")
		}
		require.Equal(t, sent, IDs(user.Poll(topic, "since="+first.ID)))
		// Also in a replay.
		for _, format := range Formats {
			reader := dialSilently(t, user, topic, format+"?since=all")
			user.Publish(topic, "goes on")
			reader.Close()
		}
	})
}

// connections returns how many connections the server has that it has not closed.
func connections(t *testing.T, s *server.Server) int {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		dialect.NotRun(t, "connections are counted in /proc, which only Linux has: "+err.Error())
	}
	const established, closeWait = "01", "08"
	count := 0
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line) // of which 1 is the own address and 3 the state
		if fields[1] == fmt.Sprintf("0100007F:%04X", number) && (fields[3] == established || fields[3] == closeWait) {
			count++
		}
	}
	return count
}

// Clients that leave, in whatever way, leave nothing behind.
func TestClientsThatLeave(t *testing.T) {
	Own(t, map[string]string{"limits.streams": "40"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "first")
		for range 3 {
			var wait sync.WaitGroup
			for i := range 40 {
				wait.Go(func() {
					stream, answer, err := user.TryStream("/" + topic + "/" + Formats[i%4] + "?since=all")
					if stream == nil {
						t.Errorf("%v %v", answer, err)
						return
					}
					if i%2 == 0 {
						if _, err := stream.TryNext(); err != nil {
							t.Error(err)
						}
					}
					stream.Hangup()
				})
			}
			wait.Wait()
			// The server notices by itself, with nothing to say to them.
			gotify.Until(t, "the connections are gone", func() bool { return connections(t, s) < 10 })
		}
		user.Publish(topic, "still fine")
	})
}

// Streams beyond the limit of a user are refused, and those that ended do not count.
func TestLimitOfStreams(t *testing.T) {
	Own(t, map[string]string{"limits.exempthosts": "", "limits.visitor.subscriptions": "4", "limits.visitor.requests.burst": "100000"},
		func(t *testing.T, s *server.Server) {
			user, other, topic := NewUser(t, s), NewUser(t, s), NewTopic()
			user.Publish(topic, "first")
			var streams []*Stream
			for _, format := range Formats {
				streams = append(streams, user.Subscribe("/"+topic+"/"+format))
			}
			for _, format := range []string{"json", "sse", "raw"} {
				answer := user.RefusedStream("/" + topic + "/" + format).Refused(42903)
				require.NotEmpty(t, answer.Header.Get("Retry-After"))
			}
			refused := user.RefusedStream("/" + topic + "/ws").Empty(429)
			require.NotEmpty(t, refused.Header.Get("Retry-After"))
			other.Subscribe("/" + NewTopic() + "/json")
			for i, format := range Formats {
				streams[i].Hangup()
				gotify.Until(t, "there is room again", func() bool {
					again, _, err := user.TryStream("/" + topic + "/" + format)
					require.NoError(t, err)
					return again != nil
				})
			}
			// Wrong requests use up nothing.
			fresh := NewUser(t, s)
			fresh.Publish(NewTopic(), "fresh")
			for range 10 {
				fresh.Loose().RefusedStream("/" + NewTopic() + "/json?since=x").Refused(40008)
				fresh.RefusedStream("/" + topic + "/json").Refused(40301)
				fresh.RefusedStream("/" + topic + "/ws").Empty(403)
			}
			for range 4 {
				fresh.Subscribe("/" + NewTopic() + "/ws")
			}
		})
}

// SIGTERM ends all streams, completely: no answer is broken off.
func TestShutdownEndsStreams(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "first")
		streams := map[string]*Stream{}
		for _, format := range Formats {
			streams[format] = user.Subscribe("/" + topic + "/" + format + "?since=all")
		}
		stuck := dialSilently(t, user, topic, "json")
		user.Publish(topic, "second")
		for _, stream := range streams {
			require.Equal(t, "first", stream.NextMessage().Message)
			require.Equal(t, "second", stream.NextMessage().Message)
		}
		user.Publish(topic, "last")
		s.Stop(t)
		for format, stream := range streams {
			require.Equal(t, "last", stream.NextMessage().Message)
			err := stream.Ended()
			if format != "ws" {
				require.NoError(t, err, format)
			}
		}
		stuck.rest(t)
		s.Restart(t)
		require.Equal(t, []string{"first", "second", "last"}, Texts(user.Poll(topic, "")))
	})
}
