package ntfy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

const notifyPath = "/_matrix/push/v1/notify"

func notification(pushkey string) string {
	return `{"notification":{"counts":{"unread":1},"devices":[{"app_id":"im.vector","pushkey":"` + pushkey + `"},{"pushkey":"https://other.example/x"}]}}`
}

func TestMatrix(t *testing.T) {
	s := newSite(t, Limits{Messages: 2}, broker.AttachmentLimits{})
	require.Equal(t, `{"unifiedpush":{"gateway":"matrix"}}`+"\n", s.call(http.MethodGet, notifyPath, "").Body.String())

	const topic = "upAbCdEf123456"
	s.publish(topic, "the phone makes the topic")
	body := notification("https://push.example.com/sub/" + topic + "?up=1")
	w := s.call(http.MethodPost, notifyPath, body)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, `{"rejected":[]}`+"\n", w.Body.String())
	poll, replay, err := s.Broker.PollTopics(t.Context(), &model.Identity{Credential: model.Password, User: s.alice}, []string{topic}, broker.SubscribeOptions{Since: model.Since{Kind: model.SinceLatest}})
	require.NoError(t, err)
	defer poll.Close()
	require.Equal(t, []string{body}, texts(t, replay))

	for _, key := range []string{
		"https://other.example/" + topic, "https://push.example.com/" + topic, "https://push.example.com/sub", "https://push.example.com/sub/",
		"https://push.example.com/sub/a/b?up=1", "https://push.example.com/sub/v1", "http://push.example.com/sub/" + topic, "https://push.example.com/sub/a b", "x", "http://[",
	} {
		require.Equal(t, `{"rejected":["`+key+`"]}`+"\n", s.call(http.MethodPost, notifyPath, notification(key)).Body.String())
	}
	for _, bad := range []string{
		"", "x", "[]", "null", "{}", `{"notification":null}`, `{"notification":{"devices":[]}}`, `{"notification":{"devices":[null]}}`,
		`{"notification":{"devices":[{"pushkey":""}]}}`, `{"notification":{"devices":[{"pushkey":7}]}}`, "\xff",
	} {
		answered(t, 40019, s.call(http.MethodPost, notifyPath, bad))
	}
	answered(t, 41302, s.call(http.MethodPost, notifyPath, body+strings.Repeat(" ", defaultMessageLimit)))
	answered(t, 40301, s.call(http.MethodPost, notifyPath, notification("https://push.example.com/sub/private?up=1")))
	require.Equal(t, http.StatusOK, s.call(http.MethodPost, notifyPath, body).Code)
	answered(t, 42908, s.call(http.MethodPost, notifyPath, body))
}

// texts returns the texts of the messages that a replay has.
func texts(t *testing.T, replay broker.Replay) (found []string) {
	t.Helper()
	require.NoError(t, replay(t.Context(), func(some []*hub.Envelope) error {
		for _, e := range some {
			if e.Event.Message != nil {
				found = append(found, e.Event.Message.Message)
			}
		}
		return nil
	}))
	return found
}

func TestAPushKeyWhereTheAddressIsNotConfigured(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	s.BaseURL = nil
	c := s.context()
	c.Request.Host = "push.example.com"
	for key, want := range map[string]string{
		"http://push.example.com/up1?up=1":   "up1",
		"https://PUSH.example.com/up1?up=1":  "up1", // a proxy has taken the encryption off
		"https://push.example.com:81/up1":    "",
		"ftp://push.example.com/up1":         "",
		"https://evil@other.example/up1":     "",
		"https://push.example.com/up1/x?a=b": "",
		"https://push.example.com/":          "",
	} {
		topic, ours := s.pushTopic(c, key)
		require.Equal(t, want != "", ours, key)
		if ours {
			require.Equal(t, want, topic)
		}
	}
}
