package gotify

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

func TestReadCredentials(t *testing.T) {
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	param := func(header string) string { return "auth=" + base64.RawURLEncoding.EncodeToString([]byte(header)) }
	for _, c := range []struct {
		query, key, authorization, cookie string
		want                              credentials
	}{
		{want: credentials{}},
		{query: "token=q", key: "k", authorization: "Bearer b", cookie: "c", want: credentials{token: "q"}},
		{query: "token=", key: "k", authorization: "Bearer b", cookie: "c", want: credentials{token: "k"}},
		{authorization: "Bearer b", cookie: "c", want: credentials{token: "b"}},
		{authorization: "bEaReR   b ", cookie: "c", want: credentials{token: "b"}},
		{authorization: "Bearer ", cookie: "c", want: credentials{token: "c", fromCookie: true}},
		{authorization: "Bearer", want: credentials{}},
		{authorization: "Digest x", cookie: "c", want: credentials{token: "c", fromCookie: true}},
		{authorization: basic("n:p:q"), want: credentials{name: "n", pass: "p:q", basic: true}},
		{authorization: strings.ToUpper("Basic") + basic("n:")[5:], want: credentials{name: "n", basic: true}},
		{authorization: basic("no colon"), want: credentials{name: "no colon"}},
		{authorization: "Basic ???", want: credentials{}},
		{authorization: "Basic", want: credentials{}},
		{query: "token=q", authorization: basic("n:p"), cookie: "c", want: credentials{token: "q", name: "n", pass: "p", basic: true}},
		{authorization: basic("n:p"), cookie: "c", want: credentials{token: "c", fromCookie: true, name: "n", pass: "p", basic: true}},
		{query: param("Bearer b"), want: credentials{token: "b"}},
		{query: param("Basic bjpw") + "%3D%3D", want: credentials{name: "n", pass: "p", basic: true}},
		{query: param("Bearer b"), authorization: "Bearer header", want: credentials{token: "header"}},
		{query: "auth=%ff", want: credentials{}},
		{query: "token=a;b&auth=%zz", want: credentials{}},
	} {
		r := &http.Request{URL: &url.URL{RawQuery: c.query}, Header: http.Header{}}
		if c.key != "" {
			r.Header.Set("X-Gotify-Key", c.key)
		}
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
		}
		require.Equal(t, c.want, readCredentials(r), "%+v", c)
	}
}

func FuzzReadCredentials(f *testing.F) {
	f.Add("token=q&auth=QmVhcmVyIGI", "Basic bjpw", "gotify-client-token=c")
	f.Add("auth=====", "bearer", "=;=")
	f.Fuzz(func(t *testing.T, query, authorization, cookie string) {
		r := &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Authorization": {authorization}, "Cookie": {cookie}}}
		shown := readCredentials(r)
		require.False(t, shown.fromCookie && shown.token == "")
	})
}

// Every credential in every combination that clients and proxies send.
func TestAuthorize(t *testing.T) {
	h := newHouse(t, nil)
	boss, ada := h.newPerson("boss", true), h.newPerson("ada", false)
	_, application := ada.newApplication()
	client, token := ada.newClient()
	_, plain := boss.newSession()
	cookie := func(token string) string { return cookieName + "=" + token }
	asPassword := func(token string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("anybody:"+token))
	}
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("proxy:user"))
	const session, none = "session not elevated, use basic auth or call /client:elevate", "you need to provide a valid access token or user credentials to access this api"

	for _, c := range []struct {
		what, target string
		headers      []string
		status       int
		text         string
	}{
		{"client token", "/current/user", []string{"X-Gotify-Key", token}, 200, ""},
		{"query", "/current/user?token=" + token, nil, 200, ""},
		{"bearer", "/current/user", []string{"Authorization", "bearer " + token}, 200, ""},
		{"cookie", "/current/user", []string{"Cookie", cookie(token)}, 200, ""},
		{"password", "/current/user", ada.basic(), 200, ""},
		{"token as password", "/current/user", []string{"Authorization", asPassword(token)}, 200, ""},
		{"application token as password", "/current/user", []string{"Authorization", asPassword(application)}, 403, "an application token can only post"},
		{"a bad query token beats a good header", "/current/user?token=Cunknownunknown", []string{"X-Gotify-Key", token}, 401, none},
		{"a bad token and a good password", "/current/user?token=x", ada.basic(), 200, ""},
		{"a bad token and a proxy's password", "/current/user?token=x", []string{"Authorization", wrong}, 401, none},
		{"a good token and a proxy's password", "/current/user?token=" + token, []string{"Authorization", wrong}, 200, ""},
		{"a plain session", "/user", []string{"Cookie", cookie(plain)}, 403, session},
		{"a plain session and its password", "/user", append([]string{"Cookie", cookie(plain)}, boss.basic()...), 200, ""},
		{"a plain session and a proxy's password", "/user", []string{"Cookie", cookie(plain), "Authorization", wrong}, 403, session},
		{"a plain session and a password that is not enough", "/user", append([]string{"Cookie", cookie(plain)}, ada.basic()...), 403, session},
		{"an application token and a password", "/user", append([]string{"X-Gotify-Key", application}, boss.basic()...), 200, ""},
		{"nothing", "/current/user", nil, 401, none},
	} {
		t.Run(c.what, func(t *testing.T) {
			// Fresh, so that the wrong ones do not use up what may fail.
			h.Auth.Throttle = auth.NewThrottle(3, 1, model.Now)
			answer := h.do("GET", c.target, "", c.headers...)
			if c.status == 200 {
				require.Equal(t, 200, answer.Code, "%s", answer.Body)
				return
			}
			require.Contains(t, refused(t, answer, c.status), c.text)
			require.Empty(t, answer.Header().Get("WWW-Authenticate"))
		})
	}
	require.Equal(t, client.ID, fields[currentUser](t, h.do("GET", "/current/user", "", "X-Gotify-Key", token)).ClientID)
}

