package ntfy

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

// failure is a refusal with a code of ntfy's.
type failure struct {
	code, status int
	text         string
	// after is how long the caller should wait before trying again; zero when
	// there is nothing to say.
	after time.Duration
}

// Error implements error.
func (e *failure) Error() string { return e.text }

// failuref returns the failure with the code. What is formatted tells more about
// it and follows the code's own text, unless it begins with that.
func failuref(code int, format string, args ...any) *failure {
	known := lookUp(code)
	text := cleanText(fmt.Sprintf(format, args...))
	switch {
	case text == "":
		text = known.text
	case !strings.HasPrefix(text, known.text):
		text = known.text + "; " + text
	}
	return &failure{code: code, status: code / 100, text: text}
}

// wireError is the body of every refusal.
type wireError struct {
	Code  int    `json:"code,omitempty"`
	HTTP  int    `json:"http"`
	Error string `json:"error"`
	Link  string `json:"link,omitempty"`
}

// Refuse writes err in ntfy's shape. It is the only place that does. Internal
// details go to the log, under the id of the request. When an answer has begun
// already, the log is all that is left.
func (f *Face) Refuse(c *gin.Context, err error) {
	refused := asFailure(err)
	if refused.status >= http.StatusInternalServerError {
		level := slog.LevelError
		if c.Request.Context().Err() != nil { // the client hung up: nobody waits for an answer
			level = slog.LevelDebug
		}
		f.Log.Log(c.Request.Context(), level, "request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "error", err)
	}
	c.Abort()
	if c.Writer.Written() {
		return
	}
	c.Header("Access-Control-Allow-Origin", "*") // also for what no handler was asked about
	if refused.after > 0 {
		c.Header("Retry-After", strconv.FormatInt(int64(math.Ceil(refused.after.Seconds())), 10))
	}
	if strings.EqualFold(strings.TrimSpace(c.GetHeader("Upgrade")), "websocket") {
		c.Status(refused.status)
		c.Writer.WriteHeaderNow()
		return
	}
	body, err := json.Marshal(wireError{Code: refused.code, HTTP: refused.status, Error: refused.text, Link: lookUp(refused.code).link})
	if err != nil { // a number and three texts
		body = nil
	}
	c.Data(refused.status, "application/json", append(body, '\n'))
}

// RefuseStatus is Refuse for the statuses that ntfy has no code for.
func (f *Face) RefuseStatus(c *gin.Context, status int, description string, retryAfter time.Duration) {
	f.Refuse(c, &failure{code: status*100 + 1, status: status, text: description, after: retryAfter})
}

// codes are for the kinds of error that no better code was found for; what is not
// in it is internal.
var codes = map[model.Kind]int{
	model.Invalid:         40000,
	model.Unauthenticated: 40101,
	model.Forbidden:       40301,
	model.NotFound:        40401,
	model.Conflict:        40901,
	model.TooLarge:        41301,
	model.TooMany:         42901,
	model.Unavailable:     50301,
}

// defaultRetryAfter is told to those who have to wait when nothing better is known.
const defaultRetryAfter = 5 * time.Second

// asFailure gives every error its code.
func asFailure(err error) *failure {
	if refused, ok := errors.AsType[*failure](err); ok {
		return refused
	}
	known, ok := errors.AsType[*model.Error](err)
	if !ok {
		return failuref(50001, "")
	}
	code, ok := codes[known.Kind]
	if !ok {
		return failuref(50001, "")
	}
	switch {
	case errors.Is(err, broker.ErrTopics):
		code = 42904
	case errors.Is(err, broker.ErrNoAttachments):
		code = 40014
	case known.Kind == model.Invalid && errors.Is(err, os.ErrDeadlineExceeded):
		code = 40800 // for a sender, 400 would mean: never try again
	}
	refused := failuref(code, "%s", known.Message)
	refused.after = known.RetryAfter
	if refused.after <= 0 && (known.Kind == model.TooMany || known.Kind == model.Unavailable) {
		refused.after = defaultRetryAfter
	}
	return refused
}
