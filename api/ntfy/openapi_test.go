package ntfy

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

//go:embed openapi.yaml
var openapi []byte

// eachOperation calls f with every operation of openapi.yaml.
func eachOperation(t *testing.T, f func(at string, item *openapi3.PathItem, operation *openapi3.Operation)) {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(openapi)
	require.NoError(t, err)
	require.NoError(t, spec.Validate(context.Background()))
	for path, item := range spec.Paths.Map() {
		for method, operation := range item.Operations() {
			f(method+" "+path, item, operation)
		}
	}
}

// The description and the routes say the same, in both directions.
func TestRoutesAreDescribed(t *testing.T) {
	place := regexp.MustCompile(`:([a-z]+)`)
	routed := []string{"OPTIONS /{topic}"} // which stands for any path
	for _, r := range allRoutes() {
		routed = append(routed, r.method+" "+place.ReplaceAllString(r.path, "{$1}"))
	}
	var described []string
	eachOperation(t, func(at string, _ *openapi3.PathItem, _ *openapi3.Operation) { described = append(described, at) })
	slices.Sort(routed)
	slices.Sort(described)
	require.Equal(t, described, routed)
}

func TestDescriptionIsComplete(t *testing.T) {
	costs := map[string]cost{"OPTIONS /{topic}": request}
	place := regexp.MustCompile(`:([a-z]+)`)
	for _, r := range allRoutes() {
		costs[r.method+" "+place.ReplaceAllString(r.path, "{$1}")] = r.cost
	}
	seen := map[string]bool{}
	eachOperation(t, func(at string, _ *openapi3.PathItem, operation *openapi3.Operation) {
		require.Regexp(t, `^[a-z][A-Za-z]+$`, operation.OperationID, at)
		require.False(t, seen[operation.OperationID], "%s: %s is not unique", at, operation.OperationID)
		seen[operation.OperationID] = true
		require.NotEmpty(t, operation.Summary, at)
		require.Len(t, operation.Tags, 1, at)
		statuses := operation.Responses.Map()
		if costs[at] == request {
			require.Contains(t, statuses, "429", at)
		}
		if operation.Security == nil { // credentials are looked at
			for _, status := range []string{"401", "403", "429", "503"} {
				require.Contains(t, statuses, status, at)
			}
		}
		if operation.RequestBody != nil {
			for _, status := range []string{"400", "408", "413"} {
				require.Contains(t, statuses, status, at)
			}
		}
		for status, answer := range statuses {
			if status < "400" || status == "416" || at == "GET /v1/health" {
				continue
			}
			require.Equal(t, "#/components/schemas/Error", answer.Value.Content["application/json"].Schema.Ref, at)
			if status == "429" || status == "503" {
				require.True(t, answer.Value.Headers["Retry-After"].Value.Required, at)
			}
		}
	})
}

// Every code that an answer may have is listed, in the words that it comes with.
func TestCodesAreDescribed(t *testing.T) {
	for code, known := range meanings {
		require.Contains(t, string(openapi), fmt.Sprintf("| %d | %s |\n", code, known.text))
	}
	require.Equal(t, len(meanings), strings.Count(string(openapi), "\n    | ")-2, "and no other one")
}

// Every parameter of a subscription is described under all its names.
func TestParametersAreDescribed(t *testing.T) {
	names := map[string][]string{
		"poll": {"x-poll", "po"}, "since": {"x-since", "si"}, "scheduled": {"x-scheduled", "sched"}, "id": {"x-id"},
		"message": {"x-message", "m"}, "title": {"x-title", "t"}, "priority": {"x-priority", "prio", "p"}, "tags": {"x-tags", "tag", "ta"},
	}
	streams := 0
	eachOperation(t, func(at string, _ *openapi3.PathItem, operation *openapi3.Operation) {
		if operation.Tags[0] != "subscribe" || at == "GET /{topics}/auth" {
			return
		}
		streams++
		for _, name := range slices.Sorted(maps.Keys(names)) {
			p := operation.Parameters.GetByInAndName("query", name)
			require.NotNil(t, p, "%s %s", at, name)
			for _, alias := range names[name] {
				require.Contains(t, p.Description, "`"+alias+"`", "%s %s", at, name)
			}
		}
	})
	require.Equal(t, 4, streams)
}

// What credentials are not looked at for, takes none.
func TestWhatTakesNoCredentials(t *testing.T) {
	s := newStation(t, Limits{})
	eachOperation(t, func(at string, _ *openapi3.PathItem, operation *openapi3.Operation) {
		method, path, _ := strings.Cut(at, " ")
		path = strings.NewReplacer("{topics}", "t", "{topic}", "t", "{sequence}", "s", "{name}", "none").Replace(path)
		w := s.call(method, path, `{"topic":"t","notification":{"devices":[{"pushkey":"https://push.example.com/sub/t"}]}}`,
			"Authorization", basicValue("alice", "wrong"), "Upgrade", "no")
		if operation.Security == nil {
			require.Equal(t, http.StatusUnauthorized, w.Code, at)
		} else {
			require.NotEqual(t, http.StatusUnauthorized, w.Code, at)
		}
	})
}
