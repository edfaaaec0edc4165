package gotify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestRefuse(t *testing.T) {
	h := newFrame(t, Options{})
	for _, c := range []struct {
		err    error
		status int
		text   string
		after  string
		logged bool
	}{
		{model.Errorf(model.Invalid, "m"), 400, "m", "", false},
		{model.Errorf(model.Unauthenticated, "m"), 401, "m", "", false},
		{model.Errorf(model.Forbidden, "m"), 403, "m", "", false},
		{model.Errorf(model.NotFound, "m"), 404, "m", "", false},
		{model.Errorf(model.Conflict, "m"), 409, "m", "", false},
		{model.Errorf(model.TooLarge, "m"), 413, "m", "", false},
		{model.Errorf(model.TooMany, "m"), 429, "m", "5", false},
		{model.Errorf(model.TooMany, "m").After(1500 * time.Millisecond), 429, "m", "2", false},
		{model.Errorf(model.TooMany, "m").After(time.Nanosecond), 429, "m", "1", false},
		{model.Errorf(model.Unavailable, "m"), 503, "m", "5", true},
		{model.Errorf(model.Unavailable, "m").After(time.Minute), 503, "m", "60", true},
		{model.Errorf(model.Internal, "m"), 500, "m", "", true},
		{model.Errorf(200, "m"), 500, "m", "", true},
		{errors.New("secret detail"), 500, "an internal error happened; the server's log knows more", "", true},
		{fmt.Errorf("wrapped: %w", model.Errorf(model.Invalid, "m").Because(errors.New("secret detail"))), 400, "m", "", false},
		{model.Errorf(model.Unavailable, "m").Because(errors.New("secret detail")), 503, "m", "5", true},
	} {
		h.log.Reset()
		answer := httptest.NewRecorder()
		ctx, _ := gin.CreateTestContext(answer)
		ctx.Request = httptest.NewRequest("GET", "/message?token=Csecrettoken000", nil)
		h.Refuse(ctx, c.err)
		require.True(t, ctx.IsAborted())
		require.Equal(t, c.after, answer.Header().Get("Retry-After"), "%v", c.err)
		require.NotContains(t, answer.Body.String(), "secret")
		require.Equal(t, c.text, refused(t, answer, c.status))
		require.Equal(t, c.logged, h.log.Len() > 0, "%v: %s", c.err, h.log)
		require.NotContains(t, h.log.String(), "secrettoken")
		if c.logged {
			require.Contains(t, h.log.String(), "level=ERROR")
		}
	}
}

// A client that hangs up is no failure of the server.
// late is the body of a sender who is too slow: what net/http reads then.
type late struct{}

func (late) Read([]byte) (int, error) {
	here := &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 1}
	return 0, &net.OpError{Op: "read", Net: "tcp", Source: here, Addr: here, Err: os.ErrDeadlineExceeded}
}

// 400 would tell a sender to drop its message, and the addresses are nobody's
// business.
func TestABodyThatDoesNotArrive(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	application, sender := ada.newApplication()
	_, token := ada.newClient()
	for path, headers := range map[string][]string{
		"/message": {"X-Gotify-Key", sender, "Content-Type", "application/json"},
		fmt.Sprintf("/application/%d/image", application.ID): {"X-Gotify-Key", token, "Content-Type", "multipart/form-data; boundary=b"},
	} {
		r := httptest.NewRequest("POST", path, late{})
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		require.NotContains(t, refused(t, h.serve1(r), 408), "10.9.8.7", path)
	}
}

func TestRefuseWhoHungUp(t *testing.T) {
	h := newFrame(t, Options{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ctx, _ := gin.CreateTestContext(httptest.NewRecorder())
	ctx.Request = httptest.NewRequestWithContext(gone, "GET", "/message", nil)
	h.Refuse(ctx, model.Errorf(model.Unavailable, "m"))
	require.Contains(t, h.log.String(), "level=DEBUG")
	require.NotContains(t, h.log.String(), "level=ERROR")
}

func TestDatabaseThatIsAway(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	_, token := ada.newClient()
	require.Equal(t, 200, h.do("GET", "/message", "", "X-Gotify-Key", token).Code)
	healthy := h.do("GET", "/health", "")
	require.Equal(t, `{"health":"green","database":"green"}`, healthy.Body.String())
	require.Equal(t, "application/json; charset=utf-8", healthy.Header().Get("Content-Type"))
	require.NoError(t, h.db.Close())
	sick := h.do("GET", "/health", "")
	require.Equal(t, 500, sick.Code)
	require.Equal(t, `{"health":"orange","database":"red"}`, sick.Body.String())
	require.GreaterOrEqual(t, h.do("GET", "/message", "", "X-Gotify-Key", token).Code, 500)
}

func TestMissing(t *testing.T) {
	require.NoError(t, missing(nil, "x"))
	require.EqualError(t, missing(model.Errorf(model.NotFound, "not found"), "no %d", 5), "no 5")
	other := errors.New("other")
	require.Same(t, other, missing(other, "x"))
}
