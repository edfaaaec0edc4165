package ntfy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// fields decodes an answer of status 200.
func fields(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.True(t, strings.HasSuffix(w.Body.String(), "}\n"))
	decoder := json.NewDecoder(w.Body)
	decoder.UseNumber()
	var told map[string]any
	require.NoError(t, decoder.Decode(&told))
	return whole(told).(map[string]any)
}

// whole makes an int64 of every number that is whole.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = whole(v[name])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

func TestInfo(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	require.Equal(t, map[string]any{"healthy": true}, fields(t, s.call(http.MethodGet, "/v1/health", "")))

	told := fields(t, s.call(http.MethodGet, "/v1/config", ""))
	require.Equal(t, "https://push.example.com/sub", told["base_url"])
	require.Equal(t, "/", told["app_root"])
	require.Equal(t, true, told["enable_login"])
	for _, name := range []string{"enable_signup", "enable_payments", "enable_calls", "enable_emails", "enable_reservations", "enable_web_push"} {
		require.Equal(t, false, told[name], name)
	}
	require.Equal(t, []any{}, told["disallowed_topics"])
	require.Len(t, told["config_hash"], 64)

	answered(t, 40101, s.call(http.MethodGet, "/v1/version", ""))
	answered(t, 40101, s.by("alice", http.MethodGet, "/v1/version", ""))
	require.Equal(t, map[string]any{"version": "1.2.3"}, fields(t, s.by("root", http.MethodGet, "/v1/version", "")))

	require.NoError(t, s.db.Close())
	w := s.call(http.MethodGet, "/v1/health", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, `{"healthy":false}`+"\n", w.Body.String())
}

func TestStats(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	stats := func(messages int64, rate any) {
		t.Helper()
		require.Equal(t, map[string]any{"messages": messages, "messages_rate": rate}, fields(t, s.call(http.MethodGet, "/v1/stats", "")))
	}
	publish := func(n int) {
		t.Helper()
		for range n {
			s.publish("camera", "hello")
		}
	}
	stats(0, int64(0))
	publish(6)
	stats(6, int64(0))
	s.now = s.now.Add(time.Minute)
	stats(6, 0.1)
	s.now = s.now.Add(30 * time.Second)
	publish(12)
	stats(18, 0.2) // 18 in 90 seconds
	s.now = s.now.Add(30 * time.Second)
	stats(18, 0.2) // 12 in the last minute
	s.now = s.now.Add(24 * time.Hour)
	stats(18, int64(0))
}

func (s *site) publish(topic, text string) *model.Message {
	s.t.Helper()
	who := &model.Identity{Credential: model.Password, User: s.alice}
	m, err := s.Broker.PublishTopic(s.t.Context(), who, topic, model.Draft{Message: text, Details: &model.Details{}})
	require.NoError(s.t, err)
	return m
}

