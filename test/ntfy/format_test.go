package ntfy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// kinds are what the chunked formats are announced as.
var kinds = map[string]string{
	"json": "application/x-ndjson; charset=utf-8",
	"sse":  "text/event-stream; charset=utf-8",
	"raw":  "text/plain; charset=utf-8",
}

func TestStreamHeaders(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "stored")
		for format, kind := range kinds {
			for _, query := range []string{"", "?since=all", "?poll=1"} {
				header := user.Stream("/" + topic + "/" + format + query).Header
				require.Equal(t, kind, header.Get("Content-Type"))
				require.Equal(t, "*", header.Get("Access-Control-Allow-Origin"))
				require.Equal(t, "no-cache", header.Get("Cache-Control"))
				require.Equal(t, "no", header.Get("X-Accel-Buffering"))
				require.Empty(t, header.Get("Content-Length"))
				if query != "?poll=1" {
					require.Equal(t, []string{"chunked"}, header["Transfer-Encoding"])
				}
			}
		}
	})
}

// The open event comes first, whatever is stored.
func TestOpenComesFirst(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, ids := NewUser(t, s), map[string]bool{}
		for _, format := range Formats {
			topic := NewTopic()
			user.Publish(topic, "stored")
			stream := user.Stream("/" + topic + "," + topic + "x/" + format + "?since=all")
			opened := stream.Open()
			if format != "raw" {
				require.Equal(t, topic+","+topic+"x", opened.Topic, "as the path has it")
				require.Regexp(t, `^[0-9A-Za-z]{12}$`, opened.ID)
				require.False(t, ids[opened.ID], "every id is another one")
				ids[opened.ID] = true
				require.WithinDuration(t, time.Now(), time.Unix(opened.Time, 0), Patience)
			}
			require.Equal(t, "stored", stream.NextMessage().Message)
			live := user.Publish(topic+"x", "live")
			got := stream.NextMessage()
			if format == "raw" {
				require.Equal(t, "live", got.Message)
				continue
			}
			require.Equal(t, live, got)
			require.Equal(t, topic+"x", got.Topic, "a message has its own topic only")
		}
	})
}

// The same bytes are in the answer to a publish, on every stream and in a poll.
func TestFormatsAgree(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		lines := user.Subscribe("/" + topic + "/json")
		events := user.Subscribe("/" + topic + "/sse")
		frames := user.Subscribe("/" + topic + "/ws")
		texts := user.Subscribe("/" + topic + "/raw")
		var all []string
		for _, body := range []any{
			"plain", "🔔 <b> & \u2028 \"quoted\" \\ \ttab", "line\nline\r\nline",
			object{"topic": topic, "message": "all", "title": "Title\nwith a line", "tags": []string{"a", "b"}, "priority": 4, "markdown": true,
				"click": "https://example.com/<>", "icon": "https://example.com/i.png", "attach": "https://example.com/a.jpg",
				"actions": []object{{"action": "http", "label": "Go", "url": "https://example.com", "headers": object{"a": "b"}}}},
		} {
			path := "/" + topic
			if _, text := body.(string); !text {
				path = "/"
			}
			answer := user.Post(path, body).Want(200)
			line := strings.TrimSuffix(string(answer.Body), "\n")
			require.NotContains(t, line, "\n")
			require.Equal(t, line, lines.Next().Text)
			event := events.Next()
			require.Equal(t, line, event.Text)
			require.Equal(t, answer.Message().ID, event.Mark)
			require.Empty(t, event.Name)
			require.Equal(t, line, frames.Next().Text)
			require.Equal(t, strings.ReplaceAll(answer.Message().Message, "\n", " "), texts.Next().Text)
			all = append(all, line)
		}
		require.Equal(t, strings.Join(all, "\n")+"\n", string(user.Get("/"+topic+"/json?poll=1").Want(200).Body))
	})
}

// A poll has neither open nor keepalive, and ends by itself.
func TestPollEnds(t *testing.T) {
	Own(t, map[string]string{"ntfy.keepalive": "10ms"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		for _, format := range Formats {
			path := "/" + topic + "/" + format + "?poll=1"
			require.NoError(t, pollEnd(user.Stream(path)), "%s: nothing is stored", format)
		}
		var sent []Message
		for i := range 250 { // more than a page
			sent = append(sent, user.Publish(topic, fmt.Sprint(i)))
		}
		for _, format := range Formats {
			stream := user.Stream("/" + topic + "/" + format + "?poll=1")
			for _, want := range sent {
				got := stream.Next() // and nothing in between
				require.Equal(t, want.Message, got.Message.Message)
				if format != "raw" {
					require.Equal(t, want, got.Message)
				}
			}
			_, open := <-stream.Frames
			require.False(t, open)
			require.NoError(t, pollEnd(stream), format)
		}
	})
}

// pollEnd returns nil when the stream ended as a poll does.
func pollEnd(s *Stream) error {
	err := s.Ended()
	if s.Format == "ws" && websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseAbnormalClosure) {
		return nil
	}
	return err
}

