package ntfy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// station is a site that real connections are made to.
type station struct {
	*site
	url string
}

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

func newStation(t *testing.T, limits Limits) *station {
	t.Helper()
	s := newSite(t, limits, broker.AttachmentLimits{})
	s.Pumps = stream.New(stream.Options{Log: s.Log})
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	return &station{site: s, url: server.URL}
}

// get opens what alice may read, or with other headers somebody else.
func (s *station) get(path string, headers ...string) *http.Response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", as("alice"))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// say publishes as alice and returns the answer.
func (s *station) say(path, text string, headers ...string) message {
	s.t.Helper()
	w := s.call(http.MethodPut, path, text, append([]string{"Authorization", as("alice")}, headers...)...)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body.String())
	var m message
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &m))
	return m
}

// polled returns the texts of what a poll finds.
func (s *station) polled(path string, headers ...string) []string {
	s.t.Helper()
	answer := s.get(path, headers...)
	body, err := io.ReadAll(answer.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, answer.StatusCode, "%s", body)
	texts := []string{}
	for line := range strings.Lines(string(body)) {
		var m message
		require.NoError(s.t, json.Unmarshal([]byte(line), &m))
		require.NotContains(s.t, []string{openEvent, keepaliveEvent}, m.Event)
		texts = append(texts, m.Message)
	}
	return texts
}

// nextLine returns the next line of a stream.
func nextLine(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	return line
}

func nextMessage(t *testing.T, in *bufio.Reader) message {
	t.Helper()
	var m message
	require.NoError(t, json.Unmarshal([]byte(nextLine(t, in)), &m))
	return m
}

func TestJSONStream(t *testing.T) {
	s := newStation(t, Limits{})
	answer := s.get("/a,b,a/json")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "application/x-ndjson; charset=utf-8", answer.Header.Get("Content-Type"))
	require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "no", answer.Header.Get("X-Accel-Buffering"))
	require.Equal(t, "no-cache", answer.Header.Get("Cache-Control"))
	in := bufio.NewReader(answer.Body)
	open := nextMessage(t, in)
	require.True(t, isKey(open.ID))
	require.Equal(t, message{ID: open.ID, Time: s.now.Unix(), Event: "open", Topic: "a,b,a"}, open)

	first := s.say("/a", "one", "Priority", "high")
	second := s.say("/b", "two")
	require.Equal(t, first, nextMessage(t, in), "what is streamed is what the sender was told")
	require.Equal(t, second, nextMessage(t, in), "once, although the topic stands there twice")
	require.Equal(t, "a", first.Topic)
	require.Equal(t, 4, first.Priority)
}

func TestSSEStream(t *testing.T) {
	s := newStation(t, Limits{})
	answer := s.get("/t/sse")
	require.Equal(t, "text/event-stream; charset=utf-8", answer.Header.Get("Content-Type"))
	in := bufio.NewReader(answer.Body)
	require.Equal(t, "event: open\n", nextLine(t, in))
	require.Contains(t, nextLine(t, in), `"event":"open","topic":"t"}`)
	require.Equal(t, "\n", nextLine(t, in))
	m := s.say("/t", "Hi!")
	require.Equal(t, "id: "+m.ID+"\n", nextLine(t, in))
	require.Contains(t, nextLine(t, in), `"message":"Hi!"`)
	require.Equal(t, "\n", nextLine(t, in))
	s.say("/t", "again")

	// A browser comes back with the last id, at the address that it had.
	resumed := bufio.NewReader(s.get("/t/sse?since=all", "Last-Event-ID", m.ID).Body)
	for range 3 {
		nextLine(t, resumed)
	}
	nextLine(t, resumed)
	require.Contains(t, nextLine(t, resumed), `"message":"again"`)
	// What is no id of a message is as good as none, and means nothing elsewhere.
	require.Equal(t, []string{"Hi!", "again"}, s.polled("/t/json?poll=1", "Last-Event-ID", m.ID))
}

func TestRawStream(t *testing.T) {
	s := newStation(t, Limits{})
	answer := s.get("/t/raw")
	require.Equal(t, "text/plain; charset=utf-8", answer.Header.Get("Content-Type"))
	in := bufio.NewReader(answer.Body)
	require.Equal(t, "\n", nextLine(t, in))
	s.say("/t", "Disk\nfull", "Title", "not shown")
	require.Equal(t, "Disk full\n", nextLine(t, in))
}

func TestKeepAlive(t *testing.T) {
	s := newStation(t, Limits{})
	s.KeepAlive = time.Millisecond
	for path, want := range map[string]string{"/t/json": "keepalive", "/t/sse": "event: keepalive", "/t/raw": "\n"} {
		in := bufio.NewReader(s.get(path).Body)
		for i := 0; ; i++ { // the first line of a raw stream is an open
			if line := nextLine(t, in); strings.Contains(line, want) && i > 0 {
				break
			}
		}
	}
}

