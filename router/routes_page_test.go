package router

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/ui"
)

// The pages that the API's description lists are the ones that package ui
// serves, no more and no fewer, and the whole router serves them. Gotify's own
// routes are compared in api/gotify, which does not know ui.
func TestPagesAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../api/gotify/openapi.yaml")
	require.NoError(t, err)
	var description struct {
		Paths map[string]map[string]any
	}
	require.NoError(t, yaml.Unmarshal(text, &description))
	var described []string
	for path, operations := range description.Paths {
		for method, operation := range operations {
			fields, _ := operation.(map[string]any) // "parameters" is a list
			if tags, _ := fields["tags"].([]any); slices.Contains(tags, any("page")) {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	h := newHouse(t, Options{})
	engine := gin.New()
	ui.Mount(engine, func(*http.Request) string { return "" })
	var routed []string
	for _, route := range engine.Routes() {
		routed = append(routed, route.Method+" "+route.Path)
	}
	require.NotEmpty(t, routed)
	require.ElementsMatch(t, routed, described)
	for _, page := range described {
		method, path, _ := strings.Cut(page, " ")
		require.Equal(t, 200, h.do(method, path).Code, page)
	}
}
