package auth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestWhoMayRegister(t *testing.T) {
	const notAllowed, notAdmin = "you are not allowed to access this api", "you are not allowed to create an admin user"
	for _, c := range []struct {
		who         string
		open, admin bool
		kind        model.Kind
		text        string
	}{
		{"nobody", false, false, model.Unauthenticated, notAllowed},
		{"nobody", false, true, model.Unauthenticated, notAllowed},
		{"nobody", true, false, 0, ""},
		{"nobody", true, true, model.Unauthenticated, notAdmin},
		{"user", false, false, model.Forbidden, notAllowed},
		{"user", false, true, model.Forbidden, notAllowed},
		{"user", true, false, 0, ""},
		{"user", true, true, model.Forbidden, notAdmin},
		{"admin", false, false, 0, ""},
		{"admin", false, true, 0, ""},
		{"admin", true, true, 0, ""},
		{"session of admin", false, true, model.Forbidden, "session not elevated, use basic auth or call /client:elevate"},
		{"session of admin", true, false, model.Forbidden, "session not elevated, use basic auth or call /client:elevate"},
	} {
		h := newHouse(t)
		h.Registration = c.open
		calls := counted(h.Passwords)
		identities := map[string]*model.Identity{
			"user":             {Credential: model.Password, User: &model.User{ID: 1}},
			"admin":            {Credential: model.Password, User: &model.User{ID: 2, Admin: true}},
			"session of admin": {Credential: model.ClientToken, User: &model.User{ID: 2, Admin: true}, Client: &model.Client{Session: true}},
		}
		made, err := h.Register(t.Context(), identities[c.who], Visitor{Address: "192.0.2.1"}, UserEdit{Name: "new", Password: "x", Admin: c.admin})
		if c.text != "" {
			require.EqualError(t, err, c.text, "%+v", c)
			requireKind(t, c.kind, err)
			require.Empty(t, calls(), "who may not must not cost a hash")
			continue
		}
		require.NoError(t, err, "%+v", c)
		require.Equal(t, c.admin, made.Admin)
		require.Len(t, calls(), 1)
	}
}

func TestStrangersRegisterSlowly(t *testing.T) {
	h := newHouse(t)
	h.Registration = true
	register := func(name string, who *model.Identity, from Visitor) error {
		_, err := h.Register(t.Context(), who, from, UserEdit{Name: name, Password: "x"})
		return err
	}
	from := Visitor{Address: "192.0.2.1"}
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, register(name, nil, from))
	}
	requireKind(t, model.TooMany, register("d", nil, from))
	require.NoError(t, register("e", nil, Visitor{Address: "192.0.2.1", Exempt: true}))
	requireKind(t, model.TooMany, register("f", &model.Identity{Credential: model.Password, User: &model.User{}}, from))
	admin := &model.Identity{Credential: model.Password, User: &model.User{Admin: true}}
	require.NoError(t, register("g", admin, from))
}

func TestUserNames(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"", " ", " a", "a ", "a:b", "a\nb", "a\x7fb", "a\x00b", "\xff", strings.Repeat("x", 181), "\ta", "admin\u200b", "\ufeff", "\u202eadmin", "a\u0085b"} {
		_, err := h.CreateUser(t.Context(), UserEdit{Name: name, Password: "x"})
		requireKind(t, model.Invalid, err)
	}
	for _, name := range []string{"a", "A", "a b", "钟 🔔", strings.Repeat("🔔", 180)} {
		_, err := h.CreateUser(t.Context(), UserEdit{Name: name, Password: "x"})
		require.NoError(t, err, name)
	}
	_, err := h.CreateUser(t.Context(), UserEdit{Name: "a", Password: "x"})
	require.ErrorContains(t, err, "username already exists")
	requireKind(t, model.Invalid, err)
	for _, password := range []string{"", strings.Repeat("x", MaxPasswordLength+1)} {
		_, err := h.CreateUser(t.Context(), UserEdit{Name: "new", Password: password})
		requireKind(t, model.Invalid, err)
	}
}

func TestCreateFirstUser(t *testing.T) {
	h := newHouse(t)
	created, err := h.CreateFirstUser(t.Context(), "boss", "password of boss")
	require.NoError(t, err)
	require.True(t, created)
	created, err = h.CreateFirstUser(t.Context(), "second", "x")
	require.NoError(t, err)
	require.False(t, created)
	users, err := h.DB.Users(t.Context())
	require.NoError(t, err)
	require.Len(t, users, 1)
	require.True(t, users[0].Admin)
	h.byPassword(users[0])
}

func TestUpdateUser(t *testing.T) {
	h := newHouse(t)
	h.newUser("admin", true)
	ada := h.newUser("ada", false)
	require.NoError(t, h.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: "lovelace"}))
	_, err := h.ByPassword(t.Context(), "ada", "password of ada", Visitor{})
	requireKind(t, model.Unauthenticated, err)
	_, err = h.ByPassword(t.Context(), "lovelace", "password of ada", Visitor{})
	require.NoError(t, err)
	require.Empty(t, h.takeEnded())

	err = h.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: "admin"})
	requireKind(t, model.Invalid, err)
	require.ErrorContains(t, err, "username already exists")
	requireKind(t, model.Invalid, h.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: " "}))
	requireKind(t, model.Invalid, h.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: "x", Password: strings.Repeat("x", 2000)}))

	calls := counted(h.Passwords)
	requireKind(t, model.NotFound, h.UpdateUser(t.Context(), nil, 987654321, UserEdit{Name: "x", Password: "y"}))
	require.Empty(t, calls())
}

func TestLastAdminStays(t *testing.T) {
	h := newHouse(t)
	admin := h.newUser("admin", true)
	err := h.UpdateUser(t.Context(), nil, admin.ID, UserEdit{Name: "admin"})
	requireKind(t, model.Invalid, err)
	require.EqualError(t, err, "cannot delete last admin")
	require.EqualError(t, h.DeleteUser(t.Context(), admin.ID), "cannot delete last admin")
	require.Empty(t, h.takeEnded())
	require.True(t, h.byPassword(admin).User.Admin)
}

// A new password ends the other web sessions and all streams; API clients stay.
func TestNewPassword(t *testing.T) {
	for name, change := range map[string]func(h *house, who *model.Identity, id int64) error{
		"own": func(h *house, who *model.Identity, id int64) error {
			return h.ChangePassword(h.ctx(), who, id, "new password")
		},
		"by an admin": func(h *house, who *model.Identity, id int64) error {
			return h.UpdateUser(h.ctx(), who, id, UserEdit{Name: "ada", Password: "new password"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			ada, bob := h.newUser("ada", false), h.newUser("bob", false)
			_, mine := h.newSession(ada)
			_, other := h.newSession(ada)
			_, api := h.newClient(ada)
			_, foreign := h.newSession(bob)
			for _, token := range []string{mine, other, api, foreign} {
				h.byToken(token)
			}
			require.NoError(t, change(h, h.byToken(mine), ada.ID))
			h.byToken(mine)
			h.noToken(other)
			h.byToken(api)
			h.byToken(foreign)
			require.Equal(t, []ending{{ada.ID, 0}}, h.takeEnded())
			_, err := h.ByPassword(t.Context(), "ada", "new password", Visitor{})
			require.NoError(t, err)
			_, err = h.ByPassword(t.Context(), "ada", "password of ada", Visitor{})
			requireKind(t, model.Unauthenticated, err)
		})
	}
}