func TestKeepalive(t *testing.T) {
	Own(t, map[string]string{"ntfy.keepalive": "50ms"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		ids := map[string]bool{}
		for _, format := range []string{"json", "sse", "raw"} {
			stream := user.Subscribe("/" + topic + "/" + format)
			for range 3 {
				alive := stream.Keepalive()
				if format != "raw" {
					require.Equal(t, Message{ID: alive.ID, Time: alive.Time, Event: "keepalive", Topic: topic}, alive)
					require.Regexp(t, `^[0-9A-Za-z]{12}$`, alive.ID)
					require.False(t, ids[alive.ID])
					ids[alive.ID] = true
				}
			}
			user.Publish(topic, "in between")
			require.Equal(t, "in between", stream.NextMessage().Message)
			stream.Keepalive()
		}
		// A stream whose messages are all filtered out is alive, too.
		stream := user.Subscribe("/" + topic + "/json?priority=max")
		for range 3 {
			user.Publish(topic, "not for this one")
			stream.Keepalive()
		}
		// A WebSocket has pings and no keepalives.
		ws := user.Subscribe("/" + topic + "/ws")
		for range 3 {
			select {
			case <-ws.WebSocket.Pings:
			case <-time.After(Patience):
				t.Fatal("no ping came")
			}
		}
		user.Publish(topic, "after the pings")
		require.Equal(t, "after the pings", ws.Next().Message.Message)
	})
}

// A WebSocket whose client answers no ping is cut; one whose client does lives on.
func TestWebSocketWithoutPongs(t *testing.T) {
	Long(t)
	Own(t, map[string]string{"ntfy.keepalive": "50ms"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		alive := user.Subscribe("/" + topic + "/ws")
		conn := dialWebSocket(t, user.Caller, "/"+topic+"/ws")
		conn.SetPingHandler(func(string) error { return nil })
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(2*Patience)))
		_, _, err := conn.ReadMessage()
		require.NoError(t, err, "the open event")
		_, _, err = conn.ReadMessage()
		var network net.Error
		require.Error(t, err)
		require.NotErrorAs(t, err, &network, "the server hung up")
		user.Publish(topic, "still there")
		require.Equal(t, "still there", alive.NextMessage().Message)
	})
}

// dialWebSocket opens a WebSocket that the test reads itself.
func dialWebSocket(t *testing.T, c *Caller, path string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: Patience}
	conn, response, err := dialer.Dial("ws"+strings.TrimPrefix(c.Server.URL(), "http")+path, c.header)
	require.NoError(t, err)
	response.Body.Close()
	t.Cleanup(func() { conn.Close() })
	return conn
}

// What a client says on a WebSocket is of no interest, as long as it is short.
func TestWebSocketInput(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		stream := user.Subscribe("/" + topic + "/ws")
		stream.WebSocket.Write(websocket.TextMessage, []byte("hello"))
		stream.WebSocket.Write(websocket.PingMessage, []byte("are you there?"))
		user.Publish(topic, "still here")
		require.Equal(t, "still here", stream.NextMessage().Message)
		long := dialWebSocket(t, user.Caller, "/"+topic+"/ws")
		require.NoError(t, long.SetReadDeadline(time.Now().Add(Patience)))
		long.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1<<20))) //nolint:errcheck // it may be cut off
		_, _, err := long.ReadMessage()
		for err == nil {
			_, _, err = long.ReadMessage()
		}
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "too long")
		// A close by the client is answered.
		other := user.Subscribe("/" + topic + "/ws")
		other.WebSocket.Write(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		other.WebSocket.Closed(websocket.CloseNormalClosure)
	})
}

func TestWhatIsNoStream(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s).Loose(), NewTopic()
		user.Publish(topic, "there")
		for _, path := range []string{
			"/" + topic + "/json/", "/" + topic + "/JSON", "/" + topic + "/xml", "/" + topic + "/", "/" + topic + "/json/x",
			"/" + topic + ",/json", "/," + topic + "/json", "/" + topic + ",,a/json", "//json", "/,/json",
			"/" + strings.Repeat("x", 65) + "/json", "/a.b/json", "/a%20b/json", "/%C3%A4/json", "/a%2Fb/json", "/a:b/sse", "/a;b/raw", "/~/ws",
		} {
			answer := user.Get(path).Refused(40401, "page not found")
			require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"), path)
		}
		for _, format := range append([]string{"auth"}, Formats...) {
			user.Do("HEAD", "/"+topic+"/"+format, nil).Empty(404)
			for _, method := range []string{"PATCH", "TRACE", "PROPFIND"} {
				user.Do(method, "/"+topic+"/"+format, nil).Refused(40401)
			}
		}
		// The longest topic is one.
		longest := strings.Repeat("x", 40) + topic + strings.Repeat("y", 64-40-len(topic))
		user.Subscribe("/" + longest + "/json").Hangup()
		// Who posts to what looks like a stream publishes with a sequence id.
		require.Equal(t, "json", user.Post("/"+topic+"/json", "text").Message().SequenceID)
	})
}

