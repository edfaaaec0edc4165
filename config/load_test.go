package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t testing.TB, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLoadLooksForAFile(t *testing.T) {
	folder := t.TempDir()
	first, second := filepath.Join(folder, "first.yml"), filepath.Join(folder, "second.yml")
	search := []string{first, second}

	c, _, err := load("", search, nil)
	require.NoError(t, err)
	require.Empty(t, c.Source.Path)
	requireSame(t, Default(), c)

	write(t, folder, "second.yml", "server: {port: 2}")
	c, _, err = load("", search, nil)
	require.NoError(t, err)
	require.Equal(t, second, c.Source.Path)
	require.Equal(t, 2, c.Server.Port)

	// The first file counts alone: files are not mixed.
	write(t, folder, "first.yml", "loglevel: debug")
	c, _, err = load("", search, nil)
	require.NoError(t, err)
	require.Equal(t, first, c.Source.Path)
	require.Equal(t, 8080, c.Server.Port)
	require.Equal(t, "debug", c.LogLevel)

	named := write(t, folder, "named.yml", "loglevel: warn")
	c, _, err = load(named, search, nil)
	require.NoError(t, err)
	require.Equal(t, named, c.Source.Path)
	require.Equal(t, "warn", c.LogLevel)

	// A file that is there and cannot be read is not passed over.
	require.NoError(t, os.Remove(first))
	require.NoError(t, os.Mkdir(first, 0o700))
	_, _, err = load("", search, nil)
	require.ErrorContains(t, err, first)
}

func TestLoadSearchesTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, ".", "config.yml", "server: {port: 3}")
	c, _, err := Load("", nil)
	require.NoError(t, err)
	require.Equal(t, "config.yml", c.Source.Path)
	require.Equal(t, 3, c.Server.Port)
}

func TestLoadNeedsTheNamedFile(t *testing.T) {
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing.yml")
	for _, path := range []string{missing, folder} {
		c, _, err := Load(path, nil)
		require.ErrorContains(t, err, path)
		require.Nil(t, c)
	}
	_, _, err := Load(missing, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestLoadLetsTheEnvironmentWin(t *testing.T) {
	file := "server:\n  port: 1\n  listenaddr: from-file\nloglevel: debug\nlogformat: json\n"
	c, warnings, err := read(t, file,
		"CARILLON_SERVER_PORT=2", "GOTIFY_SERVER_PORT=3", "GOTIFY_LOGLEVEL=warn", "CARILLON_SERVER_LISTENADDR=")
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, 2, c.Server.Port)
	require.Equal(t, "warn", c.LogLevel)
	require.Equal(t, "json", c.LogFormat)
	require.Empty(t, c.Server.ListenAddr, "an empty variable empties a text")
}

func TestLoadChecksWhatItRead(t *testing.T) {
	c, _, err := read(t, "server:\n  port: 70000\n", "GOTIFY_LOGLEVEL=loud")
	require.Nil(t, c)
	require.ErrorContains(t, err, "config.yml:2)")
	require.ErrorContains(t, err, "server.port: must be a port from 0 to 65535, not 70000 (")
	require.ErrorContains(t, err, `loglevel: must be one of debug, info, warn, error, not "loud" (GOTIFY_LOGLEVEL)`)
}

func TestLoadGivesValuesOneSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"sqlite3": "sqlite3", "sqlite": "sqlite3", "SQLite": "sqlite3",
		"mysql": "mysql", "mariadb": "mysql", "MariaDB": "mysql",
		"postgres": "postgres", "postgresql": "postgres", " postgres ": "postgres",
	} {
		c, _, err := read(t, "database: {dialect: '"+given+"'}")
		require.NoError(t, err)
		require.Equal(t, want, c.Database.Dialect)
	}
	c, _, err := read(t, `
server: {listenaddr: "[::1]", baseurl: "https://example.com/push//", ssl: {listenaddr: "[::]"}}
auth: {elevation: Off}
loglevel: INFO
logformat: JSON
`)
	require.NoError(t, err)
	require.Equal(t, "::1", c.Server.ListenAddr)
	require.Equal(t, "::", c.Server.SSL.ListenAddr)
	require.Equal(t, "https://example.com/push", c.Server.BaseURL)
	require.Equal(t, []string{"off", "info", "json"}, []string{c.Auth.Elevation, c.LogLevel, c.LogFormat})

	c, _, err = read(t, `
server: {baseurl: "https://example.com"}
topics: {autocreate: Everyone}
ntfy: {upstream: {baseurl: "https://ntfy.sh/"}}
`)
	require.NoError(t, err)
	require.Equal(t, "everyone", c.Topics.AutoCreate)
	require.Equal(t, "https://ntfy.sh", c.Ntfy.Upstream.BaseURL)
}