func (s *station) dial(path string) (*websocket.Conn, *http.Response) {
	s.t.Helper()
	address := "ws" + strings.TrimPrefix(s.url, "http") + path
	conn, answer, err := websocket.DefaultDialer.DialContext(s.t.Context(), address, http.Header{"Authorization": {as("alice")}})
	if conn != nil {
		s.t.Cleanup(func() { conn.Close() })
		require.NoError(s.t, err)
		require.NoError(s.t, conn.SetReadDeadline(time.Now().Add(patience)))
	}
	return conn, answer
}

func TestWebSocket(t *testing.T) {
	s := newStation(t, Limits{})
	conn, _ := s.dial("/t/ws")
	require.NotNil(t, conn)
	kind, frame, err := conn.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, websocket.TextMessage, kind)
	require.Contains(t, string(frame), `"event":"open","topic":"t"}`)
	m := s.say("/t", "hi there")
	_, frame, err = conn.ReadMessage()
	require.NoError(t, err)
	var got message
	require.NoError(t, json.Unmarshal(frame, &got))
	require.Equal(t, m, got)

	poll, _ := s.dial("/t/ws?poll=1")
	_, frame, err = poll.ReadMessage()
	require.NoError(t, err)
	require.Contains(t, string(frame), "hi there")
	_, _, err = poll.ReadMessage()
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), "%v", err)

	answered(t, 40016, s.by("alice", http.MethodGet, "/t/ws", ""))
	conn, answer := s.dial("/t/ws?since=x")
	require.Nil(t, conn)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Empty(t, body, "a refused upgrade has a status only")
}

func TestPoll(t *testing.T) {
	s := newStation(t, Limits{})
	a := s.say("/t", "a", "Title", "first", "Tags", "x,y")
	s.say("/t", "b", "Priority", "5", "Tags", "y")
	s.say("/other", "c")
	later := s.say("/t", "later", "In", "1h")
	all := []string{"a", "b"}
	for _, query := range []string{"poll=1", "poll=true", "po=YES", "X-Poll=1", "POLL=1", "poll=1&since=all", "poll=1&si=0", "poll=1&since=-5", "poll=1&since=1", "poll=1&X-Since=1d", "poll=1&since=10m"} {
		require.Equal(t, all, s.polled("/t/json?"+query), query)
	}
	require.Equal(t, all, s.polled("/t/json", "X-Poll", "1"))
	require.Equal(t, all, s.polled("/t/json", "po", "1", "Since", "all"))
	require.Equal(t, []string{"b"}, s.polled("/t/json?poll=1&since="+a.ID))
	require.Equal(t, []string{"b", "c"}, s.polled("/t,other/json?poll=1&since="+a.ID))
	require.Equal(t, []string{"b", "c"}, s.polled("/t,other/json?poll=1&since=latest"))
	require.Empty(t, s.polled("/t/json?poll=1&since=none"))
	require.Empty(t, s.polled("/t/json?poll=1&since=-1h"))
	require.Empty(t, s.polled("/nothing-here/json?poll=1"))
	for _, query := range []string{"scheduled=1", "sched=1", "X-Scheduled=yes"} {
		require.Equal(t, []string{"a", "b", "later"}, s.polled("/t/json?poll=1&"+query), query)
	}
	require.Equal(t, []string{"later"}, s.polled("/t/json?poll=1&sched=1&id="+later.ID))
	require.Equal(t, []string{"a"}, s.polled("/t/json?poll=1&tags=x,y"))
	require.Equal(t, []string{"b"}, s.polled("/t/json?poll=1", "Priority", "max"))
	require.Equal(t, all, s.polled("/t/json?poll=1", "Priority", "u=1, i"))
	require.Equal(t, []string{"a"}, s.polled("/t/json?poll=1&title=first"))

	answer := s.get("/nothing-here/sse?poll=1")
	require.Equal(t, "text/event-stream; charset=utf-8", answer.Header.Get("Content-Type"), "an empty answer is one, too")
}

func TestFiltersHoldLiveMessagesBack(t *testing.T) {
	s := newStation(t, Limits{})
	s.say("/t", "old", "Priority", "low")
	s.say("/t", "old and high", "Priority", "high")
	in := bufio.NewReader(s.get("/t/json?since=all&priority=high,urgent").Body)
	require.Equal(t, "open", nextMessage(t, in).Event)
	require.Equal(t, "old and high", nextMessage(t, in).Message)
	s.say("/t", "low", "Priority", "low")
	s.say("/t/seq", "with a name", "Priority", "urgent")
	require.Equal(t, "with a name", nextMessage(t, in).Message)
	require.Equal(t, http.StatusOK, s.by("alice", http.MethodPut, "/t/seq/clear", "").Code)
	require.Equal(t, http.StatusOK, s.by("alice", http.MethodDelete, "/t/seq", "").Code)
	for _, event := range []string{"message_clear", "message_delete"} {
		m := nextMessage(t, in)
		require.Equal(t, message{ID: m.ID, Time: s.now.Unix(), Event: event, Topic: "t", SequenceID: "seq"}, m)
	}
}

