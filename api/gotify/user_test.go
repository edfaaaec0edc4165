package gotify

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
)

func TestUsersOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	boss := h.newPerson("boss", true)
	_, token := boss.newClient()
	do := func(method, path, body string) *httptest.ResponseRecorder {
		return h.do(method, path, body, "X-Gotify-Key", token)
	}
	answer := do("POST", "/user", `{"name":"ada","pass":"x"}`)
	ada := fields[user](t, answer)
	require.Regexp(t, `^\{"id":\d+,"name":"ada","admin":false,"createdAt":"[^"]+Z"\}$`, answer.Body.String())
	require.Equal(t, "username already exists", refused(t, do("POST", "/user", `{"name":"ada","pass":"x"}`), 400))
	require.Equal(t, "Field 'name' is required", refused(t, do("POST", "/user", `{"pass":"x"}`), 400))
	require.Equal(t, "Field 'pass' is required", refused(t, do("POST", "/user", `{"name":"x"}`), 400))
	refused(t, do("POST", "/user", `{"name":"a:b","pass":"x"}`), 400)
	refused(t, do("POST", "/user", fmt.Sprintf(`{"name":"x","pass":%q}`, strings.Repeat("x", 2000))), 400)
	require.Len(t, fields[[]user](t, do("GET", "/user", "")), 2)

	path := fmt.Sprintf("/user/%d", ada.ID)
	require.Equal(t, ada, fields[user](t, do("GET", path, "")))
	require.Equal(t, "username already exists", refused(t, do("POST", path, `{"name":"boss"}`), 400))
	require.Equal(t, "Field 'name' is required", refused(t, do("POST", path, `{}`), 400))
	refused(t, do("POST", path, `null`), 400)
	require.True(t, fields[user](t, do("POST", path, `{"name":"Ada","admin":true}`)).Admin)
	require.False(t, fields[user](t, do("POST", path, `{"name":"Ada"}`)).Admin, "what is left out becomes false")

	own := fmt.Sprintf("/user/%d", boss.user.ID)
	require.Equal(t, "cannot delete last admin", refused(t, do("POST", own, `{"name":"boss"}`), 400))
	require.Equal(t, "cannot delete last admin", refused(t, do("DELETE", own, ""), 400))
	require.Equal(t, 200, do("DELETE", path, "").Code)
	for _, request := range []struct{ method, body string }{{"GET", ""}, {"POST", `{"name":"x"}`}, {"POST", `{"name":"x","pass":"y"}`}, {"DELETE", ""}} {
		require.Equal(t, "user does not exist", refused(t, do(request.method, path, request.body), 404), request.method)
	}
}

func TestPasswordOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	_, other := ada.newSession()
	require.Equal(t, "Field 'pass' is required", refused(t, h.do("POST", "/current/user/password", `{}`, ada.basic()...), 400))
	refused(t, h.do("POST", "/current/user/password", fmt.Sprintf(`{"pass":%q}`, strings.Repeat("x", 1025)), ada.basic()...), 400)
	long := strings.Repeat("🔔", 256) // 1024 bytes, and more than bcrypt could take
	answer := h.do("POST", "/current/user/password", fmt.Sprintf(`{"pass":%q}`, long), ada.basic()...)
	require.Equal(t, 200, answer.Code, "%s", answer.Body)
	require.Empty(t, answer.Body.String())
	refused(t, h.do("GET", "/current/user", "", ada.basic()...), 401)
	refused(t, h.do("GET", "/current/user", "", "X-Gotify-Key", other), 401)
	ada.pass = long
	require.Equal(t, "ada", fields[currentUser](t, h.do("GET", "/current/user", "", ada.basic()...)).Name)
	require.NotContains(t, h.log.String(), long)
}

func TestInfo(t *testing.T) {
	h := newFrame(t, Options{Auth: auth.New(auth.Options{Registration: true}), Build: Build{Version: "1.2.3", Commit: "c", Date: "d"}})
	require.Equal(t, `{"version":"1.2.3","commit":"c","buildDate":"d"}`, h.do("GET", "/version", "").Body.String())
	require.Equal(t, `{"version":"1.2.3","register":true,"oidc":false}`, h.do("GET", "/gotifyinfo", "").Body.String())
	for _, path := range []string{"/version", "/gotifyinfo", "/docs", "/docs/docs.css", "/swagger"} {
		require.Equal(t, 200, h.do("GET", path, "", "X-Gotify-Key", "wrong").Code, path)
	}
}