// Words that are paths of the server are no topics.
func TestStreamsOfReservedTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s).Loose(), NewTopic()
		for _, word := range []string{
			"docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1",
			"message", "application", "client", "user", "current", "stream", "plugin", "image", "version", "auth",
		} {
			for _, path := range []string{"/" + topic + "," + word + "/json", "/" + word + "," + topic + "/sse"} {
				user.RefusedStream(path).Refused(40010)
			}
		}
		require.Empty(t, user.Poll(topic, ""))
	})
}

// On a WebSocket's request an error is a status and nothing else.
func TestWebSocketRefusals(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s).Loose(), NewTopic()
		user.Publish(topic, "there")
		for path, status := range map[string]int{
			"/" + topic + "/ws?since=nonsense": 400, "/" + topic + "/ws?priority=9": 400, "/" + topic + ",docs/ws": 400,
			"/a.b/ws": 404, "/" + topic + "/ws/": 404, "/" + topic + "/ws?poll=1&since=x": 400,
		} {
			user.RefusedStream(path).Empty(status)
		}
		Anonymous(t, s).RefusedStream("/" + topic + "/ws").Empty(403)
		Anonymous(t, s).Bearer("tk_nosuchtokennosuchtokennosuchtok").RefusedStream("/" + topic + "/ws").Empty(401)
		// Without an upgrade it is an answer like any other.
		user.Get("/"+topic+"/ws").Refused(40016, "websocket")
		user.With("Upgrade", "h2c", "Connection", "Upgrade").Get("/" + topic + "/ws").Refused(40016)
		user.Get("/" + topic + "/ws?poll=1").Refused(40016)
	})
}

// What is wrong is said before anything else is sent.
func TestWrongParameters(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s).Loose(), NewTopic()
		for _, format := range []string{"json", "sse", "raw"} {
			for query, code := range map[string]int{
				"since=nonsense": 40008, "since=ALL": 40008, "since=Latest": 40008, "si=1w": 40008, "since=1635528757.5": 40008,
				"since=SLiKI64DOt": 40008, "since=10%20m": 40008, "since=" + strings.Repeat("9", 30): 40008, "since=-": 40008, "since=0x10": 40008,
				"priority=6": 40007, "priority=0": 40007, "p=nonsense": 40007, "prio=high,7": 40007, "x-priority=-1": 40007,
			} {
				for _, more := range []string{"", "&poll=1"} {
					path := "/" + topic + "/" + format + "?" + query + more
					answer := user.RefusedStream(path).Refused(code)
					require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"), path)
				}
			}
		}
		user.With("X-Since", "nonsense").RefusedStream("/" + topic + "/json").Refused(40008)
		user.With("Priority", "9").RefusedStream("/" + topic + "/json").Refused(40007)
	})
}

func TestCORS(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		browser := Anonymous(t, s).Loose().With("Origin", "https://example.com", "Access-Control-Request-Method", "PUT",
			"Access-Control-Request-Headers", "authorization,x-title")
		for _, path := range []string{
			"/" + topic, "/", "/" + topic + "/json", "/" + topic + "/sse", "/" + topic + "/auth", "/" + topic + "/publish", "/a.b/c/d/e",
			"/v1/account", "/v1/health", "/v1/account/token", "/v1/users", "/file/nosuchfile.txt",
		} {
			answer := browser.Do("OPTIONS", path, nil).Empty(200)
			require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"), path)
			require.Equal(t, "GET, PUT, POST, PATCH, DELETE", answer.Header.Get("Access-Control-Allow-Methods"), path)
			require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Headers"), path)
			require.Empty(t, answer.Header.Get("Access-Control-Allow-Credentials"), "no cookie is of use here")
		}
		wrong := user.Authorization("Bearer wrong")
		for what, answer := range map[string]*Answer{
			"200":  user.Put("/"+topic, "text").Want(200),
			"400":  user.Loose().Get("/" + topic + "/json?since=x").Want(400),
			"401":  wrong.Get("/" + topic + "/json").Want(401),
			"403":  Anonymous(t, s).Get("/" + topic + "/auth").Want(403),
			"404":  user.Loose().Get("/" + topic + "/json/").Want(404),
			"poll": user.Get("/" + topic + "/raw?poll=1").Want(200),
		} {
			require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"), what)
			require.Empty(t, answer.Header.Get("WWW-Authenticate"), "a browser would ask its user: %s", what)
		}
	})
}

// Who has no chunks, or keeps the connection, is served as well.
func TestOldAndLastingConnections(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "stored")
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
		buffer := bufio.NewReader(conn)
		for range 3 { // polls on one connection
			_, err := fmt.Fprintf(conn, "GET /%s/raw?poll=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", topic, user.Token)
			require.NoError(t, err)
			response, err := http.ReadResponse(buffer, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, "stored\n", string(body))
		}
		_, err = fmt.Fprintf(conn, "GET /%s/raw?poll=1 HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n", topic, user.Token)
		require.NoError(t, err)
		body, err := io.ReadAll(buffer)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(body), "\r\n\r\nstored\n"), "%s", body)
	})
}
