package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEnvironmentSetsEveryKindOfValue(t *testing.T) {
	c, warnings, err := load("", nil, []string{
		"PATH=/bin", "CARILLONX=1", "NOCOLOR=1",
		"CARILLON_SERVER_PORT= 81 ",
		"CARILLON_SERVER_KEEPALIVEPERIODSECONDS=-1",
		"CARILLON_SERVER_SSL_REDIRECTTOHTTPS=0",
		"CARILLON_REGISTRATION=TRUE",
		"CARILLON_SERVER_TIMEOUTS_READ=1500ms",
		"CARILLON_LIMITS_LOGINS_PERMINUTE=0.25",
		"CARILLON_DEFAULTUSER_PASS= =x= ",
		"CARILLON_ATTACHMENTS_TOTAL=9000000000",
		"CARILLON_NTFY_KEEPALIVE=1ms",
		"CARILLON_SERVER_PORT=82",
	})
	require.NoError(t, err)
	require.Empty(t, warnings)
	want := Default()
	want.Server.Port = 81
	want.Server.KeepAlivePeriodSeconds = -1
	want.Server.SSL.RedirectToHTTPS = false
	want.Registration = true
	want.Server.Timeouts.Read = 1500 * time.Millisecond
	want.Limits.Logins.PerMinute = 0.25
	want.DefaultUser.Pass = " =x= "
	want.Attachments.Total = 9_000_000_000
	want.Ntfy.KeepAlive = time.Millisecond
	requireSame(t, want, c)
}

func TestEnvironmentSetsLists(t *testing.T) {
	for text, want := range map[string][]string{
		"":                          {"openid", "profile", "email"},
		"  ":                        {"openid", "profile", "email"},
		"[]":                        {},
		"a":                         {"a"},
		"a,b":                       {"a", "b"},
		" a , b ,":                  {"a", "b"},
		`"a,b",c`:                   {"a,b", "c"},
		`[a, "b,c", 'd']`:           {"a", "b,c", "d"},
		"[a,\n b]":                  {"a", "b"},
		`[".+.example.com", "x.y"]`: {".+.example.com", "x.y"},
		`[a-z]+\.example\.com`:      {`[a-z]+\.example\.com`},
		`.+\.example\.com,x`:        {`.+\.example\.com`, "x"},
	} {
		c, _, err := load("", nil, []string{"CARILLON_OIDC_SCOPES=" + text})
		require.NoError(t, err, text)
		require.Equal(t, want, c.OIDC.Scopes, text)
	}
}

func TestEnvironmentSetsMaps(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                  {},
		"{}":                                {},
		`{"X-A":"b","X-C":"d\/\u00e9"}`:     {"X-A": "b", "X-C": "d/é"},
		"{\n\t\"X-A\": \"b\"\n}":            {"X-A": "b"},
		`{X-Custom-Header: "custom value"}`: {"X-Custom-Header": "custom value"},
		"X-A: b\nX-C: 5":                    {"X-A": "b", "X-C": "5"},
	} {
		c, _, err := load("", nil, []string{"GOTIFY_SERVER_RESPONSEHEADERS=" + text})
		require.NoError(t, err, text)
		require.Equal(t, want, c.Server.ResponseHeaders, text)
	}
}

func TestEnvironmentReadsFiles(t *testing.T) {
	folder := t.TempDir()
	pass := write(t, folder, "pass", " secret\nline \r\n\n")
	port := write(t, folder, "port", "81\n")
	headers := write(t, folder, "headers", "X-A: b\n")
	c, _, err := load("", nil, []string{
		"CARILLON_DEFAULTUSER_PASS_FILE=" + pass,
		"GOTIFY_SERVER_PORT_FILE=" + port,
		"CARILLON_SERVER_RESPONSEHEADERS_FILE=" + headers,
		// An own name wins over Gotify's, whichever of both is a file.
		"GOTIFY_DEFAULTUSER_PASS=other",
		"CARILLON_LOGLEVEL=debug",
		"GOTIFY_LOGLEVEL_FILE=" + port,
	})
	require.NoError(t, err)
	require.Equal(t, " secret\nline ", c.DefaultUser.Pass)
	require.Equal(t, 81, c.Server.Port)
	require.Equal(t, map[string]string{"X-A": "b"}, c.Server.ResponseHeaders)
	require.Equal(t, "debug", c.LogLevel)
}

