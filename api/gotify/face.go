// Package gotify speaks Gotify's language over HTTP: REST with application and
// client tokens, cookie sessions, and the WebSocket stream, for clients of both
// its generations, 2.9 and 3.0.
//
// The routes stand in one table (routes.go) with what each of them needs. A
// handler decodes a request, calls one verb of auth or broker or a read of the
// database, and encodes the answer; it returns its error, and error.go is the
// only place that writes one. The wire structs (wire.go) are this face's own.
//
// README.md says what is compatible and where we differ on purpose; openapi.yaml
// describes every route and is compared with the table by a test.
package gotify

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/database"
)

// Options are what a Face is made of.
type Options struct {
	Auth   *auth.Auth
	Broker *broker.Broker
	Reader *database.Reader
	Pumps  *stream.Pumps
	Build  Build
	// BaseURL is where people reach the server, nil when that was not configured.
	BaseURL *url.URL
	// AllowOrigins and StreamOrigins are the foreign web pages that may use the
	// API and the stream: whole origins and host names, all in lower case.
	AllowOrigins, StreamOrigins []*regexp.Regexp
	// AllowMethods and AllowHeaders are what a foreign page may send; none are
	// all that the API knows.
	AllowMethods, AllowHeaders []string
	// SecureCookie marks the session cookie as secure whatever the scheme is.
	SecureCookie bool
	// Exempt reports whether the limits are lifted for an address.
	Exempt func(netip.Addr) bool
	// ImagesDir is a folder of images that a Gotify server left; "" for none.
	ImagesDir string
	Now       func() time.Time
	Log       *slog.Logger
}

// Build says which program this is.
type Build struct{ Version, Commit, Date string }

// Face serves Gotify's API. Its handlers are safe for concurrent use.
type Face struct {
	Options
	docs   *docs
	images *os.Root
}

// Address returns where people reach the server: the configured address, or the
// one that the request was sent to, without a slash at its end.
func (f *Face) Address(r *http.Request) string { return f.docs.address(r) }

// New returns a Face over the options.
func New(o Options) (*Face, error) {
	d, err := newDocs()
	if err != nil {
		return nil, err
	}
	if o.BaseURL != nil {
		d.address = func(*http.Request) string { return strings.TrimRight(o.BaseURL.String(), "/") }
	}
	if len(o.AllowMethods) == 0 {
		o.AllowMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions}
	}
	if len(o.AllowHeaders) == 0 {
		o.AllowHeaders = []string{"Authorization", "Content-Type", "X-Gotify-Key"}
	}
	f := &Face{Options: o, docs: d}
	if o.ImagesDir != "" {
		// A folder that does not exist holds no old images, and is no fault.
		f.images, err = os.OpenRoot(o.ImagesDir)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	return f, nil
}
