package gotify

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// checkOrigin refuses requests that a foreign web page makes, unless it was
// allowed to (server.cors.alloworigins; for the stream also
// server.stream.allowedorigins).
//
// A page is our own when its browser says so (Sec-Fetch-Site), or when its
// origin is the configured address or the host that the request was sent to.
// Behind a proxy that rewrites the host one of these must be set right; the
// refusal says what was seen and what was expected.
func (f *Face) checkOrigin(c *gin.Context, stream bool) error {
	c.Writer.Header().Add("Vary", "Origin")
	origin := strings.ToLower(c.GetHeader("Origin"))
	// Our own page may have the origin "null": its Referrer-Policy can cause that.
	if origin == "" || c.GetHeader("Sec-Fetch-Site") == "same-origin" {
		return nil
	}
	if matches(f.AllowOrigins, origin) {
		c.Header("Access-Control-Allow-Origin", c.GetHeader("Origin"))
		return nil
	}
	page, err := url.Parse(origin)
	if err == nil && page.Host != "" && (f.isOurs(c.Request, page) || stream && f.mayStream(origin, page)) {
		return nil
	}
	return model.Errorf(model.Forbidden, "the request came from a page at origin %q, but this server is expected at %s. "+
		"If a reverse proxy stands between, let it pass on the Host header, or set server.baseurl, or list the proxy in "+
		"server.trustedproxies and let it send X-Forwarded-Host. To let other sites in, set server.cors.alloworigins",
		origin, f.expected(c.Request))
}

func (f *Face) isOurs(r *http.Request, page *url.URL) bool {
	if f.BaseURL != nil && strings.EqualFold(page.Scheme, f.BaseURL.Scheme) && host(page, page.Host) == host(f.BaseURL, f.BaseURL.Host) {
		return true
	}
	return host(page, page.Host) == host(page, r.Host)
}

// mayStream matches the whole origin, and as in Gotify the host name alone.
func (f *Face) mayStream(origin string, page *url.URL) bool {
	return matches(f.StreamOrigins, origin) || matches(f.StreamOrigins, page.Hostname())
}

// host returns the host and port that name means, without the port that the
// scheme has anyway.
func host(scheme *url.URL, name string) string {
	name = strings.ToLower(name)
	switch scheme.Scheme {
	case "http":
		return strings.TrimSuffix(name, ":80")
	case "https":
		return strings.TrimSuffix(name, ":443")
	}
	return name
}

func (f *Face) expected(r *http.Request) string {
	seen := "\"" + r.Host + "\" (the Host header)"
	if f.BaseURL != nil {
		return "\"" + f.BaseURL.Scheme + "://" + f.BaseURL.Host + "\" (server.baseurl) or " + seen
	}
	return seen
}

func matches(patterns []*regexp.Regexp, text string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) })
}

// checkCrossSite refuses a cookie on a change that the browser says another
// site asked for. Older browsers, which do not say so, send an Origin instead,
// and that was checked already.
func checkCrossSite(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	return model.Errorf(model.Forbidden, "cross-origin request detected: a session cookie is accepted from this server's own pages only")
}

// Preflight answers a browser that asks what a page may send (Fetch standard,
// CORS preflight), and any other OPTIONS. The router calls it for the paths of
// this face.
func (f *Face) Preflight(c *gin.Context) {
	if c.GetHeader("Origin") == "" {
		c.Status(http.StatusOK)
		return
	}
	if err := f.checkOrigin(c, false); err != nil {
		f.Refuse(c, err)
		return
	}
	if c.GetHeader("Access-Control-Request-Method") == "" {
		c.Status(http.StatusOK)
		return
	}
	c.Header("Access-Control-Allow-Methods", strings.Join(f.AllowMethods, ", "))
	c.Header("Access-Control-Allow-Headers", strings.Join(f.AllowHeaders, ", "))
	c.Header("Access-Control-Max-Age", "43200")
	c.Status(http.StatusNoContent)
}
