package router

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/api/ntfy"
)

// house is the router around a face that nothing stands below: enough for what
// asks neither auth nor the database.
type house struct {
	http.Handler
	t   *testing.T
	log *bytes.Buffer
}

func newHouse(t *testing.T, o Options) *house {
	t.Helper()
	h := &house{t: t, log: new(bytes.Buffer)}
	o.Log = slog.New(LogHandler(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	o.Gotify, o.Ntfy = newFaces(t, o.Log)
	h.Handler, _ = New(o)
	return h
}

func newFaces(t *testing.T, log *slog.Logger) (*gotify.Face, *ntfy.Face) {
	t.Helper()
	one, err := gotify.New(gotify.Options{Build: gotify.Build{Version: "1.2.3"}, Log: log})
	require.NoError(t, err)
	other, err := ntfy.New(ntfy.Options{Now: time.Now, Log: log})
	require.NoError(t, err)
	return one, other
}

// around returns the middleware around a handler for any path.
func around(t *testing.T, o Options, handle gin.HandlerFunc) *house {
	t.Helper()
	h := &house{t: t, log: new(bytes.Buffer)}
	o.Log = slog.New(LogHandler(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	o.Gotify, o.Ntfy = newFaces(t, o.Log)
	m := &middleware{Options: o, visitors: newVisitors(o.Limits, newClock().now), gotify: map[string]bool{"message": true}}
	engine := gin.New()
	engine.Use(m.log, m.recover, m.headers, m.limit)
	engine.NoRoute(handle)
	h.Handler = m.forwarded(m.stripBase(engine))
	return h
}

// do makes a request; headers stand in pairs.
func (h *house) do(method, target string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.serve(r)
}

func (h *house) serve(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

// refused checks that an answer is an error in Gotify's shape, and returns its
// text.
func refused(t *testing.T, answer *httptest.ResponseRecorder, status int) string {
	t.Helper()
	require.Equal(t, status, answer.Code, "%s", answer.Body)
	var body struct {
		ErrorCode        int
		ErrorDescription string
		HTTP             int
		Error            string
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body))
	if body.ErrorCode == 0 { // ntfy's face
		require.Equal(t, status, body.HTTP)
		return body.Error
	}
	require.Equal(t, status, body.ErrorCode)
	return body.ErrorDescription
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
