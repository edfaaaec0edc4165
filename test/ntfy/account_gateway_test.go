package ntfy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// notification is what a Matrix server posts for a push key.
func notification(keys ...string) object {
	devices := []object{}
	for _, key := range keys {
		devices = append(devices, object{"app_id": "im.vector", "pushkey": key, "pushkey_ts": 12345678, "data": object{"url": "x"}})
	}
	return object{"notification": object{"event_id": "$3957", "room_id": "!slw", "counts": object{"unread": 2}, "devices": devices}}
}

// A Matrix server pushes through the gateway to the address that is the push key.
func TestMatrixGateway(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, matrix, topic := NewUser(t, s), Anonymous(t, s), pushTopic()
		require.JSONEq(t, `{"unifiedpush":{"gateway":"matrix"}}`, string(matrix.Get("/_matrix/push/v1/notify").Want(200).Body))
		stream := user.Subscribe("/" + topic + "/json")
		type answer struct {
			Rejected []string `json:"rejected"`
		}
		for _, key := range []string{s.URL() + "/" + topic, s.URL() + "/" + topic + "?up=1"} {
			body := notification(key)
			require.Equal(t, answer{[]string{}}, As[answer](matrix.Post("/_matrix/push/v1/notify", body)))
			want, err := json.Marshal(body)
			require.NoError(t, err)
			require.JSONEq(t, string(want), stream.NextMessage().Message)
		}
		for _, key := range []string{"https://other.example/" + topic, s.URL(), s.URL() + "/", s.URL() + "/a/b", "nonsense", s.URL() + "/docs", s.URL() + ".evil.example/" + topic} {
			require.Equal(t, answer{[]string{key}}, As[answer](matrix.Post("/_matrix/push/v1/notify", notification(key))), key)
		}
		loose := matrix.Loose()
		for _, body := range []string{"", "{", "[]", "{}", `{"notification":{}}`, `{"notification":{"devices":[]}}`, `{"notification":{"devices":[{}]}}`, `{"notification":5}`, "null"} {
			loose.Post("/_matrix/push/v1/notify", body).Refused(40019)
		}
		loose.Post("/_matrix/push/v1/notify", strings.Repeat("x", 100_000)).Refused(41302)
		closed := NewTopic()
		user.Publish(closed, "m")
		matrix.Post("/_matrix/push/v1/notify", notification(s.URL()+"/"+closed)).Refused(40301)
		require.Len(t, user.Poll(closed, ""), 1)
		require.Len(t, user.Poll(topic, ""), 2)
	})
}

// asked is a request that the upstream got.
type asked struct {
	method, path, authorization, poll string
	body                              int64
}

// newUpstream starts a server that notes what it is asked. answer may be nil.
func newUpstream(t *testing.T, answer http.HandlerFunc) (address string, requests chan asked) {
	t.Helper()
	requests = make(chan asked, 1000)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- asked{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("X-Poll-ID"), r.ContentLength}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(upstream.Close)
	return upstream.URL, requests
}

func next(t *testing.T, requests chan asked) asked {
	t.Helper()
	select {
	case r := <-requests:
		return r
	case <-time.After(Patience):
		t.Fatal("the upstream was not asked")
	}
	return asked{}
}

// Phones that cannot hold a stream are woken through another server, which learns
// the hash of the topic's address and the message's id.
func TestUpstream(t *testing.T) {
	Long(t)
	address, requests := newUpstream(t, nil)
	s := startOne(t, map[string]string{
		"ntfy.upstream.baseurl": address + "/", "ntfy.upstream.token": "tk_of_the_upstream", "server.baseurl": "https://push.example.com",
	})
	s.Secret("tk_of_the_upstream")
	user := NewUser(t, s)
	topic, sender := user.newSender()
	sum := sha256.Sum256([]byte("https://push.example.com/" + topic))
	later := user.Publish(topic, "later", "Delay", "10s")
	for _, publish := range []func() string{
		func() string { return user.Publish(topic, "m").ID },
		func() string { return user.Post("/", object{"topic": topic, "message": "m"}).Message().ID },
		func() string { return user.Get("/" + topic + "/publish?message=m").Message().ID },
		func() string { return user.Put("/"+topic, strings.Repeat("x", 5000)).Message().ID }, // an attachment
		func() string {
			sender.Send("in Gotify's language")
			return user.Poll(topic, "since=latest")[0].ID
		},
		func() string { // nobody could ask for these
			user.Publish(topic, "not kept", "Cache", "no")
			user.Put("/"+topic+"?up=1", []byte{0xff}).Message()
			user.With("X-Poll-ID", "abcdefghijkl").Put("/"+topic, nil).Message()
			push := pushTopic()
			user.Subscribe("/" + push + "/json")
			user.Publish(push, "between programs")
			return later.ID // when it is delivered
		},
	} {
		want := asked{method: "POST", path: "/" + hex.EncodeToString(sum[:]), authorization: "Bearer tk_of_the_upstream", poll: publish()}
		require.Equal(t, want, next(t, requests))
	}
	require.Empty(t, requests)
}

// Without an address of our own nobody could know what is meant.
func TestUpstreamNeedsAnAddress(t *testing.T) {
	place := server.NewPlace(t, dialect.All()[0], map[string]string{"ntfy.upstream.baseurl": "https://ntfy.example.com"})
	cmd, err := place.Command("serve")
	require.NoError(t, err)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "baseurl")
}

// An upstream that fails, sends elsewhere or never answers holds up nobody.
func TestUpstreamThatFails(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	elsewhere, strayed := newUpstream(t, nil)
	for what, answer := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-hang:
			}
		},
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			address, requests := newUpstream(t, answer)
			s := startOne(t, map[string]string{"ntfy.upstream.baseurl": address, "server.baseurl": "https://push.example.com"})
			user, topic := NewUser(t, s), NewTopic()
			stream := user.Subscribe("/" + topic + "/json")
			for range 30 {
				sent := user.Publish(topic, "m")
				require.Equal(t, sent, stream.NextMessage())
			}
			next(t, requests)
		})
	}
	require.Empty(t, strayed)
}

// startOne starts a server for what needs no database in particular.
func startOne(t *testing.T, settings map[string]string) *server.Server {
	t.Helper()
	return server.Start(t, dialect.All()[0], settings)
}
