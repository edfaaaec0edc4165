package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionAndHelp(t *testing.T) {
	h := newHouse(t)
	version := h.run("", "version")
	require.NoError(t, version.err)
	require.Equal(t, "carillon 0.1.0-dev (commit unknown, built unknown)\n", version.out)
	for _, word := range []string{"help", "-h", "--help"} {
		help := h.run("", word)
		require.NoError(t, help.err)
		require.Equal(t, usage, help.out)
	}
	left, err := os.ReadDir(h.dir)
	require.NoError(t, err)
	require.Empty(t, left, "they need no settings and no database")
}

func TestWrongArguments(t *testing.T) {
	h := newHouse(t)
	for args, want := range map[string]string{
		"srve": `unknown command "srve"`, "config": `unknown command "config"`, "user": `unknown command "user"`, "user remove ada": "unknown command",
		"serve now": "unknown command", "version now": "unknown command", "health x": "unknown command", "config check x": "unknown command",
		"user list ada": "unknown command", "user add": "exactly one user name is needed", "user passwd": "exactly one user name is needed",
		"user add ada bob": "unknown command", "--verbose": "flag provided but not defined: -verbose", "user add ada --nimda": "flag provided but not defined",
		"--config": "flag needs an argument", "serve --admin": "--admin belongs to", "user passwd ada --admin": "--admin belongs to",
		"serve --config none.yml": "none.yml", "--config none.yml": "none.yml", "user --config none.yml list": "none.yml",
	} {
		result := h.run("", strings.Fields(args)...)
		require.ErrorContains(t, result.err, want, args)
		require.Empty(t, result.out)
	}
	left, err := os.ReadDir(h.dir)
	require.NoError(t, err)
	require.Empty(t, left, "a mistyped command leaves nothing behind")
}

func TestConfigCheck(t *testing.T) {
	h := newHouse(t, "SECRETKEY=a secret that nobody may see")
	settings := h.run("", "config", "check")
	require.NoError(t, settings.err)
	require.Contains(t, settings.out, "# settings from no file and the environment")
	require.Contains(t, settings.out, "dialect: sqlite3")
	require.NotContains(t, settings.out+settings.log, "nobody may see")
	require.NotContains(t, settings.out+settings.log, "the first password")

	path := filepath.Join(h.dir, "my.yml")
	require.NoError(t, os.WriteFile(path, []byte("registration: true\npassstrength: 12\n"), 0o600))
	for _, args := range [][]string{{"--config", path, "config", "check"}, {"config", "check", "--config", path}, {"config", "--config=" + path, "check"}} {
		settings = h.run("", args...)
		require.NoError(t, settings.err)
		require.Contains(t, settings.out, "# settings from "+path)
		require.Contains(t, settings.out, "registration: true")
		require.Contains(t, settings.log, "passstrength has no effect")
	}
	require.NoError(t, os.WriteFile(path, []byte("regstration: true\n"), 0o600))
	require.ErrorContains(t, h.run("", "config", "check", "--config", path).err, "regstration")
	h.set("AUTH_ELEVATION=sometimes")
	require.ErrorContains(t, h.run("", "config", "check").err, "auth.elevation")
}

func TestUserCommands(t *testing.T) {
	h := newHouse(t)
	empty := h.run("", "user", "list")
	require.NoError(t, empty.err)
	require.Regexp(t, `^ID +NAME +ADMIN +CREATED\n$`, empty.out)

	added := h.run("a password\n", "user", "add", "ada", "--admin")
	require.NoError(t, added.err)
	require.Equal(t, "created user \"ada\" (id 1)\n", added.out)
	require.NoError(t, h.run("another one\r\nnext line", "user", "add", "bob").err)
	made := h.run("", "user", "--admin", "add", "eve")
	require.NoError(t, made.err)
	require.Regexp(t, `^password: ([a-z2-9]{6}-){3}[a-z2-9]{6}\ncreated user "eve" \(id 3\)\n$`, made.out)
	require.Regexp(t, `(?s)ID.*\n1 +ada +true +2.*\n2 +bob +false +2.*\n3 +eve +true +2`, h.run("", "user", "list").out)

	require.ErrorContains(t, h.run("x\n", "user", "add", "ada").err, "username already exists")
	require.ErrorContains(t, h.run("x\n", "user", "add", "a:b").err, "colons")
	require.ErrorContains(t, h.run(strings.Repeat("x", 2000), "user", "add", "long").err, "must not be longer")
	changed := h.run("a new password\n", "user", "passwd", "ada")
	require.NoError(t, changed.err)
	require.Equal(t, "set the password of user \"ada\"; web sessions were ended\n", changed.out)
	require.ErrorContains(t, h.run("x\n", "user", "passwd", "nobody").err, `user "nobody": not found`)
	for _, result := range []call{added, made, changed} {
		require.NotContains(t, result.log, "password")
	}

	p := h.start()
	address := p.out.await(t, `listening on (http://\S+)`)
	require.NotContains(t, p.out.String(), "first start", "there is an admin already")
	login := func(name, password string) int {
		u, err := url.Parse(address)
		require.NoError(t, err)
		u.User, u.Path = url.UserPassword(name, password), "/current/user"
		status, _, _ := get(t, plainClient(), u.String())
		return status
	}
	require.Equal(t, 200, login("ada", "a new password"))
	require.Equal(t, 401, login("ada", "a password"))
	require.Equal(t, 200, login("bob", "another one"))
	p.end()
}

func TestHealthCommand(t *testing.T) {
	h := newHouse(t)
	healthy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !healthy || r.URL.Path != "/health" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte(`{"health":"it"}`))
	}))
	defer server.Close()
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	h.set("SERVER_LISTENADDR="+host, "SERVER_PORT="+port)
	result := h.run("", "health")
	require.NoError(t, result.err)
	require.Equal(t, "{\"health\":\"it\"}\n", result.out)
	healthy = false
	result = h.run("", "health")
	require.ErrorContains(t, result.err, "the server answered 500")
	require.Contains(t, result.out, "it")
	server.Close()
	require.Error(t, h.run("", "health").err)
	left, err := os.ReadDir(h.dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
