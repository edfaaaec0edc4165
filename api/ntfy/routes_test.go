package ntfy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
)

// concrete returns a path that the route has.
func concrete(r route) string {
	return strings.NewReplacer(":topics", "a,b", ":topic", "a", ":sequence", "s", ":name", "none").Replace(r.path)
}

func allRoutes() []route { return append(append([]route{}, fixedRoutes...), topicRoutes...) }

func TestNothingElseIsThere(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for _, request := range []string{
		"HEAD /t/json", "HEAD /t", "GET /t/json/", "GET /t", "GET /a,/json", "GET /" + strings.Repeat("a", 65) + "/json", "GET /a.b/json", "DELETE /t",
		"PATCH /t", "GET /v1/nothing", "GET /v1/tiers", "DELETE /", "GET /account", "GET //", "POST /t/s/x",
	} {
		method, path, _ := strings.Cut(request, " ")
		w := s.by("alice", method, path, "")
		answered(t, 40401, w)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), request)
		require.JSONEq(t, `{"code":40401,"http":404,"error":"page not found"}`, w.Body.String(), request)
	}
}

// Pages of every origin may use the face, and see why they were refused.
func TestEveryAnswerIsForEveryOrigin(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for _, r := range allRoutes() {
		w := s.call(r.method, concrete(r), "")
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), r.method+" "+r.path)
	}
	for _, path := range []string{"/", "/t", "/t/json", "/v1/users", "/a/b/c/d", "/*"} {
		w := s.call(http.MethodOptions, path, "", "Origin", "https://example.com", "Access-Control-Request-Method", "PUT")
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Empty(t, w.Body.String(), path)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), path)
		require.Equal(t, "GET, PUT, POST, PATCH, DELETE", w.Header().Get("Access-Control-Allow-Methods"), path)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Headers"), path)
	}
}

// A route takes one of the visitor's requests, or is free.
func TestWhatRequestsCost(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	s.Limits.Requests = RequestLimits{Burst: 1, PerSecond: 0.1}
	for _, r := range append(allRoutes(), route{method: http.MethodOptions, path: "/t", cost: request}) {
		at := r.method + " " + r.path
		s.visitors = newVisitors(s.Options)
		s.call(r.method, concrete(r), "")
		w := s.call(r.method, concrete(r), "")
		if r.cost == free {
			require.NotEqual(t, http.StatusTooManyRequests, w.Code, at)
			continue
		}
		answered(t, 42901, w)
		require.Equal(t, "10", w.Header().Get("Retry-After"), at)
		require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"), at)
	}
}

// Who posts to the path of a stream publishes under that word.
func TestPublishingToThePathOfAStream(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for _, word := range []string{"json", "publish", "ws"} {
		got := fields(t, s.by("alice", http.MethodPost, "/t/"+word, "text"))
		require.Equal(t, word, got["sequence_id"])
		require.Equal(t, "text", got["message"])
	}
	answered(t, 40010, s.by("alice", http.MethodPut, "/docs", "text"))
	answered(t, 40010, s.by("alice", http.MethodPost, "/v1/health", "text"))
	answered(t, 40010, s.by("alice", http.MethodGet, "/login/publish", ""))
}

func TestReservedTopics(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	s.Reserved = func(topic string) bool { return topic == "message" }
	for _, request := range []string{"PUT /message", "GET /message/json", "GET /a,message/auth", "GET /message/trigger", "DELETE /message/s"} {
		method, path, _ := strings.Cut(request, " ")
		answered(t, 40010, s.by("alice", method, path, "text"))
	}
	require.Equal(t, http.StatusOK, s.by("alice", http.MethodPut, "/messages", "text").Code)
}

func TestThePageOfATopic(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for _, query := range []string{"?up=1", "?unifiedpush=true", "?UP=yes"} {
		w := s.call(http.MethodGet, "/upAbc"+query, "")
		require.Equal(t, http.StatusOK, w.Code)
		require.JSONEq(t, `{"unifiedpush":{"version":1}}`, w.Body.String())
	}
	answered(t, 40401, s.call(http.MethodGet, "/mytopic", ""))
	s.Page = func(c *gin.Context) { c.String(http.StatusOK, "page of %s", c.Param("topic")) }
	require.Equal(t, "page of mytopic", s.call(http.MethodGet, "/mytopic", "").Body.String())
	require.Equal(t, "page of mytopic", s.call(http.MethodGet, "/mytopic?up=0", "").Body.String())
	answered(t, 40401, s.call(http.MethodGet, "/docs", ""))
	answered(t, 40401, s.call(http.MethodGet, "/docs?up=1", ""))
}

func TestAddress(t *testing.T) {
	at := func(base, target string) string {
		f := &Face{}
		if base != "" {
			f.BaseURL, _ = url.Parse(base)
		}
		return f.address(&gin.Context{Request: httptest.NewRequest(http.MethodGet, target, nil)})
	}
	require.Equal(t, "https://push.example.com/sub", at("https://push.example.com/sub/", "http://other/"))
	require.Equal(t, "http://push.example.com:8080", at("", "http://push.example.com:8080/x"))
	require.Equal(t, "https://push.example.com", at("", "https://push.example.com/x"))
	odd := httptest.NewRequest(http.MethodGet, "/", nil)
	odd.Host = `a"b`
	require.Equal(t, "http://localhost", (&Face{}).address(&gin.Context{Request: odd}))
}
