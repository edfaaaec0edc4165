// Package gotify speaks Gotify's language to a running server, the way real
// clients do, and holds the black-box tests of that face.
//
// Its wire structs are its own: it imports nothing of the product, so that a
// change of the product's types cannot hide a change on the wire. Every request
// and answer is compared with api/gotify/openapi.yaml. Other test packages use
// it to speak Gotify while they test something else.
//
// Methods that take no error in return fail the test, so only Try may be called
// from another goroutine than the test's.
package gotify

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/carillon-push/carillon/test/openapi"
	"github.com/carillon-push/carillon/test/server"
)

// Patience is how long a test waits for something that should happen soon. It
// is long because the machine may be slow, and it is used up by failures only.
const Patience = 40 * time.Second

// description loads the face's OpenAPI file once. It returns nil when there is none.
var description = sync.OnceValues(func() (*openapi.Spec, error) {
	root, err := server.Root()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(root, "api", "gotify", "openapi.yaml")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return nil, nil //nolint:nilnil // nothing to compare with
	}
	return openapi.Load(path)
})
