package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// read returns the defaults changed by the text of a file and by variables.
func read(t testing.TB, text string, environ ...string) (*Config, []string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return load(path, nil, environ)
}

// requireSame compares settings, not where they came from.
func requireSame(t testing.TB, want, got *Config) {
	t.Helper()
	a, b := *want, *got
	a.Source, b.Source = Source{}, Source{}
	require.Equal(t, a, b)
}

func TestDefaultsAreValidAndNobodysElse(t *testing.T) {
	require.NoError(t, Default().Validate())

	changed := Default()
	changed.Server.ResponseHeaders["X"] = "y"
	changed.OIDC.Scopes[0] = "other"
	require.Empty(t, Default().Server.ResponseHeaders)
	require.Equal(t, "openid", Default().OIDC.Scopes[0])
}

func TestSettingsAreNamedAndExplained(t *testing.T) {
	for _, s := range settings(Default()) {
		require.Regexp(t, `^[a-z]+(\.[a-z]+)*$`, s.path)
		require.True(t, s.field.CanSet(), s.path)
		require.Contains(t, []string{"", "value", "connection"}, s.secret, s.path)
		switch s.field.Kind() {
		case reflect.Slice, reflect.Map:
			require.False(t, s.field.IsNil(), "%s: an empty list is not a missing one", s.path)
		}
	}
	fields := 0
	for _, name := range []string{"config.go", "server.go", "access.go", "attachment.go", "ntfy.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					fields++
					require.True(t, strings.HasPrefix(f.Doc.Text(), f.Names[0].Name+" "), "%s has no comment", f.Names[0])
				}
			}
			return true
		})
	}
	require.Greater(t, fields, len(settings(Default())))
}
