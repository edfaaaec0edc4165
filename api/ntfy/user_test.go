package ntfy

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

func TestUsers(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	add := func(body string) int { return s.by("root", http.MethodPost, "/v1/users", body).Code }
	require.Equal(t, http.StatusOK, add(`{"username":"bob","password":"the password of bob","tier":"pro"}`))
	answered(t, 40901, s.by("root", http.MethodPost, "/v1/users", `{"username":"bob","password":"other"}`))
	for body, code := range map[string]int{
		`{"username":"carl"}`: 40000,
		`{"password":"x"}`:    40000,
		`{"username":"carl","password":"x","hash":"$2a$10$x"}`: 40000,
		`{"username":"a:b","password":"x"}`:                    40000,
		`{"username":"a\u0000b","password":"x"}`:               40000,
		`{"username":"*","password":"x"}`:                      40046,
		`{"username":"everyone","password":"x"}`:               40046,
		`{"username":7,"password":"x"}`:                        40024,
		``:                                                     40024,
	} {
		answered(t, code, s.by("root", http.MethodPost, "/v1/users", body))
	}
	require.Equal(t, "bob", fields(t, s.by("bob", http.MethodGet, "/v1/account", ""))["username"])

	access := func(method, body string) {
		t.Helper()
		require.Equal(t, map[string]any{"success": true}, fields(t, s.by("root", method, "/v1/users/access", body)))
	}
	access(http.MethodPut, `{"username":"bob","topic":"door-*","permission":"ro"}`)
	access(http.MethodPost, `{"username":"bob","topic":"camera","permission":"read-write"}`)
	access(http.MethodPut, `{"username":"*","topic":"news","permission":"wo"}`)
	access(http.MethodPut, `{"username":"everyone","topic":"secret","permission":"deny"}`)
	access(http.MethodPut, `{"username":"everyone","topic":"news","permission":"ro"}`) // in the place of the other
	w := s.by("root", http.MethodGet, "/v1/users", "")
	require.Equal(t, `[{"username":"root","role":"admin"},{"username":"alice","role":"user"},`+
		`{"username":"bob","role":"user","grants":[{"topic":"door-*","permission":"read-only"},{"topic":"camera","permission":"read-write"}]},`+
		`{"username":"*","role":"anonymous","grants":[{"topic":"secret","permission":"deny-all"},{"topic":"news","permission":"read-only"}]}]`+"\n", w.Body.String())
	require.Equal(t, model.Permission{Read: true}, s.Auth.May(nil, "news", nil))

	access(http.MethodDelete, `{"username":"bob","topic":"camera"}`)
	access(http.MethodDelete, `{"username":"bob","topic":"camera"}`)
	access(http.MethodDelete, `{"username":"*"}`)
	w = s.by("root", http.MethodGet, "/v1/users", "")
	require.Contains(t, w.Body.String(), `{"username":"bob","role":"user","grants":[{"topic":"door-*","permission":"read-only"}]},{"username":"*","role":"anonymous"}]`)

	fields(t, s.by("root", http.MethodPut, "/v1/users", `{"username":"bob","password":"new"}`))
	answered(t, 40101, s.by("bob", http.MethodGet, "/v1/account", ""))
	fields(t, s.call(http.MethodGet, "/v1/account", "", "Authorization", basicValue("bob", "new")))
	fields(t, s.by("root", http.MethodPut, "/v1/users", `{"username":"dora","password":"the password of dora"}`))
	require.Equal(t, "user", fields(t, s.by("dora", http.MethodGet, "/v1/account", ""))["role"])
	answered(t, 40301, s.by("root", http.MethodPut, "/v1/users", `{"username":"root","password":"new"}`))

	fields(t, s.by("root", http.MethodDelete, "/v1/users", `{"username":"dora"}`))
	answered(t, 40101, s.by("dora", http.MethodGet, "/v1/account", ""))
	answered(t, 40031, s.by("root", http.MethodDelete, "/v1/users", `{"username":"dora"}`))
	answered(t, 40031, s.by("root", http.MethodDelete, "/v1/users", `{"username":"*"}`))
	answered(t, 40101, s.by("root", http.MethodDelete, "/v1/users", `{"username":"root"}`))
}

