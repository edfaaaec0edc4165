package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the prefix of our own import paths.
const module = "github.com/carillon-push/carillon"

// layers is the drawing of the packages, from the top down: a package
// imports only packages that stand in a lower row. Packages that are not written
// yet have their place already. A package below one of these (router/middleware)
// belongs to it.
var layers = [][]string{
	{"main"},
	{"router"},
	{"api/gotify", "api/ntfy", "plugin", "ui"},
	{"api/stream"},
	{"broker"},
	{"auth"},
	{"cluster"},
	{"config", "database", "hub"},
	{"model"},
}

// outside are programs around the server. They speak to it over the network and
// may use any library.
var outside = []string{"test", "bench"}

// only says who may import what; a path stands for everything below it.
var only = []struct {
	path    string
	by      []string
	because string
}{
	{"gorm.io", []string{"database"}, "SQL lives in one place; call its verbs"},
	{"github.com/go-gormigrate", []string{"database"}, "SQL lives in one place; call its verbs"},
	{"database/sql", []string{"database"}, "SQL lives in one place; call its verbs"},
	{"github.com/nats-io", []string{"cluster"}, "one package tells other nodes"},
	{"github.com/gorilla/websocket", []string{"api/stream"}, "the pumps are the only ones who write to a stream"},
	{"github.com/gin-gonic/gin", []string{"api/gotify", "api/ntfy", "api/stream", "plugin", "router", "ui"}, "what lies below the doors does not know HTTP"},
	{"net/http", []string{"api/gotify", "api/ntfy", "api/stream", "plugin", "router", "ui", "config", "main"}, "what lies below the doors does not know HTTP"},
	{module + "/config", []string{"main", "router"}, "everybody else gets values"},
	{module + "/cluster", []string{"main"}, "main plugs it in as hub.Bus"},
	{module + "/ui", []string{"main", "router"}, "the web app is mounted, not called"},
	{"testing", nil, "product code does not test itself"},
	{"net/http/httptest", nil, "product code does not test itself"},
	{"github.com/stretchr/testify", nil, "product code does not test itself"},
	{"github.com/google/go-cmp", nil, "product code does not test itself"},
	{"go.uber.org/goleak", nil, "product code does not test itself"},
	{"pgregory.net/rapid", nil, "product code does not test itself"},
	{"github.com/getkin/kin-openapi", nil, "the description is checked by tests and costs nothing at run time"},
}

// loners import nothing of ours.
var loners = map[string]string{
	"config": "it hands out values and knows nobody who takes them",
	"ui":     "it is a client of api/gotify like any other",
}

// unit is one package as the go command sees it.
type unit struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// refusals returns why the imports of p are against the design.
func refusals(p unit) []string {
	name := place(p.ImportPath)
	if slices.Contains(outside, name) {
		return strangers(name, p)
	}
	row := rowOf(name)
	if row < 0 {
		return []string{fmt.Sprintf("package %s has no place: give it one in layers of arch_test.go, and a line in the map of AGENTS.md", name)}
	}
	var refused []string
	for _, path := range p.Imports {
		if why := refusal(name, row, path); why != "" {
			refused = append(refused, fmt.Sprintf("%s must not import %s: %s", name, path, why))
		}
	}
	return refused
}

func refusal(name string, row int, path string) string {
	own := path == module || strings.HasPrefix(path, module+"/")
	if own && place(path) == name {
		return ""
	}
	for _, rule := range only {
		if under(path, rule.path) && !slices.Contains(rule.by, name) {
			return rule.because
		}
	}
	if !own {
		if name == "model" && strings.Contains(strings.Split(path, "/")[0], ".") {
			return "model uses the standard library only"
		}
		return ""
	}
	if why, alone := loners[name]; alone {
		return why
	}
	switch below := rowOf(place(path)); {
	case below < 0:
		return "only tests and benchmarks import what is made for them"
	case below == row:
		return "they stand side by side; what both need belongs below"
	case below < row:
		return "imports point down only"
	}
	return ""
}

// strangers returns the imports of p that look into the server: tests and
// benchmarks know it from outside, and the limit probe uses its group commit.
func strangers(name string, p unit) []string {
	probe := []string{"database", "hub", "model"}
	var refused []string
	for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		inside := under(path, module) && !slices.Contains(outside, place(path))
		if inside && (name != "bench" || !slices.Contains(probe, place(path))) {
			refused = append(refused, fmt.Sprintf("%s must not import %s: it knows the server from outside", name, path))
		}
	}
	return refused
}

