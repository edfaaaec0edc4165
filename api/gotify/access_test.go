package gotify

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestAccessOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob, boss := h.newPerson("ada", false), h.newPerson("bob & co", false), h.newPerson("boss", true)
	a, sender := ada.newApplication()
	path := fmt.Sprintf("/application/%d/access", a.ID)
	do := func(p *resident, method, target, body string) *httptest.ResponseRecorder {
		return h.do(method, target, body, p.basic()...)
	}
	require.Equal(t, "[]", do(ada, "GET", path, "").Body.String())

	const ofBob, ofAll = `{"user":"bob \u0026 co","everyone":false,"read":true,"write":false,"pattern":"%s"}`, `{"user":null,"everyone":true,"read":false,"write":true,"pattern":"%s"}`
	require.Equal(t, fmt.Sprintf(ofBob, a.Topic), do(ada, "PUT", path, `{"user":"bob & co","read":true}`).Body.String())
	require.Equal(t, fmt.Sprintf(ofAll, a.Topic), do(ada, "PUT", path, `{"everyone":true,"read":false,"write":true}`).Body.String())
	for _, pattern := range []string{"*", a.Topic + "*", "other*"} {
		require.NoError(t, h.Auth.PutAccessRule(t.Context(), model.AccessRule{Pattern: pattern}))
		require.NoError(t, h.Auth.PutAccessRule(t.Context(), model.AccessRule{UserID: &boss.user.ID, Pattern: pattern, CanRead: true, CanWrite: true}))
	}
	var rules []string
	for _, r := range fields[[]accessRule](t, do(ada, "GET", path, "")) {
		who := "everyone"
		require.Equal(t, r.Everyone, r.User == nil)
		if r.User != nil {
			who = *r.User
		}
		rules = append(rules, fmt.Sprintf("%s %s %t %t", who, strings.Replace(r.Pattern, a.Topic, "topic", 1), r.Read, r.Write))
	}
	require.Equal(t, []string{
		"boss topic* true true", "bob & co topic true false", "boss * true true",
		"everyone topic* false false", "everyone topic false true", "everyone * false false",
	}, rules, "those that are about it, whatever their pattern")
	require.Equal(t, do(ada, "GET", path, "").Body.String(), do(boss, "GET", path, "").Body.String(), "an admin sees the same")

	// A rule takes the place of the one before it.
	form := h.serve1(ada.request("PUT", path, "application/x-www-form-urlencoded", "user=bob+%26+co&read=false&write=true"))
	require.Equal(t, accessRule{User: &bob.user.Name, Write: true, Pattern: a.Topic}, fields[accessRule](t, form))
	require.Equal(t, accessRule{User: &bob.user.Name, Pattern: a.Topic}, fields[accessRule](t, do(boss, "PUT", path, `{"user":"bob & co","read":false}`)))
	require.Len(t, fields[[]accessRule](t, do(ada, "GET", path, "")), 6)

	// Who neither owns it nor is an admin does not learn that it is there.
	missing := fmt.Sprintf("app with id %d doesn't exists", a.ID)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		require.Equal(t, missing, refused(t, do(bob, method, path+"?everyone=true", `{"everyone":true,"read":true}`), 404), method)
		require.Equal(t, "app with id 0 doesn't exists", refused(t, do(boss, method, "/application/0/access?everyone=true", `{"everyone":true,"read":true}`), 404))
		require.Equal(t, "invalid id", refused(t, do(ada, method, "/application/x/access?everyone=true", `{"everyone":true,"read":true}`), 400))
		refused(t, h.do(method, path, "{}", "X-Gotify-Key", sender), 403)
	}

	for _, target := range []string{path + "?user=bob+%26+co", path + "?everyone=true"} {
		done := do(ada, "DELETE", target, "")
		require.Equal(t, 200, done.Code)
		require.Empty(t, done.Body.String())
		require.Contains(t, refused(t, do(boss, "DELETE", target, ""), 404), "there is no access rule")
	}
	require.Len(t, fields[[]accessRule](t, do(ada, "GET", path, "")), 4, "rules with other patterns stay")
}

func TestAccessThatIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	ada, boss := h.newPerson("ada", false), h.newPerson("boss", true)
	h.newPerson("bob", false)
	a, _ := ada.newApplication()
	path := fmt.Sprintf("/application/%d/access", a.ID)
	const both, say = "either 'user' or 'everyone' is required, and not both", "Field 'read' or 'write' is required"
	for body, want := range map[string]string{
		`{}`: both, `{"read":true}`: both, `{"user":"bob","everyone":true,"read":true}`: both, `{"user":"","read":true}`: both,
		`{"user":"bob"}`: say, `{"everyone":true}`: say, `{"user":"bob","read":null,"write":null}`: say,
		`{"user":"nobody","read":true}`: "there is no user with the name 'nobody'", `{"user":"Bob","read":true}`: "there is no user",
		`{"user":"ada","read":true}`: "belongs to 'ada'", `{"user":7,"read":true}`: "Field 'user' cannot be a JSON number",
		`{"user":"bob","read":"yes"}`: "Field 'read' cannot be a JSON string", `{"everyone":1}`: "Field 'everyone'", `null`: "must be a JSON object", `{`: "not complete",
	} {
		require.Contains(t, refused(t, h.do("PUT", path, body, ada.basic()...), 400), want, body)
	}
	require.Contains(t, refused(t, h.do("PUT", path, `{"user":"ada","read":true}`, boss.basic()...), 400), "belongs to 'ada'")
	form := ada.request("PUT", path, "application/x-www-form-urlencoded", "everyone=perhaps&read=true")
	require.Equal(t, "Field 'everyone' must be true or false", refused(t, h.serve1(form), 400))
	for query, want := range map[string]string{
		"": both, "?user=bob&everyone=true": both, "?everyone=false": both, "?everyone=perhaps": "Field 'everyone' must be true or false", "?user=nobody": "there is no user",
	} {
		require.Contains(t, refused(t, h.do("DELETE", path+query, "", ada.basic()...), 400), want, query)
	}
	require.Contains(t, refused(t, h.do("DELETE", path+"?user=bob", "", ada.basic()...), 404), "there is no access rule")
	require.Equal(t, "[]", h.do("GET", path, "", ada.basic()...).Body.String())

	// To hand out access, a web session has to be elevated; to look at the rules of
	// one's own application it need not.
	_, session := ada.newSession()
	_, plain := boss.newSession()
	require.Equal(t, 200, h.do("GET", path, "", "X-Gotify-Key", session).Code)
	for _, request := range []struct{ method, token string }{{"PUT", session}, {"DELETE", session}, {"PUT", plain}, {"DELETE", plain}, {"GET", plain}} {
		text := refused(t, h.do(request.method, path+"?user=bob", `{"user":"bob","read":true}`, "X-Gotify-Key", request.token), 403)
		require.Contains(t, text, "session not elevated", request.method)
	}
}