func TestAuth(t *testing.T) {
	s := newStation(t, Limits{})
	s.say("/t", "alice's own")
	s.person("bob", false)
	w := s.by("alice", http.MethodGet, "/t/auth", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"success":true}`, w.Body.String())
	answered(t, 40301, s.by("bob", http.MethodGet, "/t/auth", ""))
	answered(t, 40301, s.call(http.MethodGet, "/t/auth", ""))
	answered(t, 40301, s.call(http.MethodGet, "/t/json", "", "Authorization", "WebPush eyJ0eXAi"))
	answered(t, 40301, s.by("bob", http.MethodGet, "/t/json?poll=1", ""))
	answered(t, 40301, s.by("bob", http.MethodGet, "/own,t/json", ""))
	answered(t, 40101, s.call(http.MethodGet, "/t/auth", "", "Authorization", basicValue("alice", "wrong")))
	answered(t, 40101, s.call(http.MethodGet, "/t/auth?auth=!", ""))
	answered(t, 40101, s.call(http.MethodGet, "/t/auth", "", "Authorization", "Bearer tk_"+strings.Repeat("a", 29)))

	// Every kind of token, in every place.
	_, client, err := s.Auth.CreateClient(t.Context(), s.alice.ID, "phone", 0)
	require.NoError(t, err)
	access, _, err := s.Auth.CreateAccessToken(t.Context(), s.alice.ID, auth.AccessTokenEdit{})
	require.NoError(t, err)
	for _, token := range []string{client, access} {
		for _, headers := range [][]string{
			{"Authorization", "Bearer " + token}, {"Authorization", "bearer " + token}, {"Authorization", basicValue("", token)},
			{"Authorization", basicValue("alice", token)}, {"Authorization", basicValue("anybody", token)}, {"X-Gotify-Key", token},
			{"X-Gotify-Key", token, "Authorization", basicValue("proxy", "proxy")},
		} {
			require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/t/auth", "", headers...).Code, headers)
		}
		require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/t/auth?token="+token, "").Code)
	}
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/t/auth", "", "X-Gotify-Key", "Aunknownunknown", "Authorization", as("alice")).Code)
	answered(t, 40101, s.call(http.MethodGet, "/t/auth", "", "X-Gotify-Key", "Aunknownunknown"))
	answered(t, 40101, s.call(http.MethodGet, "/t/auth", "", "Authorization", basicValue("", "no token")))
	answered(t, 40301, s.call(http.MethodGet, "/t/auth", "", "Cookie", "gotify-client-token="+client))
}

func TestWhatIsWrongIsToldFirst(t *testing.T) {
	s := newStation(t, Limits{})
	for path, code := range map[string]int{
		"/t/json?since=x": 40008, "/t/json?poll=1&since=1y": 40008, "/t/sse?priority=9": 40007, "/t/raw?p=u%3D1": 40007, "/docs/json": 40010, "/a,v1/sse": 40010,
		"/" + list(129) + "/json": 40009, "/" + list(20_000) + "/raw": 40009, "/a,/json": 40401, "/t.x/json": 40401,
	} {
		w := s.by("alice", http.MethodGet, path, "")
		answered(t, code, w)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"), path)
	}
	applications, err := s.Reader.ApplicationsByUser(t.Context(), s.alice.ID)
	require.NoError(t, err)
	require.Empty(t, applications, "who is refused creates nothing")
}

func TestSubscriptionsAreCounted(t *testing.T) {
	s := newStation(t, Limits{Subscriptions: 2})
	first := s.get("/t/json")
	nextLine(t, bufio.NewReader(first.Body))
	conn, _ := s.dial("/t/ws")
	_, _, err := conn.ReadMessage()
	require.NoError(t, err)
	answered(t, 42903, s.by("alice", http.MethodGet, "/fresh/json", ""))
	_, err = s.Reader.ApplicationByTopic(t.Context(), "fresh")
	require.Equal(t, model.NotFound, model.KindOf(err), "who is refused creates nothing")
	// Who leaves makes room, also when the upgrade was long ago.
	first.Body.Close()
	conn.Close()
	require.Eventually(t, func() bool {
		return s.by("alice", http.MethodGet, "/t/json?poll=1", "").Code == http.StatusOK && s.Hub.Streams() == 0
	}, patience, time.Millisecond)
	require.Eventually(t, func() bool { // both places are free
		release, err := s.visitorOfAlice().open()
		if err != nil {
			return false
		}
		defer release()
		another, err := s.visitorOfAlice().open()
		if err == nil {
			another()
		}
		return err == nil
	}, patience, time.Millisecond)
}

func (s *station) visitorOfAlice() *visitor {
	return s.visit(s.context(), &model.Identity{User: s.alice})
}