// gotifyNames are the environment names of Gotify 3, with a value for each.
var gotifyNames = map[string]string{
	"GOTIFY_LOGLEVEL":                            "debug",
	"GOTIFY_SERVER_KEEPALIVEPERIODSECONDS":       "30",
	"GOTIFY_SERVER_LISTENADDR":                   "127.0.0.1",
	"GOTIFY_SERVER_PORT":                         "81",
	"GOTIFY_SERVER_SSL_ENABLED":                  "true",
	"GOTIFY_SERVER_SSL_REDIRECTTOHTTPS":          "false",
	"GOTIFY_SERVER_SSL_LISTENADDR":               "127.0.0.1",
	"GOTIFY_SERVER_SSL_PORT":                     "444",
	"GOTIFY_SERVER_SSL_CERTFILE":                 "cert.pem",
	"GOTIFY_SERVER_SSL_CERTKEY":                  "key.pem",
	"GOTIFY_SERVER_SSL_LETSENCRYPT_ENABLED":      "true",
	"GOTIFY_SERVER_SSL_LETSENCRYPT_ACCEPTTOS":    "true",
	"GOTIFY_SERVER_SSL_LETSENCRYPT_CACHE":        "certs",
	"GOTIFY_SERVER_SSL_LETSENCRYPT_DIRECTORYURL": "https://acme.example.com/directory",
	"GOTIFY_SERVER_SSL_LETSENCRYPT_HOSTS":        "a.example.com,b.example.com",
	"GOTIFY_SERVER_RESPONSEHEADERS":              `{"X-A":"b"}`,
	"GOTIFY_SERVER_STREAM_PINGPERIODSECONDS":     "20",
	"GOTIFY_SERVER_STREAM_ALLOWEDORIGINS":        "a,b",
	"GOTIFY_SERVER_CORS_ALLOWORIGINS":            "a,b",
	"GOTIFY_SERVER_CORS_ALLOWMETHODS":            "GET,POST",
	"GOTIFY_SERVER_CORS_ALLOWHEADERS":            "Authorization",
	"GOTIFY_SERVER_TRUSTEDPROXIES":               "10.0.0.1",
	"GOTIFY_SERVER_SECURECOOKIE":                 "true",
	"GOTIFY_DATABASE_DIALECT":                    "postgres",
	"GOTIFY_DATABASE_CONNECTION":                 "host=x",
	"GOTIFY_DEFAULTUSER_NAME":                    "root",
	"GOTIFY_DEFAULTUSER_PASS":                    "secret",
	"GOTIFY_PASSSTRENGTH":                        "11",
	"GOTIFY_UPLOADEDIMAGESDIR":                   "images",
	"GOTIFY_PLUGINSDIR":                          "",
	"GOTIFY_REGISTRATION":                        "true",
	"GOTIFY_OIDC_ENABLED":                        "false",
	"GOTIFY_OIDC_ISSUER":                         "https://id.example.com",
	"GOTIFY_OIDC_CLIENTID":                       "gotify",
	"GOTIFY_OIDC_CLIENTSECRET":                   "secret",
	"GOTIFY_OIDC_REDIRECTURL":                    "https://example.com/callback",
	"GOTIFY_OIDC_USERNAMECLAIM":                  "email",
	"GOTIFY_OIDC_AUTOREGISTER":                   "false",
	"GOTIFY_OIDC_LINK_BY_USERNAME":               "true",
	"GOTIFY_OIDC_SCOPES":                         "openid",
}

func TestGotifysEnvironmentNamesAreKnown(t *testing.T) {
	var environ []string
	for name, value := range gotifyNames {
		environ = append(environ, name+"="+value)
	}
	c, warnings, err := load("", nil, environ)
	require.NoError(t, err)
	require.Equal(t, []string{"passstrength has no effect: passwords are stored as argon2id"}, warnings)
	require.Len(t, c.Source.places, len(gotifyNames))
	defaults := settings(Default())
	for i, s := range settings(c) {
		if place := c.Source.places[s.path]; place != "" && place != "GOTIFY_OIDC_ENABLED" {
			require.False(t, reflect.DeepEqual(defaults[i].field.Interface(), s.field.Interface()), "%s changed nothing", place)
		}
	}
	require.True(t, c.OIDC.LinkByUsername)
}

