package gotify

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// The description and the routes say the same, in both directions.
func TestRoutesAreDescribed(t *testing.T) {
	h := newFrame(t, Options{})
	parameter := regexp.MustCompile(`[:*]([a-z]+)`)
	routed, described := []string{"OPTIONS /{path}"}, []string(nil) // which the router hands to Preflight
	for _, r := range h.engine.Routes() {
		routed = append(routed, r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}"))
	}
	eachOperation(t, func(method, path string, operation *openapi3.Operation) {
		if operation.Tags[0] != "page" { // package ui serves those
			described = append(described, method+" "+path)
		}
	})
	slices.Sort(routed)
	slices.Sort(described)
	require.Equal(t, described, routed)
	require.Len(t, routed, len(routes)+1, "every route of the table, and Preflight")
}

// What a route needs is what its description says.
func TestNeedsAreDescribed(t *testing.T) {
	type need struct {
		person, elevated, admin, nobody bool
	}
	table := map[string]need{}
	for _, r := range routes {
		path := regexp.MustCompile(`:([a-z]+)`).ReplaceAllString(r.path, "{$1}")
		table[r.method+" "+path] = need{
			person: r.need >= person, elevated: r.need >= elevated, admin: r.need == admin, nobody: r.need == nobody,
		}
	}
	// Here the handler or the verb decides, or the route reads a password by itself.
	special := []string{"POST /user", "DELETE /client/{id}", "POST /client", "POST /auth/local/login", "OPTIONS /{path}"}
	eachOperation(t, func(method, path string, operation *openapi3.Operation) {
		at := method + " " + path
		if operation.Tags[0] == "page" || slices.Contains(special, at) {
			return
		}
		got, found := table[at]
		require.True(t, found, at)
		require.Equal(t, operation.Extensions["x-elevated"] == true, got.elevated, at)
		require.Equal(t, operation.Extensions["x-admin"] == true, got.admin, at)
		anonymous := operation.Security != nil && len(*operation.Security) == 0
		require.Equal(t, anonymous, got.nobody, at)
	})
}

// Nobody gets past a route that asks for more than they have, whatever the route.
func TestEveryRouteRefusesWhoHasTooLittle(t *testing.T) {
	h := newHouse(t, nil)
	boss, ada := h.newPerson("boss", true), h.newPerson("ada", false)
	_, application := ada.newApplication()
	_, api := ada.newClient()
	_, plain := boss.newSession()
	for _, r := range routes {
		if r.need == nobody || r.need == anybody {
			continue
		}
		target := strings.NewReplacer(":id", "987654321").Replace(r.path)
		at := fmt.Sprintf("%s %s", r.method, target)
		require.Equal(t, "you need to provide a valid access token or user credentials to access this api", refused(t, h.do(r.method, target, `{}`), 401), at)
		refused(t, h.do(r.method, target, `{}`, "X-Gotify-Key", "Cunknownunknown"), 401)
		if r.need >= person {
			require.Contains(t, refused(t, h.do(r.method, target, `{}`, "X-Gotify-Key", application), 403), "an application token can only post messages", at)
		}
		if r.need >= maker {
			require.Equal(t, "session not elevated, use basic auth or call /client:elevate",
				refused(t, h.do(r.method, target, `{}`, "X-Gotify-Key", plain), 403), at)
		}
		if r.need == admin {
			require.Equal(t, "you are not allowed to access this api", refused(t, h.do(r.method, target, `{}`, "X-Gotify-Key", api), 403), at)
		}
	}
}

func TestNotFound(t *testing.T) {
	h := newFrame(t, Options{})
	for _, request := range []string{"GET /nothing", "PUT /message", "HEAD /version", "GET /image", "GET /image/a/b", "POST /"} {
		method, path, _ := strings.Cut(request, " ")
		require.Equal(t, "page not found", refused(t, h.do(method, path, ""), 404))
	}
}
