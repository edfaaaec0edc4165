package ntfy

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// pusher is a sender of web pushes that knows the address of a topic and nothing
// else, with the topic's user.
func pusher(t *testing.T, s *server.Server) (*witness, *Caller) {
	t.Helper()
	w := &witness{User: NewUser(t, s), topic: pushTopic()}
	w.stream = w.Subscribe("/" + w.topic + "/json")
	return w, Anonymous(t, s).With("TTL", "2419200", "Urgency", "high", "Topic", "abc", "Content-Type", "application/octet-stream")
}

// decoded returns the bytes that a push was.
func decoded(t *testing.T, m Message) []byte {
	t.Helper()
	if m.Encoding == "" {
		return []byte(m.Message)
	}
	require.Equal(t, "base64", m.Encoding)
	data, err := base64.StdEncoding.DecodeString(m.Message)
	require.NoError(t, err)
	return data
}

// A push arrives byte by byte up to what a web push may have, and is cut beyond.
func TestPushSizes(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w, c := pusher(t, s)
		for _, size := range []int{1, 2, 4095, 4096, 4097, 100_000} {
			for _, data := range [][]byte{noise(size), bytes.Repeat([]byte("x"), size), bytes.Repeat([]byte(" "), size)} {
				for _, answer := range []*Answer{
					c.Post("/"+w.topic+"?up=1", data), c.Put("/"+w.topic+"?UP=yes", ioReader(string(data))), c.With("X-UnifiedPush", "1").Post("/"+w.topic, data),
					c.With("UnifiedPush", "true").Post("/"+w.topic, data), c.With("Content-Encoding", "aes128gcm").Post("/"+w.topic, data),
				} {
					m := w.heard(answer)
					require.Equal(t, data[:min(size, 4096)], decoded(t, m))
					require.Nil(t, m.Attachment)
					require.Equal(t, data[0] == 0, m.Encoding != "", "text stays text")
				}
			}
		}
		// A character that is cut in two is no text any more.
		m := w.heard(c.Post("/"+w.topic+"?up=1", strings.Repeat("x", 4095)+"é"))
		require.Equal(t, append(bytes.Repeat([]byte("x"), 4095), 0xc3), decoded(t, m))
		// A push without content is one, too.
		require.Equal(t, "triggered", w.heard(c.Post("/"+w.topic+"?up=1", nil)).Message)
		w.stored()
	})
}

// What senders of web pushes put into their requests means nothing here.
func TestPushHeaders(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w, c := pusher(t, s)
		data := noise(200)
		for _, authorization := range []string{
			"WebPush eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.e30.x", "vapid t=eyJ0eXAi.e30.x, k=BDd3_hVL9fZi9Ybo2UUzA284WG5FZR30_95YeZJsiApwXKpNcF1rRPF3foIiBHXRdJI2Qhumhf6_LFTeZaNndIo",
			"Digest username=\"x\"", "key=AAAA:server-key", "", "x",
		} {
			for _, more := range [][]string{
				{"Crypto-Key", "p256ecdsa=BDd3"}, {"Encryption", "salt=x"}, {"Content-Encoding", "aes128gcm"}, {"Content-Encoding", "AES128GCM"}, {"TTL", "x"}, {"Urgency", "very-low"}, {"Topic", "a b c"},
				{"Priority", "u=1, i"}, {"Prefer", "respond-async"},
			} {
				answer := c.Authorization(authorization).With(more...).Post("/"+w.topic+"?up=1", data)
				m := w.heard(answer)
				require.Equal(t, data, decoded(t, m))
				want := w.plain(m, m.Message)
				want.Encoding = "base64"
				require.Equal(t, want, m)
				require.Equal(t, http.StatusOK, answer.Status)
			}
		}
		// Wrong credentials of ours are wrong all the same.
		c.Bearer("wrong").Post("/"+w.topic+"?up=1", data).Refused(40101)
		// What is said beside it counts as elsewhere.
		m := w.heard(c.With("Title", "T", "X-Priority", "5", "Tags", "a").Post("/"+w.topic+"?up=1", data))
		require.Equal(t, []any{"T", 5, []string{"a"}}, []any{m.Title, m.Priority, m.Tags})
		w.stored()
	})
}

// Every format carries a push, and who was away gets it.
func TestPushOnStreams(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w, c := pusher(t, s)
		streams := map[string]*Stream{}
		for _, format := range Formats {
			streams[format] = w.Subscribe("/" + w.topic + "/" + format)
		}
		for _, data := range [][]byte{noise(4096), []byte("text\n"), []byte("\r\n\r\n"), {0}} {
			m := w.heard(c.Post("/"+w.topic+"?up=1", data))
			for _, format := range []string{"sse", "ws"} {
				require.Equal(t, m, streams[format].NextMessage())
			}
			require.Equal(t, strings.ReplaceAll(m.Message, "\n", " "), streams["raw"].Next().Text)
		}
		w.stored()
		for _, format := range []string{"json", "sse", "ws"} {
			stream := w.Subscribe("/" + w.topic + "/" + format + "?since=" + w.said[0].ID)
			for _, want := range w.said[1:] {
				require.Equal(t, want, stream.NextMessage())
			}
		}
	})
}
