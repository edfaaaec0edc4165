package server

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-push/carillon/test/dialect"
)

// The administrator that exists on every server the tests start.
const (
	AdminName     = "admin"
	AdminPassword = "the admin of the tests"
)

// Place is where a server runs: its database, its working directory and its
// settings.
type Place struct {
	Dialect    dialect.Dialect
	Connection string
	// Dir is the working directory, empty at first.
	Dir string
	// Settings maps the path of a setting, like server.baseurl, to its value.
	Settings map[string]string
	// Environment holds further variables, like TZ=Asia/Kolkata.
	Environment []string
}

// NewPlace returns a place with a fresh database and an empty folder. The
// settings are added to these defaults: any port on 127.0.0.1, an administrator
// with a known password, and no limits for 127.0.0.0/8. An empty value leaves
// the setting at the product's own default.
func NewPlace(t testing.TB, d dialect.Dialect, settings map[string]string) Place {
	t.Helper()
	_, connection := d.Fresh(t)
	return newPlace(d, connection, t.TempDir(), settings)
}

func newPlace(d dialect.Dialect, connection, dir string, settings map[string]string) Place {
	all := map[string]string{
		"server.listenaddr":   "127.0.0.1",
		"server.port":         "0",
		"database.dialect":    d.Name,
		"database.connection": connection,
		"defaultuser.name":    AdminName,
		"defaultuser.pass":    AdminPassword,
		"limits.exempthosts":  "127.0.0.0/8",
	}
	maps.Copy(all, settings)
	return Place{Dialect: d, Connection: connection, Dir: dir, Settings: all}
}

// Beside returns a place with the same database and settings and a folder of
// its own, for a second process.
func (p Place) Beside(t testing.TB) Place {
	t.Helper()
	p.Dir = t.TempDir()
	p.Settings = maps.Clone(p.Settings)
	return p
}

// Command returns the binary with the arguments, ready to run in the place. It
// does not inherit the environment of the tests.
func (p Place) Command(arguments ...string) (*exec.Cmd, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, arguments...)
	cmd.Dir = p.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.Dir, "TMPDIR=" + p.Dir}
	cmd.Env = append(cmd.Env, p.Environment...)
	for path, value := range p.Settings {
		if value != "" {
			cmd.Env = append(cmd.Env, variable(path)+"="+value)
		}
	}
	return cmd, nil
}

// variable returns the name of the environment variable of a setting.
func variable(path string) string {
	return "CARILLON_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}
