package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("must not be read")
}

func (unread) Close() error { return nil }

func TestLargeBodiesAreRefusedUnread(t *testing.T) {
	h := newHouse(t, Options{Limits: Limits{Body: 1000}})
	for _, target := range []string{"/message", "/application", "/message/nothing", "/auth/local/login"} {
		r := httptest.NewRequest("POST", target, unread{t})
		r.ContentLength = 1001
		answer := h.serve(r)
		require.Equal(t, "the body must not be larger than 1000 bytes", refused(t, answer, 413))
		require.Equal(t, "close", answer.Header().Get("Connection"))
	}
	// A picture has a limit of its own, which is looked at after the credentials.
	r := httptest.NewRequest("POST", "/application/5/image", unread{t})
	r.ContentLength = 1001
	refused(t, h.serve(r), 401)
	r = httptest.NewRequest("DELETE", "/application/5/image", unread{t})
	r.ContentLength = 1001
	refused(t, h.serve(r), 413)
}

func TestBodiesWithoutALengthAreCounted(t *testing.T) {
	read := func(limit int64, size int) error {
		var err error
		h := around(t, Options{Limits: Limits{Body: limit}}, func(c *gin.Context) { _, err = io.ReadAll(c.Request.Body) })
		r := httptest.NewRequest("POST", "/message", struct{ io.Reader }{strings.NewReader(strings.Repeat("x", size))})
		r.ContentLength = -1
		h.serve(r)
		return err
	}
	require.NoError(t, read(1000, 1000))
	var large *http.MaxBytesError
	require.ErrorAs(t, read(1000, 1001), &large)
	require.EqualValues(t, 1000, large.Limit)
	require.NoError(t, read(0, 5000), "no limit")
}

func TestAddressesAndHeadersAreBounded(t *testing.T) {
	h := newHouse(t, Options{Limits: Limits{URL: 100, Headers: 200}})
	require.Equal(t, 200, h.do("GET", "/version?"+strings.Repeat("x", 91)).Code)
	require.Equal(t, "the address must not be longer than 100 bytes", refused(t, h.do("GET", "/version?"+strings.Repeat("x", 92)), 414))
	require.Equal(t, 200, h.do("GET", "/version", "X-Big", strings.Repeat("x", 191)).Code)
	require.Equal(t, "the headers must not be larger than 200 bytes", refused(t, h.do("GET", "/version", "X-Big", strings.Repeat("x", 192)), 431))
	require.Equal(t, 200, newHouse(t, Options{}).do("GET", "/version?"+strings.Repeat("x", 5000), "X-Big", strings.Repeat("x", 5000)).Code)
}

func TestTooManyRequests(t *testing.T) {
	h := newHouse(t, Options{Limits: Limits{Burst: 2, PerSecond: 0.1}})
	for range 2 {
		require.Equal(t, 200, h.do("GET", "/version").Code)
	}
	for _, target := range []string{"/version", "/nothing", "/message/", "/"} {
		answer := h.do("GET", target)
		require.Contains(t, refused(t, answer, 429), "too many requests")
		require.Regexp(t, `^\d+$`, answer.Header().Get("Retry-After"))
		require.NotEqual(t, "0", answer.Header().Get("Retry-After"))
	}
	// Health is told to everybody (here there is no database, which panics).
	require.Equal(t, 500, h.do("GET", "/health").Code)
}

func TestRequestIDs(t *testing.T) {
	var seen *http.Request
	h := around(t, Options{}, func(c *gin.Context) { seen = c.Request })
	first, second := h.do("GET", "/"), h.do("GET", "/")
	require.Regexp(t, `^[0-9A-Za-z]{16}$`, first.Header().Get(requestIDHeader))
	require.NotEqual(t, first.Header().Get(requestIDHeader), second.Header().Get(requestIDHeader))
	for _, good := range []string{"a", "0123-abc.DEF_~", strings.Repeat("x", 64)} {
		require.Equal(t, good, h.do("GET", "/", requestIDHeader, good).Header().Get(requestIDHeader))
		require.Equal(t, good, seen.Context().Value(requestIDKey{}))
	}
	for _, bad := range []string{" ", "a b", "a\tb", "é", "\xff", "a\x7f", strings.Repeat("x", 65)} {
		require.Regexp(t, `^[0-9A-Za-z]{16}$`, h.do("GET", "/", requestIDHeader, bad).Header().Get(requestIDHeader), "%q", bad)
	}
}

// The log has the request's id and what came of it, and never a token.
func TestLog(t *testing.T) {
	h := newHouse(t, Options{})
	h.do("GET", "/version?token=Csecrettoken000&auth=secret", requestIDHeader, "my-id", "X-Gotify-Key", "Csecrettoken000", "Authorization", "Basic secret",
		"Cookie", "gotify-client-token=Csecrettoken000")
	line := h.log.String()
	for _, part := range []string{"request=my-id", "method=GET", "path=/version", "status=200", "from=192.0.2.1:1234"} {
		require.Contains(t, line, part)
	}
	require.NotContains(t, line, "secret")
}

func TestLogHandlerKeepsItsID(t *testing.T) {
	var out strings.Builder
	log := slog.New(LogHandler(slog.NewTextHandler(&out, nil))).With("a", 1).WithGroup("g")
	log.InfoContext(withRequestID(context.Background(), "my-id"), "x", "b", 2)
	require.Contains(t, out.String(), "a=1")
	require.Contains(t, out.String(), "my-id")
	out.Reset()
	log.Info("x")
	require.NotContains(t, out.String(), "request")
}

func TestPanicsBecomeAnswers(t *testing.T) {
	h := around(t, Options{}, func(*gin.Context) { panic("secret detail") })
	answer := h.do("GET", "/?token=secret", requestIDHeader, "my-id")
	require.Equal(t, "an internal error happened; the server's log knows more", refused(t, answer, 500))
	require.NotContains(t, answer.Body.String(), "secret")
	require.Contains(t, h.log.String(), "secret detail")
	require.Contains(t, h.log.String(), "middleware_test.go", "the stack tells where")
	require.Contains(t, h.log.String(), "request=my-id")
	require.NotContains(t, h.log.String(), "token")

	h = around(t, Options{}, func(*gin.Context) { panic(http.ErrAbortHandler) })
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.do("GET", "/") })
	h = around(t, Options{}, func(c *gin.Context) {
		c.String(http.StatusOK, "half an answer")
		panic("too late")
	})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { h.do("GET", "/") }, "nobody takes it for a whole one")
	require.Contains(t, h.log.String(), "too late")
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	h := newHouse(t, Options{ResponseHeaders: map[string]string{"X-Frame-Options": "SAMEORIGIN", "X-Mine": "yes"}, Limits: Limits{URL: 100}})
	for target, status := range map[string]int{
		"/": 200, "/version": 200, "/docs": 200, "/static/defaultapp.png": 200, "/nothing": 404, "/message": 401, "/version/": 301,
		"/" + strings.Repeat("x", 100): 414, "/image/x.png?" + strings.Repeat("x", 100): 414,
	} {
		answer := h.do("GET", target)
		require.Equal(t, status, answer.Code, target)
		require.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"), target)
		require.Equal(t, "no-referrer", answer.Header().Get("Referrer-Policy"), target)
		require.Equal(t, "SAMEORIGIN", answer.Header().Get("X-Frame-Options"), target)
		require.Equal(t, "yes", answer.Header().Get("X-Mine"), target)
	}
	require.Equal(t, "DENY", newHouse(t, Options{}).do("GET", "/").Header().Get("X-Frame-Options"))
}
