// Package ntfy speaks ntfy's language over HTTP: publishing to topics by any of
// its forms, and subscribing to them as JSON, SSE, raw text or a WebSocket.
//
// A topic is an application's name here. The routes stand in two tables
// (routes.go): those with a path of their own, and those that begin with topics,
// which are told apart by method and shape, in ntfy's order. A handler decodes a
// request, calls one verb of auth or broker or a read of the database, and
// encodes the answer; it returns its error, and error.go is the only place that
// writes one. What a message looks like on the wire, whichever language it was
// published in, stands in wire.go alone.
//
// README.md says what is compatible and where we differ on purpose; openapi.yaml
// describes every route and is compared with the tables by a test.
package ntfy

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
)

// Options are what a Face is made of.
type Options struct {
	Auth   *auth.Auth
	Broker *broker.Broker
	Reader *database.Reader
	Pumps  *stream.Pumps
	Hub    *hub.Hub
	// Version is the program's, as v1/version tells it.
	Version string
	// BaseURL is where people reach the server, nil when that was not configured.
	BaseURL *url.URL
	Limits  Limits
	// KeepAlive is how often a quiet stream gives a sign of life.
	KeepAlive time.Duration
	Upstream  Upstream
	// Templates is a folder of named templates, "" for none.
	Templates string
	// Exempt reports whether the limits are lifted for an address; nil means for
	// none.
	Exempt func(netip.Addr) bool
	// Reserved reports whether a topic is the first part of one of the server's
	// own paths; nil means that none is.
	Reserved func(topic string) bool
	// Page shows the web page of a topic; nil means that there is none.
	Page func(*gin.Context)
	Now  func() time.Time
	Log  *slog.Logger
}

// Limits are what one visitor may do. Zero means no limit.
type Limits struct {
	// Message is how many bytes of text a message may have; 0 means 4096.
	Message int
	// Requests may come in a burst, and so many a second in the long run.
	Requests RequestLimits
	// Messages is how many a visitor may publish in a day.
	Messages int
	// Subscriptions is how many streams a visitor may have open.
	Subscriptions int
	// Bandwidth is how many bytes of attachments a visitor may send and fetch in a
	// day.
	Bandwidth int64
}

// RequestLimits bound how many requests a visitor may make.
type RequestLimits struct {
	Burst     int
	PerSecond float64
}

// Upstream is the server that wakes the phones which cannot hold a stream. An
// empty BaseURL means that there is none.
type Upstream struct{ BaseURL, Token string }

// Face serves ntfy's API. Its handlers are safe for concurrent use.
type Face struct {
	Options
	// visitors are those who asked for something lately.
	visitors *visitors
	// templates are the named ones, the server's own and those of the folder.
	templates *templates
	// wakeups are what the upstream is still to be told.
	wakeups chan wakeup
	// counts tell how fast messages come.
	counts counts
}

const defaultMessageLimit = 4096

// New returns a Face over the options.
func New(o Options) (*Face, error) {
	if o.Limits.Message <= 0 {
		o.Limits.Message = defaultMessageLimit
	}
	if o.Exempt == nil {
		o.Exempt = func(netip.Addr) bool { return false }
	}
	if o.Reserved == nil {
		o.Reserved = func(string) bool { return false }
	}
	named, err := newTemplates(o.Templates)
	if err != nil {
		return nil, err
	}
	return &Face{Options: o, visitors: newVisitors(o), templates: named, wakeups: newWakeups()}, nil
}

// hostPattern is what a host with an optional port is made of.
var hostPattern = regexp.MustCompile(`^[0-9A-Za-z.:_\[\]-]+$`)

// address returns where people reach the server: the configured address, or the
// one that the request was sent to, without a slash at its end. The router has put
// the scheme and host that a trusted proxy told into the request.
func (f *Face) address(c *gin.Context) string {
	if f.BaseURL != nil {
		return strings.TrimRight(f.BaseURL.String(), "/")
	}
	scheme := "http"
	if c.Request.TLS != nil || c.Request.URL.Scheme == "https" {
		scheme = "https"
	}
	if !hostPattern.MatchString(c.Request.Host) {
		return scheme + "://localhost"
	}
	return scheme + "://" + c.Request.Host
}

// Preflight answers a browser that asks what a page may send, and any other
// OPTIONS. Pages of every origin may use this face: it takes no cookie, so they can
// do nothing that their visitor could not do without them.
func (f *Face) Preflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, PUT, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "*")
	if err := f.visit(c, nil).request(); err != nil {
		f.Refuse(c, err)
		return
	}
	c.Status(http.StatusOK)
}
