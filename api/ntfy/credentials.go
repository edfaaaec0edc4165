package ntfy

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// credentials are what a request shows of itself. The zero value is a stranger's.
type credentials struct {
	// key is a token in one of the places where Gotify's clients put it.
	key string
	// token is one out of the Authorization header, or what stands for it.
	token string
	// name and pass are of basic authentication.
	name, pass string
	basic      bool
	// broken says that there is something that ought to be credentials and that
	// nobody can read.
	broken bool
}

// readCredentials looks for credentials wherever ntfy's and Gotify's clients put
// them. Cookies are not looked at: any web page may use this face.
func readCredentials(r *http.Request) credentials {
	query := newParameters(r).query
	c := credentials{key: strings.TrimSpace(query["token"])}
	if c.key == "" {
		c.key = strings.TrimSpace(r.Header.Get("X-Gotify-Key"))
	}
	authorization := strings.TrimSpace(r.Header.Get("Authorization"))
	wrapped := strings.TrimSpace(cmp.Or(query["authorization"], query["auth"]))
	if wrapped != "" {
		authorization = unwrap(wrapped)
	}
	scheme, value, _ := strings.Cut(authorization, " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "bearer"):
		c.token, c.broken = value, value == ""
	case strings.EqualFold(scheme, "basic"):
		c.name, c.pass, c.basic = parseBasic(value)
		c.broken = !c.basic
	default:
		// Senders of web pushes put their own schemes into the header, and mean
		// nobody here. Into the query, only somebody who means us puts anything.
		c.broken = wrapped != ""
	}
	return c
}

// unwrap decodes ?auth=: an Authorization header in base64url, with or without
// padding. The plain base64 that some programs make instead is understood, too. It
// returns "" for anything else.
func unwrap(encoded string) string {
	// A plus sign that was not escaped arrives as a space.
	encoded = strings.NewReplacer("+", "-", " ", "-", "/", "_").Replace(strings.TrimRight(encoded, "="))
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func parseBasic(value string) (name, pass string, ok bool) {
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return "", "", false
	}
	if name, pass, ok = strings.Cut(string(text), ":"); !ok {
		return "", "", false
	}
	return name, pass, true
}

// identify finds out on whose behalf the request acts: nil for a stranger, who
// shows nothing. Credentials that are shown must be right, whatever the topic.
//
// A token in a place of Gotify's goes first, because a proxy may add a name and
// password of its own to every request.
func (f *Face) identify(c *gin.Context) (*model.Identity, error) {
	shown := readCredentials(c.Request)
	who, err := f.byShown(c, shown)
	switch model.KindOf(err) {
	case model.Unauthenticated:
		return nil, failuref(40101, "")
	case model.TooMany:
		refused := failuref(42909, "")
		if known, ok := errors.AsType[*model.Error](err); ok {
			refused.after = known.RetryAfter
		}
		return nil, refused
	}
	return who, err
}

func (f *Face) byShown(c *gin.Context, shown credentials) (who *model.Identity, err error) {
	if shown.key != "" {
		who, err = f.byToken(c, shown.key)
		if model.KindOf(err) != model.Unauthenticated || !shown.basic && shown.token == "" {
			return who, err
		}
	}
	switch {
	case shown.broken:
		return nil, auth.Unauthenticated()
	case shown.token != "":
		return f.byToken(c, shown.token)
	case shown.basic:
		return f.byBasic(c, shown)
	default:
		return nil, nil //nolint:nilnil // a stranger is no failure
	}
}

// byToken takes every kind of token.
func (f *Face) byToken(c *gin.Context, token string) (*model.Identity, error) {
	if auth.LooksLikeAccessToken(token) {
		return f.Auth.ByAccessToken(c.Request.Context(), token, f.origin(c).Address)
	}
	return f.Auth.ByToken(c.Request.Context(), token)
}

// byBasic accepts a token as the password too, whatever the name: many apps ask
// for a name and a password only.
func (f *Face) byBasic(c *gin.Context, shown credentials) (who *model.Identity, err error) {
	if shown.name == "" || auth.LooksLikeToken(shown.pass) || auth.LooksLikeAccessToken(shown.pass) {
		who, err = f.byToken(c, shown.pass)
		if shown.name == "" || model.KindOf(err) != model.Unauthenticated {
			return who, err
		}
	}
	return f.Auth.ByPassword(c.Request.Context(), shown.name, shown.pass, f.origin(c))
}

// origin says where the request comes from. The router has put the client's own
// address into RemoteAddr when a trusted proxy told it.
func (f *Face) origin(c *gin.Context) auth.Visitor {
	peer, err := netip.ParseAddrPort(c.Request.RemoteAddr)
	if err != nil {
		return auth.Visitor{Address: c.Request.RemoteAddr}
	}
	ip := peer.Addr().Unmap().WithZone("")
	return auth.Visitor{Address: ip.String(), Exempt: f.Exempt(ip)}
}
