package gotify

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestCurrentUser(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		me := As[object](user.Get("/current/user"))
		require.Equal(t, user.Name, me["name"])
		require.EqualValues(t, user.ID, me["id"])
		require.Equal(t, false, me["admin"])
		require.NotEmpty(t, me["createdAt"])
		require.NotContains(t, me, "clientId")
		require.NotContains(t, me, "elevatedUntil")

		device := user.NewDevice("phone")
		me = As[object](device.Get("/current/user"))
		require.EqualValues(t, device.ID, me["clientId"])
		require.NotContains(t, me, "elevatedUntil")
		require.Contains(t, As[object](user.Login().Get("/current/user")), "elevatedUntil")
		require.True(t, As[User](Admin(t, s).Get("/current/user")).Admin)
	})
}

func TestAdminManagesUsers(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		name := "Zoë 🔔 " + admin.Name
		made := As[User](admin.Post("/user", object{"name": name, "pass": "first"}))
		require.Equal(t, name, made.Name)
		require.False(t, made.Admin)
		path := fmt.Sprintf("/user/%d", made.ID)
		require.Equal(t, made, As[User](admin.Get(path)))
		require.Contains(t, As[[]User](admin.NewDevice("api").Get("/user")), made)
		require.NotContains(t, string(admin.Get("/user").Body), "pass")

		changed := As[User](admin.Post(path, object{"name": name + "!", "admin": true}))
		want := made
		want.Name, want.Admin = name+"!", true
		require.Equal(t, want, changed)
		zoe := Anonymous(t, s).Basic(name+"!", "first")
		require.True(t, As[User](zoe.Get("/current/user")).Admin, "no new password keeps the old one")
		As[User](admin.Post(path, object{"name": name, "pass": "", "admin": false}))
		Anonymous(t, s).Basic(name, "first").Get("/user").Refused(403)
		As[User](admin.Post(path, object{"name": name, "pass": "second"}))
		Anonymous(t, s).Basic(name, "first").Get("/current/user").Refused(401)
		Anonymous(t, s).Basic(name, "second").Get("/current/user").Want(200)

		admin.Delete(path).Empty(http.StatusOK)
		admin.Delete(path).Refused(404, "user does not exist")
		admin.Get(path).Refused(404, "user does not exist")
		admin.Post(path, object{"name": "x"}).Refused(404, "user does not exist")
		Anonymous(t, s).Basic(name, "second").Get("/current/user").Refused(401)
	})
}

func TestWrongUsers(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin, user := NewAdmin(t, s), NewPerson(t, s)
		c := admin.Loose()
		path := fmt.Sprintf("/user/%d", user.ID)
		admin.Post("/user", object{"name": user.Name, "pass": "x"}).Refused(400, "username already exists")
		admin.Post(path, object{"name": admin.Name}).Refused(400, "already exists")
		c.Post("/user", object{"pass": "x"}).Refused(400, "Field 'name' is required")
		c.Post("/user", object{"name": "no password " + user.Name}).Refused(400, "Field 'pass' is required")
		c.Post("/user", object{"name": "  ", "pass": "x"}).Refused(400)
		c.Post("/user", object{"name": strings.Repeat("x", 181), "pass": "x"}).Refused(400)
		c.Post("/user", object{"name": strings.Repeat("🔔", 200_000), "pass": "x"}).Refused(400)
		for _, body := range []string{"null", "[]", "5", `"x"`, "", "{", `{"name":null}`, `{"name":5}`, `{"name":"x","admin":"yes"}`} {
			c.Post(path, Raw{"application/json", []byte(body)}).ClientError()
			c.Post("/user", Raw{"application/json", []byte(body)}).ClientError()
		}
		require.Equal(t, user.Name, As[User](user.Get("/current/user")).Name)
	})
}

