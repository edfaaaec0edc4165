package gotify

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// session returns the session's cookie that an answer sets.
func session(t *testing.T, a *Answer) *http.Cookie {
	t.Helper()
	for _, cookie := range (&http.Response{Header: a.Header}).Cookies() {
		if cookie.Name == "gotify-client-token" {
			return cookie
		}
	}
	t.Fatalf("no session cookie in %v", a.Header)
	return nil
}

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		for _, body := range []any{object{"name": "Firefox"}, url.Values{"name": {"Firefox"}}} {
			answer := user.Post("/auth/local/login", body)
			me := As[User](answer)
			require.Equal(t, user.ID, me.ID)
			require.Equal(t, user.Name, me.Name)
			require.NotNil(t, me.ClientID)
			require.NotNil(t, me.ElevatedUntil)
			until, err := time.Parse(time.RFC3339Nano, *me.ElevatedUntil)
			require.NoError(t, err)
			require.WithinDuration(t, time.Now().Add(time.Hour), until, 5*time.Minute)

			cookie := session(t, answer)
			require.Regexp(t, tokenShape, cookie.Value)
			s.Secret(cookie.Value)
			require.Equal(t, "/", cookie.Path)
			require.Equal(t, 7*24*60*60, cookie.MaxAge)
			require.True(t, cookie.HttpOnly)
			require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
			require.False(t, cookie.Secure, "over plain HTTP a browser would drop it")
			require.NotContains(t, string(answer.Body), cookie.Value)

			browser := Anonymous(t, s).With("Cookie", "gotify-client-token="+cookie.Value)
			require.Equal(t, me.ClientID, As[User](browser.Get("/current/user")).ClientID)
		}
		clients := As[[]Client](user.Get("/client"))
		require.Len(t, clients, 2)
		require.Equal(t, "Firefox", clients[0].Name)
		require.EqualValues(t, 7*24*60*60, clients[0].ExpiresAfterInactivitySeconds)
	})
}

func TestWrongLogins(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device, nobody := user.NewDevice("phone"), Anonymous(t, s)
		body := object{"name": "Firefox"}
		nobody.Post("/auth/local/login", body).Refused(401, "basic auth required")
		device.Post("/auth/local/login", body).Refused(401, "basic auth required")
		nobody.Basic(user.Name, "wrong").Post("/auth/local/login", body).Refused(401, "invalid credentials")
		nobody.Basic("nobody", "wrong").Post("/auth/local/login", body).Refused(401, "invalid credentials")
		user.Loose().Post("/auth/local/login", object{}).Refused(400, "Field 'name' is required")
		require.Len(t, As[[]Client](user.Get("/client")), 1)
	})
}

func TestLogout(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		user.Post("/auth/logout", nil).Refused(403, "no client auth provided")
		for what, c := range map[string]*Caller{"session": user.LoginPlain(), "API client": user.NewDevice("phone").Caller} {
			id := *As[User](c.Get("/current/user")).ClientID
			stream := c.Stream("/stream")
			answer := c.Post("/auth/logout", nil).Empty(http.StatusOK)
			cookie := session(t, answer)
			require.Empty(t, cookie.Value)
			require.Negative(t, cookie.MaxAge, "%s: the cookie is cleared", what)
			stream.Cut()
			c.Get("/current/user").Refused(401)
			user.Put(fmt.Sprintf("/client/%d", id), object{"name": "x"}).Refused(404)
		}
	})
}

// The cookie is marked Secure when the browser came by HTTPS.
func TestSecureCookie(t *testing.T) {
	login := func(c *Caller) bool {
		return session(t, c.Post("/auth/local/login", object{"name": "b"}).Want(200)).Secure
	}
	t.Run("trusted proxy", func(t *testing.T) {
		own(t, map[string]string{"server.trustedproxies": "127.0.0.0/8"}, func(t *testing.T, s *server.Server) {
			user := NewPerson(t, s)
			require.True(t, login(user.With("X-Forwarded-Proto", "https")))
			require.False(t, login(user.With("X-Forwarded-Proto", "http")))
			require.False(t, login(user.Caller))
		})
	})
	t.Run("unknown proxy", func(t *testing.T) {
		each(t, func(t *testing.T, s *server.Server) {
			require.False(t, login(NewPerson(t, s).With("X-Forwarded-Proto", "https")))
		})
	})
	t.Run("base URL", func(t *testing.T) {
		own(t, map[string]string{"server.baseurl": "https://push.example.com"}, func(t *testing.T, s *server.Server) {
			require.True(t, login(NewPerson(t, s).Caller))
		})
	})
}

// A session is elevated again with the password, and then may do everything.
func TestElevateSession(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		browser := user.LoginPlain()
		me := As[User](browser.Get("/current/user"))
		require.Nil(t, me.ElevatedUntil)
		path := fmt.Sprintf("/client/%d/elevate", *me.ClientID)
		browser.Post(path, object{"durationSeconds": 60}).Refused(403, "session not elevated")
		browser.Post("/current/user/password", object{"pass": user.Password}).Refused(403, "session not elevated")
		// The page asks for the password, the browser sends the cookie with it.
		browser.Basic(user.Name, user.Password).Post(path, object{"durationSeconds": 60}).Empty(http.StatusNoContent)
		browser.Post("/current/user/password", object{"pass": user.Password}).Empty(http.StatusOK)
	})
}

// An elevation ends by itself.
func TestElevationEnds(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		browser := user.LoginPlain()
		path := fmt.Sprintf("/client/%d/elevate", *As[User](browser.Get("/current/user")).ClientID)
		user.Post(path, object{"durationSeconds": 1}).Empty(http.StatusNoContent)
		Until(t, "the elevation ends", func() bool { return As[User](browser.Get("/current/user")).ElevatedUntil == nil })
		browser.Post("/current/user/password", object{"pass": user.Password}).Refused(403, "session not elevated")
	})
}

// An admin's session that is not elevated creates no users: whoever steals the
// cookie could make an admin with a password of their own.
func TestPlainSessionCreatesNoUsers(t *testing.T) {
	own(t, map[string]string{"registration": "true"}, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		browser := admin.LoginPlain()
		browser.Post("/user", object{"name": "back door", "pass": "x", "admin": true}).Refused(403)
		Anonymous(t, s).Basic("back door", "x").Get("/current/user").Refused(401)
		admin.Login().Post("/user", object{"name": "front door", "pass": "x", "admin": true}).Want(200)
	})
}
