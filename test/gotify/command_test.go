package gotify

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// Sub-commands work on the database directly, also while the server runs: that
// is what an administrator who is locked out needs.
func TestUserCommands(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		require.Contains(t, command(t, s.Place, "", "user", "list"), user.Name)

		name := "by-command-" + user.Name
		command(t, s.Place, "a first password\n", "user", "add", name, "--admin")
		added := Anonymous(t, s).Basic(name, "a first password")
		require.True(t, As[User](added.Get("/current/user")).Admin)
		command(t, s.Place, "a second password\n", "user", "passwd", name)
		Until(t, "the running server knows the new password", func() bool {
			return Anonymous(t, s).Basic(name, "a second password").Get("/current/user").Status == 200
		})
		Until(t, "the running server forgets the old password", func() bool { return added.Get("/current/user").Status == 401 })

		cmd, err := s.Command("user", "passwd", "nobody "+user.Name)
		require.NoError(t, err)
		cmd.Stdin = strings.NewReader("x\n")
		out, err := cmd.CombinedOutput()
		require.Error(t, err, "%s", out)
	})
}

func TestOtherCommands(t *testing.T) {
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		place := server.NewPlace(t, d, map[string]string{"secretkey": "a secret that nobody may see"})
		require.Regexp(t, `\d+\.\d+`, command(t, place, "", "version"))
		settings := command(t, place, "", "config", "check")
		require.Contains(t, settings, d.Name)
		require.NotContains(t, settings, place.Settings["secretkey"])
		require.NotContains(t, settings, server.AdminPassword)
		place.Settings["auth.elevation"] = "sometimes"
		cmd, err := place.Command("serve")
		require.NoError(t, err)
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, strings.ToLower(string(out)), "elevation")
	})
}

// Without a configured password the first start makes one up, shows it once, and
// never again.
func TestFirstStartMakesAPassword(t *testing.T) {
	own(t, map[string]string{"defaultuser.pass": ""}, func(t *testing.T, s *server.Server) {
		stdout, stderr := s.Output()
		Anonymous(t, s).Basic("admin", "admin").Get("/current/user").Refused(401)
		var password string
		for _, word := range regexp.MustCompile(`\S+`).FindAllString(stdout, -1) {
			if len(word) >= 12 && Anonymous(t, s).Basic("admin", word).Get("/current/user").Status == 200 {
				password = word
			}
		}
		require.NotEmpty(t, password, "no word of this is the password: %s", stdout)
		require.NotContains(t, stderr, password)
		s.Restart(t)
		stdout, stderr = s.Output()
		require.NotContains(t, stdout+stderr, password)
		Anonymous(t, s).Basic("admin", password).Get("/current/user").Want(200)
	})
}

// command runs a sub-command to its end and returns its output.
func command(t *testing.T, place server.Place, stdin string, arguments ...string) string {
	t.Helper()
	cmd, err := place.Command(arguments...)
	require.NoError(t, err)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("carillon %s: %v\n%s%s", strings.Join(arguments, " "), err, out, failed.Stderr)
	}
	require.NoError(t, err)
	return string(out)
}