// Names differ by case and accents, and not by a space that nobody sees.
func TestUserNamesAreExact(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		name := "bob" + admin.Name
		admin.Post("/user", object{"name": name, "pass": "one"}).Want(200)
		admin.Post("/user", object{"name": strings.ToUpper(name), "pass": "two"}).Want(200)
		admin.Post("/user", object{"name": strings.Replace(name, "o", "ö", 1), "pass": "three"}).Want(200)
		admin.Loose().Post("/user", object{"name": name + " ", "pass": "four"}).Refused(400)
		c := Anonymous(t, s)
		c.Basic(name, "one").Get("/current/user").Want(200)
		c.Basic(strings.ToUpper(name), "two").Get("/current/user").Want(200)
		c.Basic(strings.ToUpper(name), "one").Get("/current/user").Refused(401)
		c.Basic(name+" ", "one").Get("/current/user").Refused(401)
		c.Basic(strings.Replace(name, "b", "B", 1), "one").Get("/current/user").Refused(401)
		longest := admin.Name + strings.Repeat("🔔", 180-len(admin.Name))
		require.Equal(t, longest, As[User](admin.Post("/user", object{"name": longest, "pass": "x"})).Name)
		c.Basic(longest, "x").Get("/current/user").Want(200)
	})
}

// Passwords of any length work, or are refused with a reason; none is cut off.
func TestPasswordsOfAnyLength(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		for i, password := range []string{
			"x", " ", strings.Repeat("a", 71), strings.Repeat("a", 72), strings.Repeat("a", 73), strings.Repeat("b", 1024),
			"pass:word:with:colons", "pässwörd 🔔 密码", "\x01\x7f", strings.Repeat("🔔", 256),
		} {
			name := fmt.Sprintf("%s-%d", admin.Name, i)
			answer := admin.Post("/user", object{"name": name, "pass": password})
			if answer.Status != 200 {
				answer.Refused(400)
				continue
			}
			Anonymous(t, s).Basic(name, password).Get("/current/user").Want(200)
			Anonymous(t, s).Basic(name, password+"a").Get("/current/user").Refused(401)
			if len(password) > 1 {
				Anonymous(t, s).Basic(name, password[:len(password)-1]).Get("/current/user").Refused(401)
			}
		}
		c := admin.Loose()
		c.Post("/user", object{"name": "long " + admin.Name, "pass": strings.Repeat("x", 200_000)}).Refused(400)
		c.Post("/user", object{"name": "empty " + admin.Name, "pass": ""}).Refused(400, "Field 'pass' is required")
		admin.Post("/current/user/password", object{"pass": strings.Repeat("c", 73)}).Empty(http.StatusOK)
		Anonymous(t, s).Basic(admin.Name, strings.Repeat("c", 73)).Get("/current/user").Want(200)
		Anonymous(t, s).Basic(admin.Name, strings.Repeat("c", 72)).Get("/current/user").Refused(401)
		// A password nobody can have is wrong, and nothing worse.
		Anonymous(t, s).Basic(admin.Name, strings.Repeat("x", 20_000)).Get("/current/user").Refused(401)
	})
}

// A new password keeps the phones, and ends everything a thief may have opened:
// web sessions and streams.
func TestChangePassword(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device, acting, other := user.NewDevice("phone"), user.Login(), user.Login()
		stream := device.Stream("/stream?token=" + device.Token)
		byPassword, byCookie := user.Stream("/stream"), other.Stream("/stream")

		c := acting.Loose()
		c.Post("/current/user/password", object{}).Refused(400, "Field 'pass' is required")
		c.Post("/current/user/password", object{"pass": ""}).Refused(400, "Field 'pass' is required")
		acting.Post("/current/user/password", object{"pass": "the new one"}).Empty(http.StatusOK)

		stream.Cut()
		byPassword.Cut()
		byCookie.Cut()
		user.Get("/current/user").Refused(401)
		Anonymous(t, s).Basic(user.Name, "the new one").Get("/current/user").Want(200)
		acting.Get("/current/user").Want(200)
		other.Get("/current/user").Refused(401)
		device.Get("/current/user").Want(200)
		device.Stream("/stream?token=" + device.Token)
	})
}

func TestAdminChangesPassword(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin, user := NewAdmin(t, s), NewPerson(t, s)
		device, browser := user.NewDevice("phone"), user.Login()
		stream := device.Stream("/stream?token=" + device.Token)
		admin.Post(fmt.Sprintf("/user/%d", user.ID), object{"name": user.Name, "pass": "the new one"}).Want(200)
		stream.Cut()
		user.Get("/current/user").Refused(401)
		browser.Get("/current/user").Refused(401)
		device.Get("/current/user").Want(200)
	})
}

