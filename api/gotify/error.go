package gotify

import (
	"errors"
	"math"
	"net/http"
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
	if code >= http.StatusInternalServerError {
		f.Log.ErrorContext(c.Request.Context(), "request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "error", err)
	}
	f.RefuseStatus(c, code, known.Message, known.RetryAfter)
}

// RefuseStatus is Refuse for the statuses that no kind of error stands for.
func (f *Face) RefuseStatus(c *gin.Context, code int, description string, retryAfter time.Duration) {
	if retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(retryAfter.Seconds()))))
	}
	c.Abort()
	c.JSON(code, wireError{Error: http.StatusText(code), ErrorCode: code, ErrorDescription: description})
}

// missing gives NotFound the words that Gotify uses for the thing.
func missing(err error, format string, args ...any) error {
	if model.KindOf(err) == model.NotFound {
		return model.Errorf(model.NotFound, format, args...)
	}
	return err
}