func TestAccount(t *testing.T) {
	s := newSite(t, Limits{Messages: 100, Bandwidth: 5000}, broker.AttachmentLimits{File: 1000, Visitor: 2000})
	require.NoError(t, s.visit(s.context(), nil).message())
	told := fields(t, s.call(http.MethodGet, "/v1/account", ""))
	require.Equal(t, map[string]any{
		"username": "*", "role": "anonymous",
		"limits": map[string]any{
			"basis": "ip", "messages": int64(100), "messages_expiry_duration": int64(0), "emails": int64(0), "calls": int64(0), "reservations": int64(0),
			"attachment_total_size": int64(2000), "attachment_file_size": int64(1000), "attachment_expiry_duration": int64(10800), "attachment_bandwidth": int64(5000),
		},
		"stats": map[string]any{
			"messages": int64(1), "messages_remaining": int64(99), "emails": int64(0), "emails_remaining": int64(0), "calls": int64(0), "calls_remaining": int64(0),
			"reservations": int64(0), "reservations_remaining": int64(0), "attachment_total_size": int64(0), "attachment_total_size_remaining": int64(2000),
		},
	}, told)

	s.attach("a.txt", "hello")
	told = fields(t, s.by("alice", http.MethodGet, "/v1/account", ""))
	require.Equal(t, "alice", told["username"])
	require.Equal(t, "user", told["role"])
	require.NotContains(t, told, "sync_topic")
	stats := told["stats"].(map[string]any)
	require.EqualValues(t, 100, stats["messages_remaining"], "what strangers do is not hers")
	require.EqualValues(t, 5, stats["attachment_total_size"])
	require.EqualValues(t, 1995, stats["attachment_total_size_remaining"])
	require.Equal(t, "admin", fields(t, s.by("root", http.MethodGet, "/v1/account", ""))["role"])
	answered(t, 40101, s.call(http.MethodGet, "/v1/account", "", "Authorization", basicValue("alice", "wrong")))

	application, client := s.tokens()
	answered(t, 40301, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+application))
	require.Equal(t, "alice", fields(t, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+client))["username"])

	free := newSite(t, Limits{}, broker.AttachmentLimits{File: -1})
	told = fields(t, free.call(http.MethodGet, "/v1/account", ""))
	require.Equal(t, int64(unlimited), told["limits"].(map[string]any)["messages"])
	require.EqualValues(t, 0, told["limits"].(map[string]any)["attachment_file_size"])
	require.EqualValues(t, 0, told["stats"].(map[string]any)["messages"])
	require.Equal(t, int64(unlimited), told["stats"].(map[string]any)["messages_remaining"])
}

// tokens returns an application token and a client token of alice's.
func (s *site) tokens() (application, client string) {
	s.t.Helper()
	a, err := s.Broker.CreateApplication(s.t.Context(), s.alice, broker.ApplicationEdit{Name: "sender"})
	require.NoError(s.t, err)
	_, client, err = s.Auth.CreateClient(s.t.Context(), s.alice.ID, "phone", 0)
	require.NoError(s.t, err)
	return s.Broker.Token(a), client
}

// newToken makes an access token of alice's.
func (s *site) newToken(body string) map[string]any {
	s.t.Helper()
	return fields(s.t, s.by("alice", http.MethodPost, "/v1/account/token", body))
}

func TestAccessTokens(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	plain := s.newToken("")
	text := plain["token"].(string)
	require.True(t, auth.LooksLikeAccessToken(text))
	require.Equal(t, map[string]any{"token": text, "expires": s.now.Add(72 * time.Hour).Unix()}, plain)

	later := s.now.Add(time.Hour).Unix()
	made := s.newToken(`{"label":"phone","expires":` + strconv.FormatInt(later, 10) + `,"permission":"ro","topics":["a","b*"]}`)
	delete(made, "token")
	require.Equal(t, map[string]any{"label": "phone", "expires": later, "permission": "read-only", "topics": []any{"a", "b*"}}, made)
	forever := s.newToken(`{"expires":0,"topics":"a,b*"}`)
	require.NotContains(t, forever, "expires")
	require.Equal(t, []any{"a", "b*"}, forever["topics"])

	told := fields(t, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+text))
	list := told["tokens"].([]any)
	require.Len(t, list, 3)
	require.NotContains(t, list[0].(map[string]any)["token"], text, "a token is shown once")
	require.Equal(t, "phone", list[1].(map[string]any)["label"])

	for _, body := range []string{`{"expires":-1}`, `{"expires":1}`, `{"expires":9223372036854775807}`, `{"topics":["a b"]}`, `{"topics":["a,"]}`, `{"label":"` + strings.Repeat("x", 300) + `"}`} {
		answered(t, 40000, s.by("alice", http.MethodPost, "/v1/account/token", body))
	}
	for _, body := range []string{`{`, `[]`, `null`, `{"expires":"soon"}`, `{"expires":1e400}`, `{"topics":{}}`, "\xff", `"x"`} {
		answered(t, 40024, s.by("alice", http.MethodPost, "/v1/account/token", body))
	}
	answered(t, 40025, s.by("alice", http.MethodPost, "/v1/account/token", `{"permission":"all"}`))
	answered(t, 41303, s.by("alice", http.MethodPost, "/v1/account/token", `{"label":"`+strings.Repeat("x", maxBody)+`"}`))
	for range 60 - 3 {
		s.newToken("")
	}
	answered(t, 42901, s.by("alice", http.MethodPost, "/v1/account/token", ""))
	fields(t, s.by("root", http.MethodPost, "/v1/account/token", ""))
}

