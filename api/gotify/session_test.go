package gotify

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
)

func cookieOf(t *testing.T, answer *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	cookies := answer.Result().Cookies()
	require.Len(t, cookies, 1)
	require.Equal(t, cookieName, cookies[0].Name)
	return cookies[0]
}

func TestLogin(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	answer := h.do("POST", "/auth/local/login", `{"name":"Firefox","expiresAfterInactivitySeconds":5}`, ada.basic()...)
	me := fields[currentUser](t, answer)
	require.Equal(t, ada.user.ID, me.ID)
	require.NotZero(t, me.ClientID)
	require.NotNil(t, me.ElevatedUntil)
	cookie := cookieOf(t, answer)
	require.Regexp(t, "^C.{14}$", cookie.Value)
	require.NotContains(t, answer.Body.String(), cookie.Value)
	require.Equal(t, fmt.Sprintf("gotify-client-token=%s; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict", cookie.Value), answer.Header().Get("Set-Cookie"))

	// What scripts must not see stands in no answer either.
	list := h.do("GET", "/client", "", "Cookie", answer.Header().Get("Set-Cookie"))
	require.Equal(t, 200, list.Code)
	require.NotContains(t, list.Body.String(), cookie.Value)
	changed := h.do("PUT", fmt.Sprintf("/client/%d", me.ClientID), `{"name":"x"}`, "Cookie", answer.Header().Get("Set-Cookie"))
	require.Equal(t, 200, changed.Code)
	require.NotContains(t, changed.Body.String(), cookie.Value)

	out := h.do("POST", "/auth/logout", "", "Cookie", answer.Header().Get("Set-Cookie"))
	require.Equal(t, 200, out.Code)
	require.Empty(t, out.Body.String())
	require.Equal(t, "gotify-client-token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", out.Header().Get("Set-Cookie"))
	refused(t, h.do("GET", "/client", "", "Cookie", answer.Header().Get("Set-Cookie")), 401)
	require.NotContains(t, h.log.String(), cookie.Value)
}

func TestWrongLogins(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	_, token := ada.newClient()
	require.Equal(t, "basic auth required", refused(t, h.do("POST", "/auth/local/login", `{"name":"x"}`), 401))
	require.Equal(t, "basic auth required", refused(t, h.do("POST", "/auth/local/login", `{"name":"x"}`, "X-Gotify-Key", token), 401))
	require.Equal(t, "Field 'name' is required", refused(t, h.do("POST", "/auth/local/login", `{}`, ada.basic()...), 400))
	ada.pass = token // a token is no password here
	require.Equal(t, "invalid credentials", refused(t, h.do("POST", "/auth/local/login", `{"name":"x"}`, ada.basic()...), 401))
	ada.pass = "guess"
	for range 2 {
		require.Equal(t, "invalid credentials", refused(t, h.do("POST", "/auth/local/login", `{"name":"x"}`, ada.basic()...), 401))
	}
	refused(t, h.do("POST", "/auth/local/login", `{"name":"x"}`, ada.basic()...), 429)
	require.Equal(t, "no client auth provided", refused(t, newHouse(t, nil).newPerson("bob", false).logoutByPassword(), 403))
}

func (p *resident) logoutByPassword() *httptest.ResponseRecorder {
	return p.do("POST", "/auth/logout", "", p.basic()...)
}