func TestEverySettingHasBothNames(t *testing.T) {
	for _, s := range settings(Default()) {
		name := strings.ToUpper(strings.ReplaceAll(s.path, ".", "_"))
		require.Equal(t, []string{"CARILLON_" + name, "GOTIFY_" + name}, variables(s.path)[:2])
	}
	seen := map[string]string{}
	for _, s := range settings(Default()) {
		for _, name := range variables(s.path) {
			for _, name := range []string{name, name + "_FILE"} {
				require.Empty(t, seen[name], "%s means %s and %s", name, seen[name], s.path)
				seen[name] = s.path
			}
		}
	}
}

func TestEnvironmentIsRefused(t *testing.T) {
	folder := t.TempDir()
	secret := write(t, folder, "secret", "hunter2")
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"text for a number":   {[]string{"CARILLON_SERVER_PORT=eighty"}, `CARILLON_SERVER_PORT: must be a whole number, not "eighty"`},
		"nothing for number":  {[]string{"GOTIFY_SERVER_PORT="}, `GOTIFY_SERVER_PORT: must be a whole number, not ""`},
		"too large":           {[]string{"CARILLON_LIMITS_BODY=9223372036854775808"}, `CARILLON_LIMITS_BODY: must be a whole number, not "9223372036854775808"`},
		"text for a bool":     {[]string{"CARILLON_REGISTRATION=maybe"}, `CARILLON_REGISTRATION: must be true or false, not "maybe"`},
		"no unit":             {[]string{"CARILLON_SERVER_TIMEOUTS_READ=5"}, `CARILLON_SERVER_TIMEOUTS_READ: must be a duration with its unit, such as 10s or 2m, not "5"`},
		"text for a float":    {[]string{"CARILLON_LIMITS_LOGINS_PERMINUTE=NaN"}, `CARILLON_LIMITS_LOGINS_PERMINUTE: must be a number, not "NaN"`},
		"lines for a list":    {[]string{"CARILLON_OIDC_SCOPES=a\nb"}, "CARILLON_OIDC_SCOPES: must be a list: one line of comma-separated values, or [a, b]"},
		"broken list":         {[]string{"CARILLON_OIDC_SCOPES=[a, [b]"}, "CARILLON_OIDC_SCOPES: sequence end token ']' not found"},
		"list of lists":       {[]string{"CARILLON_OIDC_SCOPES=[a, [b]]"}, "CARILLON_OIDC_SCOPES: item 2 must be a single value"},
		"text for a map":      {[]string{"CARILLON_SERVER_RESPONSEHEADERS=X"}, "CARILLON_SERVER_RESPONSEHEADERS: must be a mapping of names to texts"},
		"list for a map":      {[]string{`CARILLON_SERVER_RESPONSEHEADERS=["X"]`}, "CARILLON_SERVER_RESPONSEHEADERS: must be a mapping of names to texts"},
		"null for a map":      {[]string{"CARILLON_SERVER_RESPONSEHEADERS=null"}, "CARILLON_SERVER_RESPONSEHEADERS: must be a mapping of names to texts"},
		"NUL in a text":       {[]string{"CARILLON_LOGLEVEL=a\x00"}, "CARILLON_LOGLEVEL: must not hold a NUL character"},
		"NUL in a list":       {[]string{"CARILLON_OIDC_SCOPES=a\x00"}, "CARILLON_OIDC_SCOPES: must not hold a NUL character"},
		"unknown":             {[]string{"CARILLON_SERVER_PRT=80"}, "CARILLON_SERVER_PRT: unknown setting; did you mean CARILLON_SERVER_PORT?"},
		"unknown file":        {[]string{"CARILLON_SERVER_PRT_FILE=x"}, "CARILLON_SERVER_PRT_FILE: unknown setting; did you mean CARILLON_SERVER_PORT_FILE?"},
		"in a section":        {[]string{"CARILLON_LIMITS_QUUXQUUXQUUX=80"}, "CARILLON_LIMITS_QUUXQUUXQUUX: unknown setting"},
		"lower case":          {[]string{"CARILLON_server_port=80"}, "CARILLON_server_port: unknown setting; did you mean CARILLON_SERVER_PORT?"},
		"section":             {[]string{"CARILLON_SERVER=x"}, "CARILLON_SERVER: unknown setting"},
		"value and file":      {[]string{"CARILLON_LOGLEVEL=info", "CARILLON_LOGLEVEL_FILE=" + secret}, "CARILLON_LOGLEVEL_FILE: set together with CARILLON_LOGLEVEL; only one of both may be"},
		"empty and file":      {[]string{"GOTIFY_LOGLEVEL=", "GOTIFY_LOGLEVEL_FILE=" + secret}, "GOTIFY_LOGLEVEL_FILE: set together with GOTIFY_LOGLEVEL; only one of both may be"},
		"file without a name": {[]string{"CARILLON_LOGLEVEL_FILE="}, "CARILLON_LOGLEVEL_FILE: names no file"},
		"missing file":        {[]string{"CARILLON_LOGLEVEL_FILE=/nowhere/x"}, "CARILLON_LOGLEVEL_FILE: open /nowhere/x: no such file or directory"},
		"wrong file":          {[]string{"CARILLON_SERVER_PORT_FILE=" + secret}, "CARILLON_SERVER_PORT_FILE: must be a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load("", nil, c.environ)
			require.ErrorContains(t, err, c.want)
			require.True(t, strings.HasPrefix(err.Error(), c.want), err)
			require.NotContains(t, err.Error(), "hunter2")
			require.Nil(t, got)
		})
	}
	_, _, err := load("", nil, []string{"CARILLON_LOGLEVEL_FILE=" + folder})
	require.ErrorContains(t, err, "CARILLON_LOGLEVEL_FILE")
	large := write(t, folder, "large", strings.Repeat("x", maxDocumentBytes+1))
	_, _, err = load("", nil, []string{"CARILLON_LOGLEVEL_FILE=" + large})
	require.ErrorContains(t, err, filepath.Base(large)+" is larger than")
}

