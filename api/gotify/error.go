package gotify

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// wireError is the body of every refusal.
type wireError struct {
	Error            string `json:"error"`
	ErrorCode        int    `json:"errorCode"`
	ErrorDescription string `json:"errorDescription"`
}

// status maps kinds of errors to Gotify's statuses; what is not in it is 500.
var status = map[model.Kind]int{
	model.Invalid:         http.StatusBadRequest,
	model.Unauthenticated: http.StatusUnauthorized,
	model.Forbidden:       http.StatusForbidden,
	model.NotFound:        http.StatusNotFound,
	model.Conflict:        http.StatusConflict,
	model.TooLarge:        http.StatusRequestEntityTooLarge,
	model.TooMany:         http.StatusTooManyRequests,
	model.Unavailable:     http.StatusServiceUnavailable,
}

// Refuse writes err in Gotify's shape. It is the only place that does. Internal
// details go to the log, under the id of the request.
func (f *Face) Refuse(c *gin.Context, err error) {
	var known *model.Error
	if !errors.As(err, &known) {
		known = model.Errorf(model.Internal, "an internal error happened; the server's log knows more")
	}
	code, ok := status[known.Kind]
	if !ok {
		code = http.StatusInternalServerError
	}
	if known.Kind == model.Invalid && errors.Is(err, os.ErrDeadlineExceeded) {
		code = http.StatusRequestTimeout // for a sender, 400 would mean: never try again
	}
	if code >= http.StatusInternalServerError {
		level := slog.LevelError
		if c.Request.Context().Err() != nil { // the client hung up: nobody waits for an answer
			level = slog.LevelDebug
		}
		f.Log.Log(c.Request.Context(), level, "request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "error", err)
	}
	retryAfter := known.RetryAfter
	if retryAfter <= 0 && (known.Kind == model.TooMany || known.Kind == model.Unavailable) {
		retryAfter = defaultRetryAfter
	}
	f.RefuseStatus(c, code, known.Message, retryAfter)
}

// defaultRetryAfter is told to those who have to wait when nothing better is known.
const defaultRetryAfter = 5 * time.Second

// RefuseStatus is Refuse for the statuses that no kind of error stands for.
func (f *Face) RefuseStatus(c *gin.Context, code int, description string, retryAfter time.Duration) {
	if retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(retryAfter.Seconds()))))
	}
	c.Abort()
	writeJSON(c, code, wireError{Error: http.StatusText(code), ErrorCode: code, ErrorDescription: description})
}

// missing gives NotFound the words that Gotify uses for the thing.
func missing(err error, format string, args ...any) error {
	if model.KindOf(err) == model.NotFound {
		return model.Errorf(model.NotFound, format, args...)
	}
	return err
}
