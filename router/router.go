// Package router mounts the faces and puts the middleware around them: request
// ids, the log, recovery from panics, what trusted proxies tell, limits, and
// headers that every answer carries.
//
// It knows no rules of the domain and starts no goroutine. Refusals are written
// by the face whose path it is.
package router

import (
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/api/ntfy"
	"github.com/carillon-push/carillon/ui"
)

// Options are what the router is made of.
type Options struct {
	Gotify *gotify.Face
	Ntfy   *ntfy.Face
	// BasePath is the path of server.baseurl, "" or like "/push". Requests may
	// come with it or, where a proxy strips it, without.
	BasePath string
	// ResponseHeaders are set on every answer, before the handlers run.
	ResponseHeaders map[string]string
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed.
	TrustedProxies []netip.Prefix
	Limits         Limits
	Log            *slog.Logger
}

// Limits bound requests. Zero means no limit.
type Limits struct {
	// Body, URL and Headers are in bytes. The upload of an image, and whatever is
	// published in ntfy's language, has a limit of its own.
	Body         int64
	URL, Headers int
	// Burst requests may come at once from an address, PerSecond in the long run.
	Burst     int
	PerSecond float64
	// Exempt reports whether the limits on requests are lifted for an address.
	Exempt func(netip.Addr) bool
}

// face is a language in which a request is refused.
type face interface {
	Refuse(c *gin.Context, err error)
	RefuseStatus(c *gin.Context, code int, description string, retryAfter time.Duration)
	Preflight(c *gin.Context)
}

// New returns the handler of the whole server, and the topics that are none
// because they begin the path of something else.
func New(o Options) (handler http.Handler, reserved map[string]bool) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RemoveExtraSlash = true
	engine.RedirectTrailingSlash = false // slash.go does it, for any base path
	// What trusted proxies tell is put into the request before gin sees it.
	_ = engine.SetTrustedProxies(nil)
	m := &middleware{Options: o, visitors: newVisitors(o.Limits, time.Now)}
	engine.Use(m.log, m.recover, m.headers, m.limit)
	ui.Mount(engine, o.Gotify.Address)
	o.Gotify.Mount(engine)
	m.gotify = firstSegments(engine.Routes())
	for _, name := range planned() {
		m.gotify[name] = true
	}
	o.Ntfy.Mount(engine)
	engine.NoRoute(trailingSlash(engine.Routes()), m.noRoute)
	reserved = firstSegments(engine.Routes())
	maps.Copy(reserved, m.gotify)
	return m.forwarded(m.stripBase(engine)), reserved
}

// noRoute is for paths that no route is registered for: those that begin with a
// topic are ntfy's.
func (m *middleware) noRoute(c *gin.Context) {
	switch f := m.faceOf(c); {
	case c.Request.Method == http.MethodOptions:
		f.Preflight(c)
	case f == face(m.Gotify):
		m.Gotify.NotFound(c)
	default:
		m.Ntfy.Serve(c)
	}
}

// faceOf returns the face whose path it is: Gotify's when it begins as one of its
// routes does.
func (m *middleware) faceOf(c *gin.Context) face {
	if parts := segments(c.Request.URL.Path); len(parts) > 0 && m.gotify[parts[0]] {
		return m.Gotify
	}
	if c.Request.URL.Path == "/" && (c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead) {
		return m.Gotify // the first page
	}
	return m.Ntfy
}

// firstSegments returns what the paths of the routes begin with.
func firstSegments(routes gin.RoutesInfo) map[string]bool {
	first := map[string]bool{}
	for _, route := range routes {
		if parts := segments(route.Path); len(parts) > 0 {
			first[parts[0]] = true
		}
	}
	return first
}

// planned is what will begin a path one day: who had a topic of this name by then
// would lose it.
func planned() []string {
	return []string{"assets", "metrics", "plugin", "plugins", "setup", "ui", "webpush"}
}
