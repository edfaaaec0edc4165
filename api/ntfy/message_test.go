package ntfy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// noFiles turns uploads off.
var noFiles = broker.AttachmentLimits{File: -1}

// published returns the message that an answer holds.
func published(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.True(t, strings.HasSuffix(w.Body.String(), "}\n"))
	var m map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &m))
	return m
}

// messages returns how many messages are stored.
func (s *site) messages() int64 {
	s.t.Helper()
	n, err := s.db.CountMessages(s.t.Context())
	require.NoError(s.t, err)
	return n
}

// topicExists reports whether there is an application of the topic.
func (s *site) topicExists(topic string) bool {
	s.t.Helper()
	_, err := s.db.ApplicationByTopic(s.t.Context(), topic)
	if model.KindOf(err) != model.NotFound {
		require.NoError(s.t, err)
	}
	return err == nil
}

func TestPublishAnswersWithTheMessage(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	m := published(t, s.call(http.MethodPost, "/disk?title=Full&p=high&tags=a,b&click=https://c", "hello\n", "Authorization", as("alice")))
	require.Regexp(t, `^[0-9A-Za-z]{12}$`, m["id"])
	delete(m, "id")
	require.Equal(t, map[string]any{
		"time": float64(s.now.Unix()), "event": "message", "topic": "disk", "title": "Full", "message": "hello",
		"priority": 4.0, "tags": []any{"a", "b"}, "click": "https://c",
	}, m)
	require.Equal(t, int64(1), s.messages())

	m = published(t, s.by("alice", http.MethodPut, "/disk", ""))
	require.Equal(t, "triggered", m["message"])
	require.NotContains(t, m, "priority")
}

func TestPublishByEveryForm(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	for _, form := range []struct{ method, path, body string }{
		{http.MethodPost, "/disk", "hello"}, {http.MethodPut, "/disk", "hello"},
		{http.MethodGet, "/disk/publish?m=hello", ""}, {http.MethodGet, "/disk/send?message=hello", ""}, {http.MethodGet, "/disk/trigger?x-message=hello", ""},
		{http.MethodPost, "/", `{"topic":"disk","message":"hello"}`}, {http.MethodPut, "/", `{"topic":"disk","message":"hello"}`},
	} {
		m := published(t, s.by("alice", form.method, form.path, form.body))
		require.Equal(t, []any{"disk", "hello", nil}, []any{m["topic"], m["message"], m["sequence_id"]}, form.path)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		m := published(t, s.call(method, "/disk/json", "hello", "Authorization", as("alice"), "X-Sequence-ID", "other"))
		require.Equal(t, "json", m["sequence_id"], "the path goes before the header")
	}
	m := published(t, s.call(http.MethodPost, "/", `{"topic":"disk","message":"*hello*"}`, "Authorization", as("alice"), "Content-Type", "text/markdown", "Tags", "x"))
	require.Equal(t, []any{nil, []any{"x"}}, []any{m["content_type"], m["tags"]})
	m = published(t, s.call(http.MethodPost, "/disk", "*hello*", "Authorization", as("alice"), "Content-Type", "text/markdown; charset=utf-8"))
	require.Equal(t, "text/markdown", m["content_type"])
}

func TestPublishLater(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	m := published(t, s.by("alice", http.MethodPost, "/disk?delay=1h", "hello"))
	require.EqualValues(t, s.now.Add(time.Hour).Unix(), m["time"])
	require.Zero(t, s.messages())
}

func TestPublishWithoutStoring(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	require.Equal(t, "hello", published(t, s.by("alice", http.MethodPost, "/disk?cache=no", "hello"))["message"])
	m := published(t, s.by("alice", http.MethodPost, "/disk?poll-id=abc", "hello"))
	require.Equal(t, []any{"poll_request", "abc"}, []any{m["event"], m["poll_id"]})
	require.Zero(t, s.messages())
}

func TestPublishToPrograms(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	m := published(t, s.call(http.MethodPost, "/disk?up=1", "\xff\x00", "Authorization", as("alice"), "TTL", "5", "Urgency", "high", "Topic", "x"))
	require.Equal(t, []any{"/wA=", "base64"}, []any{m["message"], m["encoding"]})
	w := s.call(http.MethodGet, "/upAbcdefghijkl?up=1", "")
	require.Equal(t, `{"unifiedpush":{"version":1}}`+"\n", w.Body.String())
}

func TestSequences(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	published(t, s.by("alice", http.MethodPost, "/disk/one", "hello"))
	for _, form := range []struct{ method, path, event string }{
		{http.MethodPut, "/disk/one/clear", "message_clear"}, {http.MethodGet, "/disk/one/clear", "message_clear"},
		{http.MethodPut, "/disk/one/read", "message_clear"}, {http.MethodGet, "/disk/one/read", "message_clear"},
		{http.MethodDelete, "/disk/one", "message_delete"}, {http.MethodGet, "/disk/one/delete", "message_delete"},
	} {
		m := published(t, s.by("alice", form.method, form.path, ""))
		require.Equal(t, []any{form.event, "one", "disk"}, []any{m["event"], m["sequence_id"], m["topic"]}, form.path)
		require.NotContains(t, m, "message")
		answered(t, 40301, s.call(form.method, form.path, ""))
	}
	require.Zero(t, s.messages())
}

// unread fails the test when somebody reads it.
type unreadBody struct{ t *testing.T }

