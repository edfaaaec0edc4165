package gotify

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

type loginBody struct {
	Name string `json:"name"`
}

func (b *loginBody) readForm(values url.Values) error {
	b.Name = values.Get("name")
	return nil
}

// login opens a web session for a name and password and keeps its token in a
// cookie that scripts cannot read.
func (f *Face) login(c *gin.Context) error {
	shown := readCredentials(c.Request)
	if !shown.basic {
		return model.Errorf(model.Unauthenticated, "basic auth required")
	}
	ctx := c.Request.Context()
	person, err := f.Auth.ByPassword(ctx, shown.name, shown.pass, f.visitor(c))
	if model.KindOf(err) == model.Unauthenticated {
		return model.Errorf(model.Unauthenticated, "invalid credentials")
	}
	if err != nil {
		return err
	}
	var body loginBody
	if err := decode(c, &body); err != nil {
		return err
	}
	session, token, err := f.Auth.Login(ctx, person, body.Name)
	if err != nil {
		return err
	}
	f.setCookie(c, token, int(auth.SessionLifetime.Seconds()))
	writeJSON(c, http.StatusOK, toCurrentUser(person.User, session, f.Now()))
	return nil
}

// logout deletes the client that the request came with.
func (f *Face) logout(c *gin.Context) error {
	own := who(c).Client
	if own == nil {
		return model.Errorf(model.Forbidden, "no client auth provided")
	}
	err := f.Auth.DeleteClient(c.Request.Context(), own.UserID, own.ID)
	if err != nil && model.KindOf(err) != model.NotFound {
		return err
	}
	f.setCookie(c, "", -1)
	c.Status(http.StatusOK)
	return nil
}

func (f *Face) setCookie(c *gin.Context, token string, seconds int) {
	path := "/"
	if f.BaseURL != nil && f.BaseURL.Path != "" {
		path = f.BaseURL.Path
	}
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure follows the scheme: see secure
		Name: cookieName, Value: token, Path: path, MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: f.secure(c.Request),
	})
}

// secure reports whether the browser reached us by TLS, so that it will send a
// secure cookie back. Its Origin knows best; the router has put the scheme that
// a trusted proxy told into the URL.
func (f *Face) secure(r *http.Request) bool {
	if f.SecureCookie || r.TLS != nil || r.URL.Scheme == "https" {
		return true
	}
	if origin, err := url.Parse(r.Header.Get("Origin")); err == nil && origin.Scheme != "" {
		return origin.Scheme == "https"
	}
	return f.BaseURL != nil && f.BaseURL.Scheme == "https"
}
