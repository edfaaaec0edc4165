package ntfy

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// pushTopic returns a topic of the shape that ntfy's apps make up for UnifiedPush.
func pushTopic() string { return "up" + rand.Text()[:10] + "a1" }

// Whoever knows the address of a UnifiedPush topic may push to it, once a user has
// registered it by subscribing or publishing.
func TestPushTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other, stranger := NewUser(t, s), NewUser(t, s), Anonymous(t, s)
		for _, register := range []func(topic string){
			func(topic string) { user.Subscribe("/" + topic + "/json") },
			func(topic string) { user.Subscribe("/" + NewTopic() + "," + topic + "/ws") },
			func(topic string) { user.Publish(topic, "m") },
		} {
			topic := pushTopic()
			stranger.Put("/"+topic+"?up=1", "too early").Refused(40301)
			stranger.RefusedStream("/" + topic + "/json").Refused(40301)
			register(topic)
			stranger.Publish(topic+"?up=1", "from a stranger")
			other.Publish(topic+"?up=1", "from another user")
			mayNotRead(stranger, topic)
			mayNotRead(other.Caller, topic)
			mayNotWrite(Anonymous(t, s).Bearer(user.Person.NewDevice("phone").Token), topic, "client token")
			stored := Texts(user.Poll(topic, ""))
			require.Equal(t, []string{"from a stranger", "from another user"}, stored[len(stored)-2:])
		}
		for _, other := range []string{"up-" + rand.Text()[:11], "Up" + rand.Text()[:12], "upx" + rand.Text()[:12], "upgradereports"} {
			Admin(t, s).Publish(other, "a topic like any other")
			stranger.Put("/"+other+"?up=1", "no").Refused(40301)
		}
	})
}

func TestPushDiscovery(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		for _, path := range []string{"/" + pushTopic() + "?up=1", "/" + NewTopic() + "?UP=yes", "/" + NewTopic() + "?unifiedpush=1"} {
			answer := Anonymous(t, s).Get(path).Want(http.StatusOK)
			require.JSONEq(t, `{"unifiedpush":{"version":1}}`, string(answer.Body))
		}
		require.Empty(t, owned(NewUser(t, s).Person.Caller))
	})
}

// Every byte arrives: as it is when it is text, else in base64. What is too long is
// cut, because a refusal would end the subscription for good.
func TestPushBytes(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), pushTopic()
		stream := user.Subscribe("/" + topic + "/ws")
		c := Anonymous(t, s).Authorization("vapid t=x,k=y").With("TTL", "60", "Urgency", "high", "Topic", "x")
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for what, body := range map[string][]byte{
			"text": []byte(" \n untrimmed, 🔔 \n"), "bytes": all, "half a character": []byte("\xf0\x9f\x94"), "nul": {'a', 0, 'b'}, "one": {0xff},
		} {
			said := c.Put("/"+topic+"?up=1", body).Message()
			require.Equal(t, said, stream.NextMessage(), what)
			if what == "text" {
				require.Empty(t, said.Encoding)
				require.Equal(t, string(body), said.Message)
				continue
			}
			require.Equal(t, "base64", said.Encoding, what)
			decoded, err := base64.StdEncoding.DecodeString(said.Message)
			require.NoError(t, err)
			require.Equal(t, body, decoded, what)
		}
		encrypted := c.With("Content-Encoding", "aes128gcm").Put("/"+topic, all).Message()
		require.Equal(t, "base64", encrypted.Encoding)
		require.Equal(t, encrypted, stream.NextMessage())
		long := c.Put("/"+topic+"?up=1", strings.Repeat("x", 5000)).Message()
		require.Equal(t, strings.Repeat("x", 4096), long.Message)
	})
}
