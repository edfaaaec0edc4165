package ntfy

import (
	"testing"

	"github.com/carillon-push/carillon/test/server"
)

func TestMain(m *testing.M) { server.Main(m) }

// object is a JSON object.
type object = map[string]any