func under(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// place returns the name in layers or outside that the package belongs to, or
// its path in the module when there is none.
func place(importPath string) string {
	if importPath == module {
		return "main"
	}
	path := strings.TrimPrefix(importPath, module+"/")
	for _, name := range slices.Concat(slices.Concat(layers...), outside) {
		if under(path, name) {
			return name
		}
	}
	return path
}

func rowOf(name string) int {
	return slices.IndexFunc(layers, func(row []string) bool { return slices.Contains(row, name) })
}

func packages(t *testing.T) []unit {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	var found []unit
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p unit
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		found = append(found, p)
	}
}

func TestImportsFollowTheDesign(t *testing.T) {
	found := packages(t)
	require.NotEmpty(t, found)
	for _, p := range found {
		for _, why := range refusals(p) {
			t.Error(why)
		}
	}
}

// TestEveryPackageIsOnTheMap keeps the map in AGENTS.md true.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	text, err := os.ReadFile("AGENTS.md")
	require.NoError(t, err)
	require.LessOrEqual(t, bytes.Count(text, []byte("\n")), 120, "AGENTS.md is read by everybody: at most 120 lines")
	for _, p := range packages(t) {
		name := place(p.ImportPath)
		if name == "main" {
			name = "main.go"
		}
		require.Contains(t, string(text), "| `"+name+"`", "give the package a line in the map of AGENTS.md")
	}
}

// TestTheRulesRefuse shows that each kind of rule can fail.
func TestTheRulesRefuse(t *testing.T) {
	for _, c := range []struct{ from, to, because string }{
		{"model", "/database", "imports point down only"},
		{"broker", "/api/gotify", "imports point down only"},
		{"database/migration", "/auth", "imports point down only"},
		{"api/gotify", "/api/ntfy", "side by side"},
		{"hub", "/database", "side by side"},
		{"api/gotify", "/config", "everybody else gets values"},
		{"broker", "/cluster", "hub.Bus"},
		{"config", "/model", "hands out values"},
		{"ui", "/model", "like any other"},
		{"auth", "/test/dialect", "made for them"},
		{"broker", "gorm.io/gorm", "one place"},
		{"hub", "github.com/nats-io/nats.go", "other nodes"},
		{"api/ntfy", "github.com/gorilla/websocket", "pumps"},
		{"auth", "github.com/gin-gonic/gin", "does not know HTTP"},
		{"database", "net/http", "does not know HTTP"},
		{"model", "golang.org/x/crypto/argon2", "standard library only"},
		{"auth", "github.com/stretchr/testify/require", "does not test itself"},
		{"database", "testing", "does not test itself"},
		{"test/gotify", "/database", "from outside"},
		{"bench", "/auth", "from outside"},
		{"common", "fmt", "has no place"},
		{"api/soap", "fmt", "has no place"},
	} {
		path := strings.Replace("^"+c.to, "^/", module+"/", 1)
		path = strings.TrimPrefix(path, "^")
		refused := refusals(unit{ImportPath: module + "/" + c.from, Imports: []string{path}})
		require.Len(t, refused, 1, "%s imports %s", c.from, c.to)
		require.Contains(t, refused[0], c.because)
	}
}

func TestTheRulesAllow(t *testing.T) {
	for from, to := range map[string][]string{
		"":                  {module + "/config", module + "/router", module + "/cluster", module + "/database", "net/http"},
		"/router":           {module + "/router/middleware", module + "/api/ntfy", module + "/config", "github.com/gin-gonic/gin"},
		"/api/gotify":       {module + "/api/stream", module + "/broker", module + "/database", module + "/model", "net/http"},
		"/broker":           {module + "/auth", module + "/hub", module + "/database"},
		"/cluster":          {module + "/hub", module + "/database", "github.com/nats-io/nats.go"},
		"/database":         {module + "/model", "gorm.io/driver/mysql", "database/sql"},
		"/test/both":        {module + "/test/server", "github.com/gorilla/websocket", "testing"},
		"/bench":            {module + "/database", "github.com/gorilla/websocket", "net/http"},
		"/api/gotify/image": {"image/png"},
	} {
		require.Empty(t, refusals(unit{ImportPath: module + from, Imports: to}))
	}
}