func TestDeleteUser(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin, user, kept := NewAdmin(t, s), NewPerson(t, s), NewPerson(t, s)
		sender, device, browser := user.NewSender("app"), user.NewDevice("phone"), user.Login()
		image := As[Application](user.Post(fmt.Sprintf("/application/%d/image", sender.ID), upload(t, "file", "a.png", picturePNG(t)))).Image
		sender.Send("m")
		kept.NewSender("kept").Send("kept")
		stream, byPassword := device.Stream("/stream?token="+device.Token), user.Stream("/stream")

		admin.Delete(fmt.Sprintf("/user/%d", user.ID)).Empty(http.StatusOK)
		stream.Cut()
		byPassword.Cut()
		for _, c := range []*Caller{user.Caller, device.Caller, browser} {
			c.Get("/current/user").Refused(401)
		}
		sender.Post("/message", object{"message": "m"}).Refused(401)
		Anonymous(t, s).Get("/" + image).Refused(404)
		require.Len(t, kept.History(), 1)
		// The name is free again, and brings nothing back.
		again := As[User](admin.Post("/user", object{"name": user.Name, "pass": user.Password}))
		require.NotEqual(t, user.ID, again.ID)
		require.Empty(t, user.History())
		require.Empty(t, As[[]Application](user.Get("/application")))
	})
}

func TestRegistrationIsOff(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		body := object{"name": "new", "pass": "x"}
		Anonymous(t, s).Post("/user", body).Refused(401, "you are not allowed to access this api")
		NewPerson(t, s).Post("/user", body).Refused(403, "you are not allowed to access this api")
	})
}

func TestRegistration(t *testing.T) {
	own(t, map[string]string{"registration": "true"}, func(t *testing.T, s *server.Server) {
		require.Equal(t, true, As[object](Anonymous(t, s).Get("/gotifyinfo"))["register"])
		made := As[User](Anonymous(t, s).Post("/user", object{"name": "new", "pass": "my password"}))
		require.False(t, made.Admin)
		user := Anonymous(t, s).Basic("new", "my password")
		user.Get("/current/user").Want(200)
		user.Get("/user").Refused(403)
		Anonymous(t, s).Post("/user", object{"name": "boss", "pass": "x", "admin": true}).Refused(401, "you are not allowed to create an admin user")
		user.Post("/user", object{"name": "boss", "pass": "x", "admin": true}).Refused(403, "you are not allowed to create an admin user")
		user.Post("/user", object{"name": "friend", "pass": "x"}).Want(200)
		Anonymous(t, s).Post("/user", object{"name": "new", "pass": "x"}).Refused(400, "username already exists")
		require.Len(t, As[[]User](Admin(t, s).Get("/user")), 3)
	})
}

func TestLastAdminStays(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		admin := Admin(t, s)
		id := As[User](admin.Get("/current/user")).ID
		path := fmt.Sprintf("/user/%d", id)
		admin.Delete(path).Refused(400, "cannot delete last admin")
		admin.Post(path, object{"name": server.AdminName}).Refused(400, "cannot delete last admin")
		admin.Post(path, object{"name": server.AdminName, "admin": true}).Want(200)
		NewPerson(t, s)
		admin.Delete(path).Refused(400, "cannot delete last admin")

		// Admins who dismiss each other at the same moment leave one of them.
		for round := range 5 {
			second := NewAdmin(t, s)
			ids := []int64{id, second.ID}
			results := make(chan error, 2)
			for i, c := range []*Caller{admin, second.Caller} {
				other := fmt.Sprintf("/user/%d", ids[1-i])
				go func() {
					_, err := c.Try(t.Context(), "POST", other, object{"name": fmt.Sprintf("dismissed %d %d", round, i)})
					results <- err
				}()
			}
			require.NoError(t, <-results)
			require.NoError(t, <-results)
			if admin.Get("/user").Status != 200 {
				// The first one was dismissed, and renamed: the second reinstates it.
				second.Post(path, object{"name": server.AdminName, "admin": true}).Want(200)
			}
			admin.Delete(fmt.Sprintf("/user/%d", second.ID)).Want(200)
		}
	})
}