// A variable of a script that only shares our prefix does not stop the server.
func TestNamesUnlikeAnySettingAreWarnedOf(t *testing.T) {
	_, warnings, err := load("", nil, []string{"CARILLON_QUUX=80", "CARILLON_TEST_DSN=x", "CARILLON_BIN=/x"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"CARILLON_BIN: unknown setting, ignored",
		"CARILLON_QUUX: unknown setting, ignored",
		"CARILLON_TEST_DSN: unknown setting, ignored",
	}, warnings)
}

func TestUnknownGotifyNamesAreWarnedOf(t *testing.T) {
	_, warnings, err := load("", nil, []string{"GOTIFY_SERVER_PRT=80", "GOTIFY_CONFIG_FILE=/etc/x"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"GOTIFY_CONFIG_FILE: unknown setting, ignored",
		"GOTIFY_SERVER_PRT: unknown setting, ignored; did you mean GOTIFY_SERVER_PORT?",
	}, warnings)
}

func TestSomeOfNtfysNamesAreKnown(t *testing.T) {
	token := write(t, t.TempDir(), "token", "tk_secret\n")
	c, warnings, err := load("", nil, []string{
		"NTFY_BASE_URL=https://push.example.com/",
		"NTFY_AUTH_DEFAULT_ACCESS=read-only",
		"NTFY_GLOBAL_TOPIC_LIMIT=7",
		"NTFY_KEEPALIVE_INTERVAL=30s",
		"NTFY_TEMPLATE_DIR=/templates",
		"NTFY_UPSTREAM_BASE_URL=https://ntfy.sh",
		"NTFY_UPSTREAM_ACCESS_TOKEN_FILE=" + token,
		"NTFY_VISITOR_SUBSCRIPTION_LIMIT=8",
	})
	require.NoError(t, err)
	require.Empty(t, warnings)
	want := Default()
	want.Server.BaseURL = "https://push.example.com"
	want.Access.Default = "read"
	want.Topics.Limit = 7
	want.Ntfy = Ntfy{KeepAlive: 30 * time.Second, Message: 4096, Templates: "/templates"}
	want.Ntfy.Upstream = Upstream{BaseURL: "https://ntfy.sh", Token: "tk_secret"}
	want.Limits.Visitor.Subscriptions = 8
	requireSame(t, want, c)

	c, _, err = load("", nil, []string{"NTFY_BASE_URL=https://b.example.com", "GOTIFY_SERVER_BASEURL=https://a.example.com"})
	require.NoError(t, err)
	require.Equal(t, "https://a.example.com", c.Server.BaseURL, "other names win")

	_, _, err = load("", nil, []string{"NTFY_KEEPALIVE_INTERVAL=30"})
	require.EqualError(t, err, `NTFY_KEEPALIVE_INTERVAL: must be a duration with its unit, such as 10s or 2m, not "30"`)
	_, _, err = load("", nil, []string{"NTFY_AUTH_DEFAULT_ACCESS=some"})
	require.EqualError(t, err, `access.default: must be one of deny, read, write, read-write, not "some" (NTFY_AUTH_DEFAULT_ACCESS)`)

	_, warnings, err = load("", nil, []string{"NTFY_TOPIC=alerts", "NTFY_ATTACHMENT_CACHE_DIR=/var/cache/ntfy/attachments", "NTFY_KEEPALIVE_INTERVALL=1s"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"NTFY_ATTACHMENT_CACHE_DIR: unknown setting, ignored",
		"NTFY_KEEPALIVE_INTERVALL: unknown setting, ignored; did you mean NTFY_KEEPALIVE_INTERVAL?",
		"NTFY_TOPIC: unknown setting, ignored",
	}, warnings)
}