func TestAccessTokensChange(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	one, two := s.newToken("")["token"].(string), s.newToken("")["token"].(string)
	change := func(body string) *httptest.ResponseRecorder {
		t.Helper()
		return s.call(http.MethodPatch, "/v1/account/token", body, "Authorization", "Bearer "+one)
	}
	told := fields(t, change(`{"label":"mine"}`))
	require.Equal(t, one, told["token"])
	require.Equal(t, "mine", told["label"])
	require.Equal(t, s.now.Add(72*time.Hour).Unix(), told["expires"])
	s.now = s.now.Add(time.Hour)
	told = fields(t, change(""))
	require.Equal(t, s.now.Add(72*time.Hour).Unix(), told["expires"], "its life begins anew")
	require.Equal(t, "mine", told["label"])
	told = fields(t, change(`{"token":"`+two+`","expires":0}`))
	require.Equal(t, two, told["token"])
	require.NotContains(t, told, "expires")
	// The token in use may also be a password, or stand in the query.
	told = fields(t, s.call(http.MethodPatch, "/v1/account/token", `{"label":"x"}`, "Authorization", basicValue("any", two)))
	require.Equal(t, two, told["token"])
	told = fields(t, s.call(http.MethodPatch, "/v1/account/token?token="+two, `{"label":"y"}`))
	require.Equal(t, two, told["token"])

	answered(t, 40023, s.by("alice", http.MethodPatch, "/v1/account/token", `{"label":"x"}`))
	answered(t, 40401, change(`{"token":"tk_`+strings.Repeat("a", 29)+`"}`))
	other := fields(t, s.by("root", http.MethodPost, "/v1/account/token", ""))["token"].(string)
	answered(t, 40401, change(`{"token":"`+other+`"}`))
	answered(t, 40401, s.call(http.MethodDelete, "/v1/account/token", "", "Authorization", "Bearer "+one, "X-Token", other))

	answered(t, 40023, s.by("alice", http.MethodDelete, "/v1/account/token", ""))
	require.Equal(t, map[string]any{"success": true}, fields(t, s.call(http.MethodDelete, "/v1/account/token", "", "Authorization", "Bearer "+one, "X-Token", two)))
	answered(t, 40101, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+two))
	fields(t, s.call(http.MethodDelete, "/v1/account/token", "", "Authorization", "Bearer "+one))
	answered(t, 40101, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+one))
	require.Equal(t, "root", fields(t, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+other))["username"])
}

func TestWhoMayNotMakeAccessTokens(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	application, client := s.tokens()
	limited := s.newToken(`{"permission":"wo"}`)["token"].(string)
	local := s.newToken(`{"topics":["camera"]}`)["token"].(string)
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		answered(t, 40101, s.call(method, "/v1/account/token", ""))
		for _, token := range []string{application, client, limited, local} {
			answered(t, 40301, s.call(method, "/v1/account/token", "", "Authorization", "Bearer "+token, "X-Token", "tk_"+strings.Repeat("a", 29)))
		}
	}
	answered(t, 40301, s.call(http.MethodDelete, "/v1/account/token", "", "Authorization", "Bearer "+application))
	fields(t, s.call(http.MethodDelete, "/v1/account/token", "", "Authorization", "Bearer "+limited)) // itself
	answered(t, 40101, s.call(http.MethodGet, "/v1/account", "", "Authorization", "Bearer "+limited))
}
