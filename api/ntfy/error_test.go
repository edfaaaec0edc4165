package ntfy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// refuse returns what a request is told, and what the log is.
func refuse(t *testing.T, err error, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	f := &Face{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/topic/json", nil)
	for i := 0; i < len(headers); i += 2 {
		c.Request.Header.Set(headers[i], headers[i+1])
	}
	f.Refuse(c, err)
	require.True(t, c.IsAborted())
	return w, log.String()
}

func TestEveryCodeIsAStatusAndAText(t *testing.T) {
	for code, known := range meanings {
		refused := failuref(code, "")
		require.NotEqual(t, "", http.StatusText(refused.status), code)
		require.GreaterOrEqual(t, refused.status, 400)
		require.Equal(t, known.text, refused.Error())
	}
	require.Equal(t, "unauthorized", failuref(40101, "unauthorized").text)
	require.Equal(t, "forbidden; because", failuref(40301, "be%s", "cause").text)
	require.Equal(t, "limit reached: too many requests, please wait", failuref(42901, "limit reached: too many requests, please wait").text)
	require.Equal(t, &failure{code: 41399, status: 413, text: "refused; too much"}, failuref(41399, "too much"))
}

func TestRefuseWritesOneBody(t *testing.T) {
	w, log := refuse(t, failuref(40018, "only 3 actions allowed"))
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, `{"code":40018,"http":400,"error":"invalid request: actions invalid; only 3 actions allowed","link":"https://ntfy.sh/docs/publish/#action-buttons"}`+"\n", w.Body.String())
	require.Empty(t, log)

	w, _ = refuse(t, failuref(40401, ""))
	require.Equal(t, `{"code":40401,"http":404,"error":"page not found"}`+"\n", w.Body.String())
}

func TestRefuseKnowsEveryKind(t *testing.T) {
	for _, c := range []struct {
		err          error
		status, code int
		text, after  string
	}{
		{model.Errorf(model.Invalid, "because"), 400, 40000, "invalid request; because", ""},
		{model.Errorf(model.Unauthenticated, "because"), 401, 40101, "unauthorized; because", ""},
		{model.Errorf(model.Forbidden, "because"), 403, 40301, "forbidden; because", ""},
		{model.Errorf(model.NotFound, "because"), 404, 40401, "page not found; because", ""},
		{model.Errorf(model.NotFound, "because").Because(broker.ErrNoTopic), 404, 40401, "page not found; because", ""},
		{model.Errorf(model.Conflict, "because"), 409, 40901, "conflict; because", ""},
		{model.Errorf(model.TooLarge, "because"), 413, 41301, "attachment too large, or bandwidth limit reached; because", ""},
		{model.Errorf(model.TooMany, "because"), 429, 42901, "limit reached: too many requests; because", "5"},
		{model.Errorf(model.TooMany, "because").After(1500 * time.Millisecond), 429, 42901, "limit reached: too many requests; because", "2"},
		{model.Errorf(model.TooMany, "because").Because(broker.ErrTopics), 429, 42904, "limit reached: the total number of topics on the server has been reached; because", "5"},
		{model.Errorf(model.Unavailable, "because").After(time.Minute), 503, 50301, "temporarily unavailable; because", "60"},
		{broker.ErrNoAttachments, 400, 40014, "invalid request: attachments not allowed; " + broker.ErrNoAttachments.Message, ""},
		{model.Errorf(model.Invalid, "because").Because(os.ErrDeadlineExceeded), 408, 40800, "the request took too long to arrive; because", ""},
		{&failure{code: 42905, status: 429, text: "wait", after: time.Second}, 429, 42905, "wait", "1"},
	} {
		w, log := refuse(t, c.err)
		var body wireError
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		require.Equal(t, c.status, w.Code)
		require.Equal(t, c.status, body.HTTP)
		require.Equal(t, c.code, body.Code)
		require.Equal(t, c.text, body.Error)
		require.Equal(t, c.after, w.Header().Get("Retry-After"), c.text)
		require.Equal(t, c.status >= 500, log != "", c.text)
	}
}

func TestRefuseTellsInternalsToTheLogOnly(t *testing.T) {
	for _, err := range []error{
		errors.New("the secret"), model.Errorf(model.Internal, "the secret"), model.Errorf(model.Unavailable, "busy").Because(errors.New("the secret")),
	} {
		w, log := refuse(t, err)
		require.GreaterOrEqual(t, w.Code, 500)
		require.NotContains(t, w.Body.String(), "secret")
		require.Contains(t, log, "the secret")
	}
}

func TestRefuseAnswersAnUpgradeWithTheStatusOnly(t *testing.T) {
	w, _ := refuse(t, failuref(40301, ""), "Connection", "Upgrade", "Upgrade", "WebSocket")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Empty(t, w.Body.String())
}

func TestRefuseAddsNothingToAnAnswerThatHasBegun(t *testing.T) {
	var log bytes.Buffer
	f := &Face{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	c.Request = httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/topic/json", nil)
	c.String(http.StatusOK, "half")
	f.Refuse(c, errors.New("broken"))
	require.Equal(t, "half", w.Body.String())
	require.Contains(t, log.String(), "broken")
}