// Who guesses is told so, also beside a session that is not elevated.
func TestThrottleShowsBesideASession(t *testing.T) {
	h := newHouse(t, nil)
	boss := h.newPerson("boss", true)
	_, plain := boss.newSession()
	boss.pass = "guess"
	for range 3 {
		refused(t, h.do("GET", "/user", "", append(boss.basic(), "X-Gotify-Key", plain)...), 403)
	}
	answer := h.do("GET", "/user", "", append(boss.basic(), "X-Gotify-Key", plain)...)
	refused(t, answer, 429)
	require.NotEmpty(t, answer.Header().Get("Retry-After"))
	require.Equal(t, 200, h.do("GET", "/message", "", "X-Gotify-Key", plain).Code, "tokens go on working")
}

// Elevation guards every way to a new client that would need none.
func TestPlainSessionMakesNoClients(t *testing.T) {
	for mode, status := range map[auth.Elevation]int{auth.ElevateSessions: 403, auth.ElevateAll: 200, auth.ElevateOff: 200} {
		h := newHouse(t, func(_ *Options, a *auth.Options) { a.Elevation = mode })
		ada := h.newPerson("ada", false)
		_, plain := ada.newSession()
		require.Equal(t, status, h.do("POST", "/client", `{"name":"back door"}`, "X-Gotify-Key", plain).Code, mode)
		require.Equal(t, 200, h.do("POST", "/client", `{"name":"x"}`, append(ada.basic(), "X-Gotify-Key", plain)...).Code, mode)
	}
}

func TestCreateUserNeedsElevation(t *testing.T) {
	h := newHouse(t, func(o *Options, a *auth.Options) { a.Registration = true })
	boss := h.newPerson("boss", true)
	_, plain := boss.newSession()
	refused(t, h.do("POST", "/user", `{"name":"n","pass":"p","admin":true}`, "X-Gotify-Key", plain), 403)
	refused(t, h.do("POST", "/user", `{"name":"n","pass":"p"}`, "X-Gotify-Key", plain), 403)
	require.True(t, fields[user](t, h.do("POST", "/user", `{"name":"n","pass":"p","admin":true}`, append(boss.basic(), "X-Gotify-Key", plain)...)).Admin)
	refused(t, h.do("POST", "/user", `{"name":"m","pass":"p"}`, "X-Gotify-Key", "Cunknownunknown"), 401)
	require.False(t, fields[user](t, h.do("POST", "/user", `{"name":"m","pass":"p"}`)).Admin)
}

func TestVisitor(t *testing.T) {
	h := newFrame(t, Options{Exempt: func(a netip.Addr) bool { return a.IsLinkLocalUnicast() }})
	for remote, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1", "[2001:db8::1]:1": "2001:db8::1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "[fe80::1%eth0]:1": "fe80::1", "@": "@", "": "",
	} {
		visitor := h.visitorAt(remote)
		require.Equal(t, want, visitor.Address, remote)
		require.Equal(t, want == "fe80::1", visitor.Exempt, remote)
	}
}
