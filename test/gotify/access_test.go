package gotify

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// route is a request that needs somebody who reads and manages.
type route struct {
	method, path string
	body         any
}

// routes returns the requests that need a client token or a password: those
// everybody may make, those that need elevation, and those that need an admin,
// who has to be elevated too. The ids are of things that exist.
func routes(sender *Sender, device *Device, user *Person) (plain, elevated, admin []route) {
	plain = []route{
		{"GET", "/message", nil}, {"DELETE", fmt.Sprintf("/message/%d", sender.Send("m").ID), nil}, {"DELETE", "/message", nil},
		{"GET", "/application", nil}, {"POST", "/application", object{"name": "made"}},
		{"PUT", fmt.Sprintf("/application/%d", sender.ID), object{"name": "changed"}},
		{"POST", fmt.Sprintf("/application/%d/image", sender.ID), upload(sender.T.(*testing.T), "file", "a.png", picturePNG(sender.T.(*testing.T)))},
		{"DELETE", fmt.Sprintf("/application/%d/image", sender.ID), nil},
		{"GET", fmt.Sprintf("/application/%d/message", sender.ID), nil}, {"DELETE", fmt.Sprintf("/application/%d/message", sender.ID), nil},
		{"GET", "/client", nil},
		{"PUT", fmt.Sprintf("/client/%d", device.ID), object{"name": "changed"}},
		{"GET", "/current/user", nil},
	}
	elevated = []route{
		{"POST", "/client", object{"name": "made"}}, // its token could do what the session may not
		{"PUT", fmt.Sprintf("/application/%d/security", sender.ID), object{"regenerateToken": false}},
		{"POST", fmt.Sprintf("/client/%d/elevate", device.ID), object{"durationSeconds": -1}},
		{"POST", "/current/user/password", object{"pass": user.Password}},
		{"DELETE", fmt.Sprintf("/client/%d", device.ID), nil},
		{"DELETE", fmt.Sprintf("/application/%d", sender.ID), nil},
	}
	admin = []route{
		{"GET", "/user", nil}, {"GET", fmt.Sprintf("/user/%d", user.ID), nil},
		{"POST", fmt.Sprintf("/user/%d", user.ID), object{"name": user.Name, "admin": true}},
		{"DELETE", "/user/987654321", nil},
		{"POST", "/user", object{"name": "made by " + user.Name, "pass": "a password"}},
	}
	return plain, elevated, admin
}

// world is one user with everything that routes needs.
func world(t *testing.T, s *server.Server, admin bool) (user *Person, sender *Sender, device *Device) {
	t.Helper()
	user = newPerson(t, s, admin)
	return user, user.NewSender("app"), user.NewDevice("device")
}

func all(lists ...[]route) []route {
	var all []route
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func TestNobodyGets401(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, sender, device := world(t, s, false)
		plain, elevated, admin := routes(sender, device, user)
		nobody := Anonymous(t, s)
		for what, c := range map[string]*Caller{
			"no credentials": nobody, "unknown client token": nobody.Key("Cunknownunknown"),
			"unknown application token": nobody.Key("Aunknownunknown"), "garbage": nobody.With("Authorization", "Bearer \x80\xff"),
			"wrong password": nobody.Basic(user.Name, "wrong"), "unknown user": nobody.Basic("nobody "+user.Name, "wrong"),
			"no password": nobody.Basic(user.Name, ""), "other scheme": nobody.With("Authorization", "Digest x"),
			"broken basic": nobody.With("Authorization", "Basic ???"), "NUL in the name": nobody.Basic("a\x00b", "x"),
			"long token": nobody.Key(strings.Repeat("x", 3000)),
		} {
			t.Run(what, func(t *testing.T) {
				targets := all(plain, elevated, admin)
				if strings.Contains(what, "password") || strings.Contains(what, "user") {
					targets = targets[:3] // each costs a hash
				}
				for _, r := range targets {
					answer := c.On(t).Do(r.method, r.path, r.body)
					answer.Refused(401)
					require.Empty(t, answer.Header.Get("WWW-Authenticate"), "a browser would ask for a password")
				}
				c.On(t).Post("/message", object{"message": "m", "appid": sender.ID}).Refused(401)
				c.On(t).RefusedStream("/stream").Refused(401)
			})
		}
		nobody.Get("/message").Refused(401, "you need to provide a valid access token or user credentials to access this api")
		nobody.Post("/auth/logout", nil).Refused(401)
		require.Len(t, user.History(), 1)
	})
}

