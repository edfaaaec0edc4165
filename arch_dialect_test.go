package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dialectSwitches returns where the source tells dialects apart.
func dialectSwitches(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.SwitchStmt); ok && s.Tag != nil && namesDialect(s.Tag) {
			found = append(found, files.Position(s.Pos()).String())
		}
		return true
	})
	return found, nil
}

func namesDialect(tag ast.Expr) (names bool) {
	ast.Inspect(tag, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && strings.Contains(strings.ToLower(id.Name), "dialect") {
			names = true
		}
		return !names
	})
	return names
}

func TestOnlyOneFileTellsDialectsApart(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(path, ".git") || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || under(filepath.ToSlash(path), "test") ||
			filepath.ToSlash(path) == "database/dialect.go" {
			return nil
		}
		seen++
		found, err := dialectSwitches(path, nil)
		for _, at := range found {
			t.Errorf("%s: only database/dialect.go tells dialects apart: give the dialect a field or a method for it", at)
		}
		return err
	})
	require.NoError(t, err)
	require.NotZero(t, seen)
}

func TestADialectSwitchIsSeen(t *testing.T) {
	for body, want := range map[string]int{
		`switch d.dialect.name { case "mysql": }`:   1,
		`switch x := 1; db.Dialect() { case "x": }`: 1,
		`switch kind { case "mysql": }`:             0,
		`/* switch dialect */`:                      0,
	} {
		found, err := dialectSwitches("x.go", "package x\nfunc f() { "+body+" }")
		require.NoError(t, err)
		require.Len(t, found, want, body)
	}
}