func TestLoadKnowsThePermissionsByAllTheirNames(t *testing.T) {
	for _, c := range []struct {
		want        string
		read, write bool
		names       []string
	}{
		{"deny", false, false, []string{"deny", "deny-all", "none", "Deny-All"}},
		{"read", true, false, []string{"read", "read-only", "ro", " READ "}},
		{"write", false, true, []string{"write", "write-only", "wo"}},
		{"read-write", true, true, []string{"read-write", "rw", "RW"}},
	} {
		for _, name := range c.names {
			got, _, err := read(t, "access: {default: '"+name+"'}")
			require.NoError(t, err, name)
			require.Equal(t, c.want, got.Access.Default, name)
			read, write := got.Access.Permission()
			require.Equal(t, c.read, read, name)
			require.Equal(t, c.write, write, name)
		}
	}
	for _, name := range []string{"", "allow", "true", "write-read"} {
		_, _, err := read(t, "access: {default: '"+name+"'}")
		require.ErrorContains(t, err, "access.default: must be one of deny, read, write, read-write, not", name)
	}
}

func TestLoadWarnsOfWhatHasNoEffect(t *testing.T) {
	_, warnings, err := read(t, "passstrength: 12")
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "passstrength")
}

// gotifyFile holds every key that Gotify 2.x knows, as a user may have it.
const gotifyFile = `# Gotify
server:
  keepaliveperiodseconds: 0
  listenaddr: ""
  port: 80 # the HTTP port

  ssl:
    enabled: false
    redirecttohttps: true
    listenaddr: ""
    port: 443
    certfile: # when there is one
    certkey:
    letsencrypt:
      enabled: false
      accepttos: false
      cache: data/certs
      directoryurl:
      hosts: # names
#      - mydomain.tld
#      - myotherdomain.tld
  responseheaders: # for every answer
    Access-Control-Allow-Origin: "*"
    Access-Control-Allow-Methods: "GET,POST"
  trustedproxies:
    - 127.0.0.1/32 # an address
    - ::1
  securecookie: false

  cors:
    alloworigins:
      - ".+.example.com"
      - "otherdomain.com"
    allowmethods:
      - "GET"
      - "POST"
    allowheaders:
      - "Authorization"
      - "content-type"
  stream:
    pingperiodseconds: 45
    allowedorigins:
    - ".+.example.com"
    - "otherdomain.com"

database:
  dialect: DIALECT
  connection: CONNECTION

defaultuser:
  name: admin
  pass: admin
passstrength: 10
uploadedimagesdir: data/images
pluginsdir: data/plugins
registration: false
oidc:
  enabled: false
  issuer:
  clientid: gotify
  clientsecret: secret
  redirecturl: https://gotify.example.com/auth/oidc/callback
  autoregister: true
  usernameclaim: preferred_username
  scopes:
    - openid
    - profile
    - email
`

func TestGotifysFileLoadsUnchanged(t *testing.T) {
	for _, database := range []struct{ dialect, connection string }{
		{"sqlite3", "path/to/database.db"},
		{"mysql", "gotify:secret@/gotifydb?charset=utf8&parseTime=True&loc=Local"},
		{"mysql", "gotify:secret@tcp(localhost:3306)/gotifydb?charset=utf8&parseTime=True&loc=Local"},
		{"postgres", "host=localhost port=3306 user=gotify dbname=gotify password=secret"},
		{"postgres", "host=localhost port=5432 user=gotify dbname=gotify password=secret sslmode=disable"},
	} {
		text := strings.NewReplacer("DIALECT", database.dialect, "CONNECTION", database.connection).Replace(gotifyFile)
		c, warnings, err := read(t, text)
		require.NoError(t, err)
		require.Empty(t, warnings)

		want := Default()
		want.Server.Port = 80
		want.Server.ResponseHeaders = map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET,POST"}
		want.Server.TrustedProxies = []string{"127.0.0.1/32", "::1"}
		want.Server.CORS = CORS{
			AllowOrigins: []string{".+.example.com", "otherdomain.com"},
			AllowMethods: []string{"GET", "POST"},
			AllowHeaders: []string{"Authorization", "content-type"},
		}
		want.Server.Stream = Stream{PingPeriodSeconds: 45, AllowedOrigins: []string{".+.example.com", "otherdomain.com"}}
		want.Database.Dialect, want.Database.Connection = database.dialect, database.connection
		want.DefaultUser.Pass = "admin"
		want.OIDC.ClientID, want.OIDC.ClientSecret = "gotify", "secret"
		want.OIDC.RedirectURL = "https://gotify.example.com/auth/oidc/callback"
		requireSame(t, want, c)
	}
}