func (u unreadBody) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestWhoMayNotIsRefusedBeforeTheBodyIsRead(t *testing.T) {
	s := newSite(t, Limits{}, noFiles)
	published(t, s.by("root", http.MethodPost, "/secret", "hello"))
	for _, c := range []struct {
		name, method, path, credentials string
		size                            int64
		code                            int
	}{
		{"a stranger", http.MethodPost, "/disk", "", 5, 40301},
		{"a stranger at a topic", http.MethodPost, "/secret", "", 5, 40301},
		{"not the owner", http.MethodPost, "/secret", as("alice"), 5, 40301},
		{"a wrong password", http.MethodPost, "/disk", basicValue("alice", "wrong"), 5, 40101},
		{"a wrong password with JSON", http.MethodPost, "/", basicValue("alice", "wrong"), 5, 40101},
		{"a wrong parameter", http.MethodPost, "/disk?priority=9", as("alice"), 5, 40007},
		{"1 GB where there are no files", http.MethodPut, "/disk", as("alice"), 1 << 30, 40014},
		{"a file where there are none", http.MethodPut, "/disk?filename=x", as("alice"), 5, 40014},
		{"1 GB of JSON", http.MethodPut, "/", as("alice"), 1 << 30, 41303},
		{"a reserved topic", http.MethodPut, "/docs", as("alice"), 5, 40010},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, unreadBody{t})
		r.ContentLength = c.size
		if c.credentials != "" {
			r.Header.Set("Authorization", c.credentials)
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		answered(t, c.code, w)
	}
	require.False(t, s.topicExists("disk"))
}

func TestRefusedPublishesLeaveNothing(t *testing.T) {
	s := newSite(t, Limits{Messages: 1}, broker.AttachmentLimits{File: 5000, Visitor: 6000})
	for _, c := range []struct {
		path, body string
		code       int
	}{
		{"/disk?p=9", "x", 40007},
		{"/disk?filename=x", strings.Repeat("x", 5001), 41301},
		{"/disk", strings.Repeat("x", 5001), 41301},
		{"/disk?filename=x&delay=4h", "x", 40015},
		{"/disk?delay=4h", strings.Repeat("x", 4097), 40015},
		{"/disk?filename=x&click=" + strings.Repeat("x", maxDetails), "x", 40000},
		{"/disk?template=yes", "x", 40042},
		{"/disk?attach=https://x", "\xff", 40011},
		{"/", "x", 40024},
		{"/", `{"topic":"a/b"}`, 40009},
		{"/", `{"topic":"v1"}`, 40010},
		{"/", "{" + strings.Repeat(" ", maxJSON) + "}", 41303},
	} {
		answered(t, c.code, s.by("alice", http.MethodPost, c.path, c.body))
	}
	require.False(t, s.topicExists("disk"))
	require.Empty(t, s.files())
	published(t, s.by("alice", http.MethodPost, "/disk", "the one message that is allowed"))
	answered(t, 42908, s.by("alice", http.MethodPost, "/disk?filename=x", "x"))
	answered(t, 42908, s.by("alice", http.MethodDelete, "/disk/x", ""))
	require.Empty(t, s.files())
}

func TestLongTextsBecomeFiles(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	longest := strings.Repeat("x", 4096)
	m := published(t, s.by("alice", http.MethodPost, "/disk", longest))
	require.Equal(t, longest, m["message"])
	require.NotContains(t, m, "attachment")
	for _, c := range []struct{ path, body string }{
		{"/disk", longest + "x"}, {"/", `{"topic":"disk","message":"` + longest + `x"}`}, {"/disk?m=" + longest + "x", ""},
	} {
		m = published(t, s.by("alice", http.MethodPut, c.path, c.body))
		require.Equal(t, "You received a file: attachment.txt", m["message"], c.path)
		file, _ := m["attachment"].(map[string]any)
		require.EqualValues(t, 4097, file["size"])
		path := strings.TrimPrefix(file["url"].(string), "https://push.example.com/sub")
		require.Equal(t, longest+"x", s.call(http.MethodGet, path, "").Body.String())
	}
	m = published(t, s.by("alice", http.MethodPut, "/disk?filename=a.txt&m=look", "x"))
	require.Equal(t, "look", m["message"])
	require.Len(t, s.files(), 4)
}

// TestPublishOverTheNetwork sends what a recorder cannot: bodies of unknown size
// over a connection that has deadlines.
func TestPublishOverTheNetwork(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{File: 100_000})
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.ReadTimeout = time.Minute
	server.Start()
	defer server.Close()
	send := func(path string, body io.Reader) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+path, body)
		require.NoError(t, err)
		r.Header.Set("Authorization", as("alice"))
		w, err := server.Client().Do(r)
		require.NoError(t, err)
		defer w.Body.Close()
		answer, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		return w.StatusCode, string(answer)
	}
	for size, status := range map[int]int{0: 200, 10: 200, 50_000: 200, 100_000: 200, 200_000: 413} {
		code, answer := send("/disk", io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("x"), size)))) // which does not tell its size
		require.Equal(t, status, code, answer)
		code, answer = send("/disk?up=1", bytes.NewReader(bytes.Repeat([]byte("x"), size)))
		require.Equal(t, http.StatusOK, code, answer)
	}
	for i := range 5 { // the connection can be used again
		code, answer := send("/disk", strings.NewReader(strconv.Itoa(i)))
		require.Equal(t, http.StatusOK, code, answer)
	}
}
