// Package router mounts the faces and puts the middleware around them: request
// ids, the log, recovery from panics, what trusted proxies tell, limits, and
// headers that every answer carries.
//
// It knows no rules of the domain and starts no goroutine. Refusals are written
// by the face whose path it is.
package router

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/ui"
)

// Options are what the router is made of.
type Options struct {
	Gotify *gotify.Face
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
	// Body, URL and Headers are in bytes. The upload of an image has a limit of
	// its own.
	Body         int64
	URL, Headers int
	// Burst requests may come at once from an address, PerSecond in the long run.
	Burst     int
	PerSecond float64
	// Exempt reports whether the limits on requests are lifted for an address.
	Exempt func(netip.Addr) bool
}

// New returns the handler of the whole server.
func New(o Options) http.Handler {
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
	engine.NoRoute(trailingSlash(engine.Routes()), func(c *gin.Context) {
		if c.Request.Method == http.MethodOptions {
			o.Gotify.Preflight(c)
			return
		}
		o.Gotify.NotFound(c)
	})
	return m.forwarded(m.stripBase(engine))
}
