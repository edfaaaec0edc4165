package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carillon-push/carillon/config"
)

func TestServe(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := newHouse(t, "DEFAULTUSER_NAME=boss", "DEFAULTUSER_PASS=")
	p := h.start()
	address := p.out.await(t, `listening on (http://\S+)`)
	password := p.out.await(t, `password  (\S+)`)
	p.out.await(t, `(curl -u boss -F name=hello `+address+`/application)`)
	status, body, _ := get(t, plainClient(), address+"/health")
	require.Equal(t, 200, status)
	require.Equal(t, `{"health":"green","database":"green"}`, body)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/application", strings.NewReader("name=hello"))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("boss", password)
	response, err := plainClient().Do(r)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, 200, response.StatusCode)
	p.end()

	for path, mode := range map[string]os.FileMode{"data": 0o700, "data/secret.key": 0o600, "data/carillon.db": 0o600} {
		info, err := os.Stat(filepath.Join(h.dir, path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	// The next start knows the user, and shows no password again.
	p = h.start("serve")
	p.out.await(t, `listening on (http://\S+)`)
	require.NotContains(t, p.out.String()+p.log.String(), "password")
	p.end()
	require.NotContains(t, p.log.String(), password)
}

func TestServeRefusesToStart(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"a user that cannot be":    {[]string{"DEFAULTUSER_NAME=a:b"}, "the first user could not be created: Field 'name' must not contain colons"},
		"an open secret":           {[]string{"DATABASE_CONNECTION=open/c.db"}, "chmod 600"},
		"a folder that is missing": {[]string{"SERVER_LISTENADDR=unix:none/socket"}, "none/socket"},
		"no certificate":           {[]string{"SERVER_SSL_ENABLED=true", "SERVER_SSL_PORT=0", "SERVER_SSL_CERTFILE=none.pem", "SERVER_SSL_CERTKEY=none.pem"}, "server.ssl.certfile"},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			h := newHouse(t, c.environ...)
			require.NoError(t, os.Mkdir(filepath.Join(h.dir, "open"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(h.dir, "open/secret.key"), []byte("0123456789abcdef"), 0o644))
			result := h.run("")
			require.ErrorContains(t, result.err, c.want)
			require.NotContains(t, result.out, "listening")
		})
	}
}

func TestSecretPath(t *testing.T) {
	for connection, want := range map[string]string{
		"data/carillon.db": "data/secret.key", "carillon.db": "secret.key", "/var/lib/c.db": "/var/lib/secret.key",
		"file:data/c.db?mode=rwc": "data/secret.key", "data/c.db?_x=a/b": "data/secret.key",
	} {
		c := config.Default()
		c.Database.Connection = connection
		require.Equal(t, want, secretPath(c), connection)
	}
	c := config.Default()
	c.Database.Dialect, c.Database.Connection = "mysql", "u:p@tcp(h:1)/db"
	require.Equal(t, "data/secret.key", secretPath(c))
}
