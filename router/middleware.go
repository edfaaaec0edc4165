package router

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/api/ntfy"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

type middleware struct {
	Options
	visitors *visitors
	// gotify is what the paths of Gotify's face begin with.
	gotify map[string]bool
}

const requestIDHeader = "X-Request-Id"

// log gives each request an id and writes one line when it has ended. The query
// is left out, because tokens stand in it.
func (m *middleware) log(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !wellFormedID(id) {
		id = auth.RandomName(16)
	}
	c.Header(requestIDHeader, id)
	c.Request = c.Request.WithContext(withRequestID(c.Request.Context(), id))
	start := time.Now()
	c.Next()
	m.Log.DebugContext(c.Request.Context(), "request", "method", c.Request.Method, "path", c.Request.URL.Path,
		"status", c.Writer.Status(), "bytes", c.Writer.Size(), "took", time.Since(start), "from", c.Request.RemoteAddr)
}

func wellFormedID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// recover turns a panic into an answer. What a client sees of it is an internal
// error; the log has the stack.
func (m *middleware) recover(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
			panic(cause)
		}
		err := fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		if c.Writer.Written() {
			m.Log.ErrorContext(c.Request.Context(), "request failed in the midst of its answer", "error", err)
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		m.faceOf(c).Refuse(c, err)
	}()
	c.Next()
}

// headers sets what every answer carries. The configured ones win.
func (m *middleware) headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	for name, value := range m.ResponseHeaders {
		h.Set(name, value)
	}
	c.Next()
}

// limit refuses what is too large or too much.
func (m *middleware) limit(c *gin.Context) {
	r, face := c.Request, m.faceOf(c)
	if m.Limits.URL > 0 && len(r.RequestURI) > m.Limits.URL {
		face.RefuseStatus(c, http.StatusRequestURITooLong, fmt.Sprintf("the address must not be longer than %d bytes", m.Limits.URL), 0)
		return
	}
	if m.Limits.Headers > 0 && headerBytes(r.Header) > m.Limits.Headers {
		face.RefuseStatus(c, http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the headers must not be larger than %d bytes", m.Limits.Headers), 0)
		return
	}
	if !isHealth(c) { // who asks too often is still told the truth
		if wait := m.visitors.wait(r.RemoteAddr); wait > 0 {
			face.Refuse(c, model.Errorf(model.TooMany, "too many requests").After(wait))
			return
		}
	}
	if m.Limits.Body > 0 && !m.boundsItself(c) {
		if r.ContentLength > m.Limits.Body {
			// Refused before it is read; the connection cannot be used again.
			c.Header("Connection", "close")
			face.Refuse(c, model.Errorf(model.TooLarge, "the body must not be larger than %d bytes", m.Limits.Body))
			return
		}
		r.Body = http.MaxBytesReader(c.Writer, r.Body, m.Limits.Body)
	}
	c.Next()
}

func isHealth(c *gin.Context) bool {
	return c.FullPath() == gotify.HealthPath || c.FullPath() == ntfy.HealthPath
}

// boundsItself reports whether the route reads a body with a limit of its own.
func (m *middleware) boundsItself(c *gin.Context) bool {
	return m.faceOf(c) == face(m.Ntfy) || c.Request.Method == http.MethodPost && c.FullPath() == gotify.UploadPath
}

func headerBytes(h http.Header) int {
	n := 0
	for name, values := range h {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}
