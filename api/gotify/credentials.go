package gotify

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// cookieName is the session cookie's, as in Gotify 3.
const cookieName = "gotify-client-token"

// Keys of what authorize leaves in a request's context.
const (
	identityKey = "identity"
	tokenKey    = "token"
)

// credentials are what a request shows of itself.
type credentials struct {
	token      string
	fromCookie bool
	name, pass string
	basic      bool
}

// readCredentials looks for a token in the places where Gotify's and ntfy's
// clients put one, in Gotify's order, and for a name and password.
func readCredentials(r *http.Request) credentials {
	var c credentials
	query := r.URL.Query()
	authorization := r.Header.Get("Authorization")
	if authorization == "" {
		authorization = unwrap(query.Get("auth"))
	}
	scheme, value, _ := strings.Cut(authorization, " ")
	value = strings.TrimSpace(value)
	if strings.EqualFold(scheme, "basic") {
		c.name, c.pass, c.basic = parseBasic(value)
	}
	switch {
	case query.Get("token") != "":
		c.token = query.Get("token")
	case r.Header.Get("X-Gotify-Key") != "":
		c.token = r.Header.Get("X-Gotify-Key")
	case strings.EqualFold(scheme, "bearer") && value != "":
		c.token = value
	default:
		if cookie, err := r.Cookie(cookieName); err == nil && cookie.Value != "" {
			c.token, c.fromCookie = cookie.Value, true
		}
	}
	return c
}

// unwrap decodes ntfy's ?auth=, an Authorization header in base64url with or
// without padding.
func unwrap(encoded string) string {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return ""
	}
	return string(text)
}

func parseBasic(value string) (name, pass string, ok bool) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// authorize finds out on whose behalf the request acts and whether that is
// enough for the route.
//
// A token goes first, because a proxy may add a name and password of its own to
// every request. Name and password are tried when there is no good token, or
// when the token's powers are not enough: so a web session is elevated.
func (f *Face) authorize(c *gin.Context, n need) error {
	if n == nobody {
		return nil
	}
	shown := readCredentials(c.Request)
	var refusal error
	if shown.token != "" {
		if refusal = f.byToken(c, shown, n); refusal == nil {
			return nil
		}
	}
	if shown.basic {
		err := f.byPassword(c, shown, n)
		if refusal == nil || model.KindOf(refusal) == model.Unauthenticated || !beside(err) {
			return err
		}
	}
	if refusal != nil || n == anybody {
		return refusal
	}
	return auth.Unauthenticated()
}

// beside reports whether err only says that a name and password were not right
// or not enough: then they were meant for a proxy, and the token's refusal counts.
func beside(err error) bool {
	kind := model.KindOf(err)
	return kind == model.Unauthenticated || kind == model.Forbidden
}

func (f *Face) byToken(c *gin.Context, shown credentials, n need) error {
	if shown.fromCookie {
		if err := checkCrossSite(c.Request); err != nil {
			return err
		}
	}
	who, err := f.Auth.ByToken(c.Request.Context(), shown.token)
	if err != nil {
		return err
	}
	if err := f.enough(who, n); err != nil {
		return err
	}
	c.Set(identityKey, who)
	if !shown.fromCookie { // what is kept from scripts is not shown to them in an answer
		c.Set(tokenKey, shown.token)
	}
	return nil
}

// byPassword accepts a token as the password too, whatever the name.
func (f *Face) byPassword(c *gin.Context, shown credentials, n need) error {
	ctx := c.Request.Context()
	var who *model.Identity
	var err error
	if auth.LooksLikeToken(shown.pass) {
		who, err = f.Auth.ByToken(ctx, shown.pass)
	}
	if who == nil && (err == nil || model.KindOf(err) == model.Unauthenticated) {
		who, err = f.Auth.ByPassword(ctx, shown.name, shown.pass, f.visitor(c))
	}
	if err != nil {
		return err
	}
	if err := f.enough(who, n); err != nil {
		return err
	}
	c.Set(identityKey, who)
	if who.Credential != model.Password {
		c.Set(tokenKey, shown.pass)
	}
	return nil
}

func (f *Face) enough(who *model.Identity, n need) error {
	switch n {
	case anybody, person:
		return auth.RequirePerson(who)
	case maker:
		return f.Auth.RequireMaker(who)
	case elevated:
		return f.Auth.RequireElevated(who)
	case admin:
		return f.Auth.RequireAdmin(who)
	default:
		return nil
	}
}

// who returns the identity that authorize found, nil for a stranger.
func who(c *gin.Context) *model.Identity {
	identity, _ := c.Get(identityKey)
	found, _ := identity.(*model.Identity)
	return found
}

// visitor says where the request comes from. The router has put the client's
// own address into RemoteAddr when a trusted proxy told it.
func (f *Face) visitor(c *gin.Context) auth.Visitor {
	address, err := netip.ParseAddrPort(c.Request.RemoteAddr)
	if err != nil {
		return auth.Visitor{Address: c.Request.RemoteAddr}
	}
	ip := address.Addr().Unmap().WithZone("")
	return auth.Visitor{Address: ip.String(), Exempt: f.Exempt(ip)}
}
