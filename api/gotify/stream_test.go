package gotify

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

const patience = time.Minute

// dial opens a stream and returns its frames as they are read.
func dial(t *testing.T, server *httptest.Server, target string) *websocket.Conn {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+target, nil)
	require.NoError(t, err)
	response.Body.Close()
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	return conn
}

func frame(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	kind, text, err := conn.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, websocket.TextMessage, kind)
	return string(text)
}

func TestStream(t *testing.T) {
	var h *house
	h = newHouse(t, func(_ *Options, a *auth.Options) {
		a.Revoked = func(_, client int64) { h.hub.EndClient(client, hub.ReasonRevoked) }
	})
	ada := h.newPerson("ada", false)
	_, sender := ada.newApplication()
	phone, token := ada.newClient()
	server := httptest.NewServer(h.engine)
	t.Cleanup(server.Close)
	t.Cleanup(func() { h.hub.Close(hub.ReasonShutdown) })

	first := h.do("POST", "/message", `{"message":"first","extras":{"n":1.50}}`, "X-Gotify-Key", sender).Body.String()
	plain := dial(t, server, "/stream?token="+token)
	events := dial(t, server, "/stream?events=all&token="+token)
	resumed := dial(t, server, "/stream?since=0&events=message&token="+token)
	require.Equal(t, first, frame(t, resumed))
	second := h.do("POST", "/message", `{"message":"<second>"}`, "X-Gotify-Key", sender)
	id := fields[message](t, second).ID
	require.Equal(t, second.Body.String(), frame(t, plain), "byte for byte the answer")
	require.Equal(t, second.Body.String(), frame(t, resumed))
	require.Equal(t, `{"event":"message","message":`+second.Body.String()+`}`, frame(t, events))

	require.Equal(t, 200, h.do("DELETE", fmt.Sprintf("/message/%d", id), "", "X-Gotify-Key", token).Code)
	require.Contains(t, frame(t, events), fmt.Sprintf(`{"event":"message_deleted","id":%d,`, id))
	third := h.do("POST", "/message", `{"message":"third"}`, "X-Gotify-Key", sender).Body.String()
	require.Equal(t, third, frame(t, plain), "a plain stream carries nothing but messages")

	require.NoError(t, h.Auth.DeleteClient(t.Context(), ada.user.ID, phone.ID))
	_, _, err := plain.ReadMessage()
	require.Error(t, err)
	require.False(t, websocket.IsCloseError(err, websocket.ClosePolicyViolation), "Android needs an abrupt end: %v", err)
	frame(t, events) // the third message
	_, _, err = events.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.ClosePolicyViolation), "%v", err)
}

// What was published to the topic is on the stream what it is in the history, for
// the owner and for those with whom the application is shared.
func TestStreamOfWhatCameByTopic(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob := h.newPerson("ada", false), h.newPerson("bob", false)
	application, sender := ada.newApplication()
	_, phone := ada.newClient()
	_, reader := bob.newClient()
	rule := model.AccessRule{UserID: &bob.user.ID, Pattern: application.Topic, CanRead: true}
	require.NoError(t, h.Auth.PutAccessRule(t.Context(), rule))
	server := httptest.NewServer(h.engine)
	t.Cleanup(server.Close)
	t.Cleanup(func() { h.hub.Close(hub.ReasonShutdown) })
	plain, shared := dial(t, server, "/stream?token="+phone), dial(t, server, "/stream?token="+reader)
	events := dial(t, server, "/stream?events=all&token="+phone)

	who := &model.Identity{Credential: model.Password, User: ada.user}
	publish := func(d model.Draft) *model.Message {
		m, err := h.Broker.PublishTopic(t.Context(), who, application.Topic, d)
		require.NoError(t, err)
		return m
	}
	publish(model.Draft{Message: "AAEC", Details: &model.Details{Base64: true}})
	m := publish(model.Draft{Message: "m", Details: &model.Details{Tags: []string{"tada"}, Click: "https://a.example/?a&b", Sequence: "s"}})
	want := string(plainStream{}.Encode(model.Published(m)))
	require.Contains(t, want, `"title":"🎉 app","priority":4,"extras":{"client::notification":{"click":{"url":"https://a.example/?a\u0026b"}},"ntfy::sequence":"s","ntfy::tags":["tada"]}`)
	for _, conn := range []*websocket.Conn{plain, shared, dial(t, server, "/stream?since=0&token="+phone), dial(t, server, "/stream?since=0&token="+reader)} {
		require.Equal(t, want, frame(t, conn))
	}
	require.Equal(t, `{"event":"message","message":`+want+`}`, frame(t, events))
	for _, token := range []string{phone, reader} {
		for _, path := range []string{"/message", fmt.Sprintf("/application/%d/message", application.ID)} {
			require.Contains(t, h.do("GET", path, "", "X-Gotify-Key", token).Body.String(), `"messages":[`+want+`]`)
		}
	}

	// That it was read is no news here; that it was deleted is.
	_, err := h.Broker.ClearSequence(t.Context(), who, application.Topic, "s")
	require.NoError(t, err)
	_, err = h.Broker.DeleteSequence(t.Context(), who, application.Topic, "s")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf(`{"event":"message_deleted","id":%d,"appid":%d}`, m.ID, application.ID), frame(t, events))
	next := h.do("POST", "/message", `{"message":"next"}`, "X-Gotify-Key", sender).Body.String()
	require.Equal(t, next, frame(t, plain))
	require.Equal(t, next, frame(t, shared))
	require.Contains(t, h.do("GET", "/message", "", "X-Gotify-Key", reader).Body.String(), `"messages":[`+next+`]`)
}

func TestStreamsThatAreRefused(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	_, token := ada.newClient()
	require.Contains(t, refused(t, h.do("GET", "/stream?token="+token, ""), 400), "websocket: the client is not using the websocket protocol")
	for _, query := range []string{"since=x", "since=-1", "since=9223372036854775808", "events=some"} {
		text := refused(t, h.do("GET", "/stream?token="+token+"&"+query, ""), 400)
		require.Contains(t, text, "Field '"+query[:strings.IndexByte(query, '=')]+"'")
	}
	require.Zero(t, h.hub.Streams(), "who gets no stream leaves none behind")

	// A stream that may not be, beside ten that may.
	server := httptest.NewServer(h.engine)
	t.Cleanup(server.Close)
	t.Cleanup(func() { h.hub.Close(hub.ReasonShutdown) })
	for range 10 {
		dial(t, server, "/stream?token="+token)
	}
	_, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/stream?token="+token, nil)
	require.Error(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "10 open streams")
}