func TestCookiesAreSecure(t *testing.T) {
	for _, c := range []struct {
		what, base, origin, scheme string
		setting, tls               bool
		path                       string
		want                       bool
	}{
		{what: "plain", path: "/"},
		{what: "TLS", tls: true, path: "/", want: true},
		{what: "a proxy's word", scheme: "https", path: "/", want: true},
		{what: "setting", setting: true, path: "/", want: true},
		{what: "base", base: "https://push.example.com", path: "/", want: true},
		{what: "base with a path", base: "https://push.example.com/a/b", path: "/a/b", want: true},
		{what: "plain base", base: "http://push.example.com/a", path: "/a"},
		{what: "the browser's word", origin: "https://example.com", path: "/", want: true},
		{what: "the browser's word against the base", base: "https://push.example.com", origin: "http://example.com", path: "/"},
	} {
		t.Run(c.what, func(t *testing.T) {
			h := newHouse(t, func(o *Options, _ *authOptions) {
				o.SecureCookie = c.setting
				if c.base != "" {
					o.BaseURL, _ = url.Parse(c.base)
				}
			})
			ada := h.newPerson("ada", false)
			r := httptest.NewRequest("POST", "/auth/local/login", strings.NewReader(`{"name":"x"}`))
			r.Header.Set("Content-Type", "application/json")
			r.SetBasicAuth(ada.user.Name, ada.pass)
			r.URL.Scheme = c.scheme
			if c.tls {
				r.TLS = new(tls.ConnectionState)
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			cookie := cookieOf(t, h.serve1(r))
			require.Equal(t, c.want, cookie.Secure)
			require.Equal(t, c.path, cookie.Path)
			require.True(t, cookie.HttpOnly)
			require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
		})
	}
}

// An API client finds itself by its own token: Android up to 2.9 needs it.
func TestOwnTokenIsShown(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	own, token := ada.newClient()
	other, _ := ada.newClient()
	for _, headers := range [][]string{{"X-Gotify-Key", token}, {"Authorization", "Bearer " + token}, ada.basic()} {
		want := map[int64]string{own.ID: token, other.ID: ""}
		if headers[0] == "Authorization" && strings.HasPrefix(headers[1], "Basic") {
			want[own.ID] = ""
		}
		got := map[int64]string{}
		for _, c := range fields[[]client](t, h.do("GET", "/client", "", headers...)) {
			got[c.ID] = c.Token
		}
		require.Equal(t, want, got)
	}
	require.Equal(t, 200, h.do("DELETE", fmt.Sprintf("/client/%d", own.ID), "", "X-Gotify-Key", token).Code)
	refused(t, h.do("GET", "/client", "", "X-Gotify-Key", token), 401)
}

func TestClientsOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob := h.newPerson("ada", false), h.newPerson("bob", false)
	_, token := ada.newClient()
	plain, session := ada.newSession()
	foreign, _ := bob.newClient()
	do := func(method, path, body string) *httptest.ResponseRecorder {
		return h.do(method, path, body, "X-Gotify-Key", token)
	}
	require.Equal(t, "Field 'name' is required", refused(t, do("POST", "/client", `{}`), 400))
	require.Contains(t, refused(t, do("POST", "/client", `{"name":"x","expiresAfterInactivitySeconds":-1}`), 400), "expiresAfterInactivitySeconds")
	missing := fmt.Sprintf("client with id %d doesn't exists", foreign.ID)
	require.Equal(t, missing, refused(t, do("PUT", fmt.Sprintf("/client/%d", foreign.ID), `{"name":"x"}`), 404))
	require.Equal(t, missing, refused(t, do("DELETE", fmt.Sprintf("/client/%d", foreign.ID), ""), 404))
	elevate := fmt.Sprintf("/client/%d/elevate", plain.ID)
	require.Equal(t, "client not found", refused(t, do("POST", fmt.Sprintf("/client/%d/elevate", foreign.ID), `{"durationSeconds":5}`), 404))
	require.Equal(t, "Field 'durationSeconds' is required", refused(t, do("POST", elevate, `{"durationSeconds":0}`), 400))
	for body, elevated := range map[string]bool{
		`{"durationSeconds":60}`: true, `{"durationSeconds":-60}`: false, `{"durationSeconds":9223372036854775807}`: true, `{"durationSeconds":-9223372036854775808}`: false,
	} {
		answer := do("POST", elevate, body)
		require.Equal(t, 204, answer.Code)
		require.Empty(t, answer.Body.String())
		me := fields[currentUser](t, h.do("GET", "/current/user", "", "X-Gotify-Key", session))
		require.Equal(t, elevated, me.ElevatedUntil != nil, body)
	}

	// A plain session deletes itself and nobody else.
	require.NoError(t, h.Auth.Elevate(t.Context(), ada.user.ID, plain.ID, -1))
	other, _ := ada.newClient()
	refused(t, h.do("DELETE", fmt.Sprintf("/client/%d", other.ID), "", "X-Gotify-Key", session), 403)
	require.Equal(t, 200, h.do("DELETE", fmt.Sprintf("/client/%d", other.ID), "", append(ada.basic(), "X-Gotify-Key", session)...).Code)
	require.Equal(t, 200, h.do("DELETE", fmt.Sprintf("/client/%d", plain.ID), "", "X-Gotify-Key", session).Code)
}

// heldBack is a body whose end arrives after its sender has lost the right to
// send it.
type heldBack struct {
	text  *strings.Reader
	after func()
}

func (b *heldBack) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if err != nil && b.after != nil {
		b.after()
		b.after = nil
	}
	return n, err
}

// A revocation counts for requests that are on their way, too: otherwise whoever
// keeps a body back would outlive it.
func TestNobodyOutlivesARevocation(t *testing.T) {
	h := newHouse(t, nil)
	root, ada := h.newPerson("root", true), h.newPerson("ada", false)
	client, token := ada.newClient()
	_, rootToken := root.newClient()
	application, sender := ada.newApplication()
	ask := func(method, path, body string, revoke func(), headers ...string) int {
		r := httptest.NewRequest(method, path, &heldBack{strings.NewReader(body), revoke})
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return h.serve1(r).Code
	}
	require.Equal(t, 401, ask("POST", "/message", `{"message":"m"}`, func() {
		_, err := h.Broker.RotateToken(t.Context(), ada.user.ID, application.ID)
		require.NoError(t, err)
	}, "X-Gotify-Key", sender))
	require.Equal(t, 401, ask("POST", "/client", `{"name":"ghost"}`, func() {
		require.NoError(t, h.Auth.DeleteClient(t.Context(), ada.user.ID, client.ID))
	}, "X-Gotify-Key", token))
	require.Equal(t, 401, ask("POST", "/auth/local/login", `{"name":"ghost"}`, func() {
		require.NoError(t, h.Auth.ChangePassword(t.Context(), nil, ada.user.ID, "another"))
	}, ada.basic()...))
	require.Equal(t, 403, ask("POST", "/user", `{"name":"ghost","pass":"x","admin":true}`, func() {
		_, err := h.Auth.CreateUser(t.Context(), auth.UserEdit{Name: "next", Password: "x", Admin: true})
		require.NoError(t, err)
		require.NoError(t, h.Auth.UpdateUser(t.Context(), nil, root.user.ID, auth.UserEdit{Name: "root"}))
	}, "X-Gotify-Key", rootToken))
}
