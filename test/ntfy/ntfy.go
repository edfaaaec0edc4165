// Package ntfy speaks ntfy's language to a running server, the way real clients
// do, and holds the black-box tests of that face.
//
// Its wire structs are its own: it imports nothing of the product, so that a
// change of the product's types cannot hide a change on the wire. Answers are
// compared with api/ntfy/openapi.yaml, and a field that no message has fails the
// test. Users, applications and Gotify's streams come from package test/gotify.
//
// Methods that take no error in return fail the test, so only those that begin
// with Try may be called from another goroutine than the test's.
package ntfy

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/openapi"
	"github.com/carillon-push/carillon/test/server"
)

// Patience is how long a test waits for something that should happen soon.
const Patience = gotify.Patience

// Each runs f for every dialect, on the server that the tests share.
func Each(t *testing.T, f func(t *testing.T, s *server.Server)) {
	t.Helper()
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		f(t, server.Shared(t, d))
	})
}

// Own runs f for every dialect, on a server of its own with these settings.
func Own(t *testing.T, settings map[string]string, f func(t *testing.T, s *server.Server)) {
	t.Helper()
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		f(t, server.Start(t, d, settings))
	})
}

// Long leaves a test out of the fast loop ("make check", go test -short), because it
// waits for a clock or works for many seconds. Everything else runs it.
func Long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes long: make test runs it") //nolint:forbidigo // nothing is missing, and make check says so
	}
}

// NewTopic returns a topic that nobody else uses.
func NewTopic() string { return "Topic_" + rand.Text()[:12] }

// description loads the face's OpenAPI file once. It returns nil when there is none.
var description = sync.OnceValues(func() (*openapi.Spec, error) {
	root, err := server.Root()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(root, "api", "ntfy", "openapi.yaml")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil, nil //nolint:nilnil // nothing to compare with
	}
	return openapi.Load(path)
})