// service is what Kubernetes injects for a service.
func service(prefix string) []string {
	return []string{
		prefix + "_SERVICE_HOST=10.0.0.11",
		prefix + "_SERVICE_PORT=80",
		prefix + "_SERVICE_PORT_HTTP=80",
		prefix + "_PORT=tcp://10.0.0.11:80",
		prefix + "_PORT_80_TCP=tcp://10.0.0.11:80",
		prefix + "_PORT_80_TCP_PROTO=tcp",
		prefix + "_PORT_80_TCP_PORT=80",
		prefix + "_PORT_80_TCP_ADDR=10.0.0.11",
	}
}

func TestKubernetesMayInjectItsServices(t *testing.T) {
	for _, prefix := range []string{"CARILLON", "GOTIFY", "NTFY", "CARILLON_POSTGRES", "GOTIFY_WEB"} {
		c, warnings, err := load("", nil, service(prefix))
		require.NoError(t, err, prefix)
		require.Empty(t, warnings, prefix)
		requireSame(t, Default(), c)
	}

	c, warnings, err := load("", nil, append(service("CARILLON_SERVER"), "GOTIFY_SERVER_PORT=81"))
	require.NoError(t, err)
	require.Equal(t, []string{"CARILLON_SERVER_PORT: looks like what Kubernetes injects for a service, ignored"}, warnings)
	require.Equal(t, 81, c.Server.Port)

	// Next to that service the setting itself still works.
	c, _, err = load("", nil, []string{"CARILLON_SERVER_SERVICE_HOST=x", "CARILLON_SERVER_SERVICE_PORT=1", "CARILLON_SERVER_PORT=82"})
	require.NoError(t, err)
	require.Equal(t, 82, c.Server.Port)

	// What only looks similar is not let through.
	for _, name := range []string{"CARILLON_POSTGRES_PORT", "CARILLON_PORTAL", "CARILLON_PORT_X", "CARILLON_SERVICES"} {
		_, warnings, err = load("", nil, []string{name + "=1"})
		if err == nil {
			require.Equal(t, []string{name + ": unknown setting, ignored"}, warnings)
		} else {
			require.ErrorContains(t, err, name+": unknown setting")
		}
	}
}