func TestApplicationTokenOnlyPosts(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, sender, device := world(t, s, true)
		plain, elevated, admin := routes(sender, device, user)
		for _, r := range all(plain, elevated, admin) {
			sender.Do(r.method, r.path, r.body).Refused(403, "application token")
		}
		sender.Post("/auth/logout", nil).Refused(403)
		sender.RefusedStream("/stream").Refused(403, "application token")
		Anonymous(t, s).RefusedStream("/stream?token="+sender.Token).Refused(403, "application token")
		sender.Send("and it still posts")
	})
}

// With the default setting, only web sessions need to be elevated.
func TestElevationOfSessions(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for what, login := range map[string]func(*Person) *Caller{
			"password":         func(p *Person) *Caller { return p.Caller },
			"client token":     func(p *Person) *Caller { return p.NewDevice("api").Caller },
			"elevated session": (*Person).Login,
		} {
			t.Run(what, func(t *testing.T) {
				user, sender, device := world(t, s, true)
				allowed(t, login(user), user, sender, device)
			})
		}
		t.Run("plain session", func(t *testing.T) {
			user, sender, device := world(t, s, true)
			needsElevation(t, user.LoginPlain(), user, sender, device)
		})
	})
}

func TestElevationOfAll(t *testing.T) {
	own(t, map[string]string{"auth.elevation": "all"}, func(t *testing.T, s *server.Server) {
		user, sender, device := world(t, s, true)
		makeClient := route{"POST", "/client", object{"name": "made"}} // which is not elevated either
		needsElevation(t, user.LoginPlain(), user, sender, device, makeClient)
		api := user.NewDevice("api")
		needsElevation(t, api.Caller, user, sender, device, makeClient)
		user.Post(fmt.Sprintf("/client/%d/elevate", api.ID), object{"durationSeconds": 600}).Empty(http.StatusNoContent)
		allowed(t, api.Caller, user, sender, device)

		user, sender, device = world(t, s, true)
		allowed(t, user.Caller, user, sender, device)
		user, sender, device = world(t, s, true)
		allowed(t, user.Login(), user, sender, device)
	})
}

func TestElevationOff(t *testing.T) {
	own(t, map[string]string{"auth.elevation": "off"}, func(t *testing.T, s *server.Server) {
		user, sender, device := world(t, s, true)
		allowed(t, user.LoginPlain(), user, sender, device)
		user, sender, device = world(t, s, true)
		allowed(t, user.NewDevice("api").Caller, user, sender, device)
	})
}

// allowed makes all requests as c, which may make them.
func allowed(t *testing.T, c *Caller, user *Person, sender *Sender, device *Device) {
	t.Helper()
	plain, elevated, admin := routes(sender, device, user)
	for _, r := range all(plain, admin, elevated) {
		answer := c.On(t).Do(r.method, r.path, r.body)
		if answer.Status != 200 && answer.Status != 204 && r.path != "/user/987654321" {
			t.Errorf("%s %s: %d %s", r.method, r.path, answer.Status, answer.Body)
		}
		require.NotEqual(t, 403, answer.Status)
		if r.path == "/current/user/password" {
			// A new password ends other sessions, never the one that changed it.
			c.On(t).Get("/current/user").Want(200)
		}
	}
}

// needsElevation makes all requests as c, which is not elevated and may make the
// plain ones and those in free.
func needsElevation(t *testing.T, c *Caller, user *Person, sender *Sender, device *Device, free ...route) {
	t.Helper()
	plain, elevated, admin := routes(sender, device, user)
	for _, r := range all(plain, free) {
		c.On(t).Do(r.method, r.path, r.body).Want(200)
	}
	for _, r := range all(elevated, admin) {
		if slices.ContainsFunc(free, func(f route) bool { return f.method+f.path == r.method+r.path }) {
			continue
		}
		c.On(t).Do(r.method, r.path, r.body).Refused(403, "session not elevated, use basic auth or call /client:elevate")
	}
}

// Every client may end itself, however plain it is.
func TestClientMayDeleteItself(t *testing.T) {
	own(t, map[string]string{"auth.elevation": "all"}, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device := user.NewDevice("phone")
		device.Delete(fmt.Sprintf("/client/%d", device.ID)).Empty(http.StatusOK)
		device.Get("/current/user").Refused(401)

		browser := user.LoginPlain()
		id := *As[User](browser.Get("/current/user")).ClientID
		browser.Delete(fmt.Sprintf("/client/%d", id)).Empty(http.StatusOK)
		browser.Get("/current/user").Refused(401)
	})
}

// Only admins manage users; whoever is none learns nothing, elevated or not.
func TestOnlyAdminsManageUsers(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, sender, device := world(t, s, false)
		_, _, admin := routes(sender, device, user)
		for _, c := range []*Caller{user.Caller, device.Caller, user.Login()} {
			for _, r := range admin {
				c.Do(r.method, r.path, r.body).Refused(403, "you are not allowed to access this api")
			}
		}
	})
}
