package ui

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

func ask(t *testing.T, address, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	gin.SetMode(gin.TestMode)
	engine := gin.New()
	Mount(engine, func(r *http.Request) string { return cmp.Or(address, "http://"+r.Host) })
	r := httptest.NewRequest("GET", path, nil)
	r.Host = host
	answer := httptest.NewRecorder()
	engine.ServeHTTP(answer, r)
	return answer
}

func TestWelcome(t *testing.T) {
	for _, path := range []string{"/", "/index.html"} {
		answer := ask(t, "", "push.example.com:8080", path)
		require.Equal(t, 200, answer.Code)
		require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
		require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'")
		require.Contains(t, answer.Body.String(), "http://push.example.com:8080/application")
		require.Contains(t, ask(t, "https://push.example.com/base", "inside", path).Body.String(), "https://push.example.com/base/application")
		require.NotRegexp(t, `(?i)<(script|style|iframe)|\sstyle=|\son[a-z]+=`, answer.Body.String(), "the policy allows none of it")
	}
	require.NotContains(t, ask(t, "", `"><script>alert(1)</script>`, "/").Body.String(), "<script>")
}

// All links are relative, so that the page works under any path, and all of
// what the page itself loads is there.
func TestWelcomeLoadsNothingFromElsewhere(t *testing.T) {
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(ask(t, "", "h", "/").Body.String(), -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		require.Regexp(t, `^(static/(welcome\.css|defaultapp\.png)|docs)$`, link[1])
	}
	style := ask(t, "", "h", "/static/welcome.css")
	require.Equal(t, 200, style.Code)
	require.Equal(t, "text/css; charset=utf-8", style.Header().Get("Content-Type"))
	require.NotRegexp(t, `(?i)url\(|@import|https?:`, style.Body.String())
}