func TestAccessThatCannotBe(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	for body, code := range map[string]int{
		`{"username":"nobody","topic":"a","permission":"rw"}`:  40031,
		`{"username":"","topic":"a","permission":"rw"}`:        40031,
		`{"username":"a\u0000","topic":"a","permission":"rw"}`: 40031,
		`{"username":"alice","topic":"a","permission":"all"}`:  40025,
		`{"username":"alice","topic":"a"}`:                     40025,
		`{"username":"alice","topic":"a b","permission":"rw"}`: 40009,
		`{"username":"alice","topic":"","permission":"rw"}`:    40009,
		`{"username":"alice","topic":["a"],"permission":"rw"}`: 40024,
	} {
		answered(t, code, s.by("root", http.MethodPut, "/v1/users/access", body))
	}
	answered(t, 40031, s.by("root", http.MethodDelete, "/v1/users/access", `{"username":"nobody"}`))
	answered(t, 40009, s.by("root", http.MethodDelete, "/v1/users/access", `{"username":"alice","topic":"a/b"}`))
	for text, want := range map[string]model.Permission{
		"rw": {Read: true, Write: true}, "read-write": {Read: true, Write: true}, "RW": {Read: true, Write: true},
		"ro": {Read: true}, "read-only": {Read: true}, "read": {Read: true},
		"wo": {Write: true}, "write-only": {Write: true}, "write": {Write: true},
		"none": {}, "deny": {}, "deny-all": {},
	} {
		p, err := parsePermission(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p, text)
		again, err := parsePermission(permissionName(p))
		require.NoError(t, err)
		require.Equal(t, p, again)
	}
}

// A user who got the name on Gotify's side is not taken for everyone.
func TestAUserCalledEveryone(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	u := s.person("everyone", false)
	fields(t, s.by("root", http.MethodPut, "/v1/users/access", `{"username":"everyone","topic":"news","permission":"rw"}`))
	rules, err := s.Reader.AccessRules(t.Context())
	require.NoError(t, err)
	require.Len(t, rules, 1)
	require.Equal(t, &u.ID, rules[0].UserID)
}

func TestWhoIsNoAdmin(t *testing.T) {
	s := newSite(t, Limits{}, broker.AttachmentLimits{})
	limited := fields(t, s.by("root", http.MethodPost, "/v1/account/token", `{"topics":["a"]}`))["token"].(string)
	full := fields(t, s.by("root", http.MethodPost, "/v1/account/token", ""))["token"].(string)
	application, client := s.tokens()
	for _, route := range []struct{ method, path string }{
		{http.MethodGet, "/v1/users"}, {http.MethodPost, "/v1/users"}, {http.MethodPut, "/v1/users"}, {http.MethodDelete, "/v1/users"},
		{http.MethodPost, "/v1/users/access"}, {http.MethodPut, "/v1/users/access"}, {http.MethodDelete, "/v1/users/access"},
		{http.MethodGet, "/v1/version"},
	} {
		const body = `{"username":"alice","password":"x","topic":"a","permission":"rw"}`
		answered(t, 40101, s.call(route.method, route.path, body))
		answered(t, 40101, s.by("alice", route.method, route.path, body))
		answered(t, 40101, s.call(route.method, route.path, body, "Authorization", "Bearer "+application))
		answered(t, 40101, s.call(route.method, route.path, body, "Authorization", "Bearer "+client))
		answered(t, 40301, s.call(route.method, route.path, body, "Authorization", "Bearer "+limited))
	}
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/v1/users", "", "Authorization", "Bearer "+full).Code)
	_, session, err := s.Auth.CreateClient(t.Context(), s.admin.ID, "root's phone", 0)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/v1/users", "", "Authorization", "Bearer "+session).Code)
}
