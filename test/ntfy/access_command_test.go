package ntfy

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// access runs carillon access in the place and returns what it printed.
func access(t *testing.T, place server.Place, arguments ...string) string {
	t.Helper()
	out, err := tryAccess(t, place, arguments...)
	if err != nil {
		t.Fatalf("carillon access %s: %v", strings.Join(arguments, " "), err)
	}
	return out
}

// tryAccess returns an error with what it said when it failed.
func tryAccess(t *testing.T, place server.Place, arguments ...string) (string, error) {
	t.Helper()
	cmd, err := place.Command(append([]string{"access"}, arguments...)...)
	require.NoError(t, err)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return string(out), errors.New(string(failed.Stderr))
	}
	return string(out), err
}

// rows returns the rules in a list, without its head.
func rows(t *testing.T, list string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(list, "\n"), "\n")
	require.Regexp(t, `^USER +PATTERN +PERMISSION$`, lines[0])
	found := []string{}
	for _, row := range lines[1:] {
		found = append(found, regexp.MustCompile(` +`).ReplaceAllString(row, " "))
	}
	return found
}

// The commands work on the database while the server runs, which follows: it opens
// what they open, and ends the streams of whom they lock out.
func TestAccessCommands(t *testing.T) {
	Long(t)
	Own(t, nil, func(t *testing.T, s *server.Server) {
		owner, reader, stranger := NewUser(t, s), NewUser(t, s), Anonymous(t, s)
		topic, other := NewTopic(), NewTopic()
		owner.Publish(topic, "m")
		owner.Publish(other, "m")
		require.Empty(t, rows(t, access(t, s.Place)))
		name := reader.Person.Name

		require.Contains(t, access(t, s.Place, "set", name, topic, "read-only"), topic)
		gotify.Until(t, "the reader may read", func() bool { return reader.Get("/"+topic+"/auth").Status == 200 })
		mayNotWrite(reader.Caller, topic)
		access(t, s.Place, "set", name, topic[:8]+"*", "write-only")
		access(t, s.Place, "set", "everyone", other, "read-write")
		gotify.Until(t, "strangers may read", func() bool { return stranger.Get("/"+other+"/auth").Status == 200 })
		stranger.Publish(other, "from a stranger")
		require.ElementsMatch(t, []string{name + " " + topic + " read-only", name + " " + topic[:8] + "* write-only", "everyone " + other + " read-write"},
			rows(t, access(t, s.Place, "list")))
		require.Equal(t, access(t, s.Place, "list"), access(t, s.Place))

		readers, strangers, owners := streamsOf(reader.Caller, topic), streamsOf(stranger, other), streamsOf(owner.Caller, topic)
		access(t, s.Place, "set", name, topic, "deny")
		allEnd(t, readers)
		access(t, s.Place, "reset", "everyone", other)
		allEnd(t, strangers)
		owner.Publish(topic, "still there")
		allHear(t, "still there", owners)
		mayNotRead(reader.Caller, topic)
		mayNotWrite(stranger, other)
		require.ElementsMatch(t, []string{name + " " + topic + " deny", name + " " + topic[:8] + "* write-only"}, rows(t, access(t, s.Place)))

		access(t, s.Place, "reset", name, topic)
		gotify.Until(t, "the wider rule counts", func() bool { return reader.Put("/"+topic, "m").Status == 200 })
		access(t, s.Place, "set", "*", other, "rw")
		access(t, s.Place, "reset", name)
		require.Equal(t, []string{"everyone " + other + " read-write"}, rows(t, access(t, s.Place)))
		access(t, s.Place, "reset")
		require.Empty(t, rows(t, access(t, s.Place)))
		gotify.Until(t, "nobody may anything", func() bool { return stranger.Get("/"+other+"/auth").Status == 403 })
	})
}

func TestWrongAccessCommands(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		name := NewUser(t, s).Person.Name
		access(t, s.Place, "set", name, "kept", "read-only")
		for _, arguments := range [][]string{
			{"set"}, {"set", name}, {"set", name, "topic"}, {"set", "nobody " + name, "topic", "rw"}, {"set", name, "topic", "sometimes"}, {"set", name, "a/b", "rw"},
			{"set", name, "", "rw"}, {"set", name, "a b", "rw"}, {"reset", "nobody " + name}, {"reset", name, "other"}, {"reset", "everyone"}, {"allow", name, "topic"},
		} {
			out, err := tryAccess(t, s.Place, arguments...)
			require.Error(t, err, "%q: %s", arguments, out)
			require.NotEmpty(t, err.Error())
			require.NotContains(t, err.Error(), "goroutine")
		}
		require.Equal(t, []string{name + " kept read-only"}, rows(t, access(t, s.Place)))
	})
}

// Two servers on one database: what is set on one holds on the other within
// seconds, for streams too.
func TestAccessOnTwoServers(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		place := server.NewPlace(t, d, map[string]string{"secretkey": "the secret of both servers"})
		first := place.Start(t)
		second := place.Beside(t).Start(t)
		owner, reader := NewUser(t, first), NewUser(t, first)
		topic := NewTopic()
		owner.Publish(topic, "m")
		there := func(u *User) *Caller { return Anonymous(t, second).Bearer(u.Token) }
		stranger := Anonymous(t, second)
		mayRead(there(owner), topic)
		mayNotRead(there(reader), topic)
		mayNotWrite(stranger, topic)

		status := func(c *Caller, status int) {
			t.Helper()
			gotify.Until(t, "the other server follows", func() bool { return c.Get("/"+topic+"/auth").Status == status })
		}
		Allow(t, first, reader.Person.Name, topic, "read-write")
		Allow(t, first, "*", topic, "read-only")
		status(there(reader), 200)
		status(stranger, 200)
		there(reader).Publish(topic, "written on the other")
		token := reader.ByPassword().NewToken(nil)
		status(Anonymous(t, second).Bearer(token), 200)

		readers, strangers, owners := streamsOf(there(reader), topic), streamsOf(stranger, topic), streamsOf(there(owner), topic)
		ofToken := streamsOf(Anonymous(t, second).Bearer(token), topic)
		reader.With("X-Token", token).Delete("/v1/account/token").Want(200)
		allEnd(t, ofToken)
		Allow(t, first, reader.Person.Name, topic, "deny-all")
		allEnd(t, readers)
		Admin(t, first).Do("DELETE", "/v1/users/access", object{"username": "*", "topic": topic}).Want(200)
		allEnd(t, strangers)
		mayNotRead(there(reader), topic)
		there(owner).Publish(topic, "still there")
		allHear(t, "still there", owners)
	})
}
