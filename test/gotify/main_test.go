package gotify

import (
	"testing"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

func TestMain(m *testing.M) { server.Main(m) }

// object is a JSON object or the fields of a form.
type object = map[string]any

// each runs f for every dialect, on the server that the tests share.
func each(t *testing.T, f func(t *testing.T, s *server.Server)) {
	t.Helper()
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		f(t, server.Shared(t, d))
	})
}

// own runs f for every dialect, on a server of its own with these settings.
func own(t *testing.T, settings map[string]string, f func(t *testing.T, s *server.Server)) {
	t.Helper()
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		f(t, server.Start(t, d, settings))
	})
}
