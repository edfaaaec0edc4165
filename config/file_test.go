package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFileSetsWhatItSays(t *testing.T) {
	c, warnings, err := read(t, `
server:
  port: 80
  listenaddr: 127.0.0.1
  responseheaders: {X-Number: 5, "X-Quoted": 'it''s', X-Bool: true}
  trustedproxies:
    - 127.0.0.1
    - 10.0.0.0/8
  securecookie: yes
  timeouts: {read: 1m, idle: "90s"}
database:
  connection: |-
    host=x
    password=y
defaultuser:
  pass: 0123
limits:
  body: 2048
  logins:
    perminute: 0.5
registration: True
`)
	require.NoError(t, err)
	require.Empty(t, warnings)
	want := Default()
	want.Server.Port = 80
	want.Server.ListenAddr = "127.0.0.1"
	want.Server.ResponseHeaders = map[string]string{"X-Number": "5", "X-Quoted": "it's", "X-Bool": "true"}
	want.Server.TrustedProxies = []string{"127.0.0.1", "10.0.0.0/8"}
	want.Server.SecureCookie = true
	want.Server.Timeouts.Read = time.Minute
	want.Server.Timeouts.Idle = 90 * time.Second
	want.Database.Connection = "host=x\npassword=y"
	want.DefaultUser.Pass = "0123"
	want.Limits.Body = 2048
	want.Limits.Logins.PerMinute = 0.5
	want.Registration = true
	requireSame(t, want, c)
}

func TestFileThatSaysNothingLeavesTheDefaults(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                 "",
		"spaces":                " \n\n  \n",
		"comment":               "# nothing\n",
		"document":              "---\n",
		"document with an end":  "---\n...\n",
		"null":                  "~\n",
		"empty map":             "{}\n",
		"byte order mark":       "\ufeff",
		"sections without keys": "server:\ndatabase:\n",
		"keys without values":   "server:\n  port:\n  listenaddr: ~\n  responseheaders: # none\n  trustedproxies:\n  timeouts:\n    read: null\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, warnings, err := read(t, text)
			require.NoError(t, err)
			require.Empty(t, warnings)
			requireSame(t, Default(), c)
		})
	}
}

func TestFileMayComeFromOtherSystems(t *testing.T) {
	for name, text := range map[string]string{
		"windows lines":   "server:\r\n  port: 81\r\n  listenaddr: ''\r\n",
		"byte order mark": "\ufeffserver:\n  port: 81\n",
		"json":            `{"server": {"port": 81}}`,
		"document marks":  "---\nserver:\n  port: 81\n...\n",
		"quoted keys":     "'server':\n  \"port\": 81\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := read(t, text)
			require.NoError(t, err)
			require.Equal(t, 81, c.Server.Port)
		})
	}
}

func TestFileIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":            {"server:\n  prt: 80\n", ":2: server.prt: unknown setting; did you mean server.port?"},
		"unknown section":        {"serve:\n  port: 80\n", ":1: serve: unknown setting; did you mean server?"},
		"wrong case":             {"Server:\n  port: 80\n", ":1: Server: unknown setting; did you mean server?"},
		"wrong section":          {"pingperiodseconds: 5\n", ":1: pingperiodseconds: unknown setting; did you mean server.stream.pingperiodseconds?"},
		"unlike anything":        {"\nzzzzzzzzz: 5\n", ":2: zzzzzzzzz: unknown setting"},
		"long key":               {strings.Repeat("k", 200) + ": 5\n", ":1: " + strings.Repeat("k", 80) + "…: unknown setting"},
		"not a setting":          {"source:\n  path: x\n", ":1: source: unknown setting"},
		"unnamed field":          {"\"-\": x\n", ":1: -: unknown setting"},
		"number as a key":        {"1: x\n", ":1: 1: unknown setting"},
		"null as a key":          {"~: x\n", ":1: holds a key that is no text"},
		"twice":                  {"server:\n  port: 1\n  port: 2\n", ":3: server.port: is given twice, first in line 2"},
		"section twice":          {"server:\n  port: 1\nserver:\n  port: 2\n", ":3: server: is given twice, first in line 1"},
		"twice in another dress": {"server: {port: 1, 'port': 2}\n", ":1: server.port: is given twice, first in line 1"},
		"header twice":           {"server:\n  responseheaders:\n    X-A: 1\n    X-A: 2\n", `:2: server.responseheaders: has "X-A" twice`},
		"text for a number":      {"server:\n  port: eighty\n", `:2: server.port: must be a whole number, not "eighty"`},
		"quoted number":          {"server:\n  port: \"80\"\n", ":2: server.port: must be a number, without quotes"},
		"broken number":          {"server:\n  port: 80.5\n", `:2: server.port: must be a whole number, not "80.5"`},
		"number without end":     {"limits:\n  body: 99999999999999999999\n", `:2: limits.body: must be a whole number, not "99999999999999999999"`},
		"hexadecimal number":     {"server:\n  port: 0x50\n", `:2: server.port: must be a whole number, not "0x50"`},
		"infinity":               {"limits:\n  logins: {perminute: .inf}\n", `:2: limits.logins.perminute: must be a number, not ".inf"`},
		"inf":                    {"limits:\n  logins: {perminute: inf}\n", `:2: limits.logins.perminute: must be a number, not "inf"`},
		"text for a float":       {"limits:\n  logins: {perminute: many}\n", `:2: limits.logins.perminute: must be a number, not "many"`},
		"text for a bool":        {"registration: perhaps\n", `:1: registration: must be true or false, not "perhaps"`},
		"number for a bool":      {"registration: 1\n", ":1: registration: must be true or false, without quotes"},
		"quoted bool":            {"registration: 'true'\n", ":1: registration: must be true or false, without quotes"},
		"bool for a text":        {"loglevel: true\n", ":1: loglevel: must be text; a text such as true needs quotes"},
		"duration without unit":  {"server:\n  timeouts:\n    read: 30\n", `:3: server.timeouts.read: must be a duration with its unit, such as 10s or 2m, not "30"`},
		"duration of nothing":    {"server:\n  timeouts:\n    read: soon\n", `:3: server.timeouts.read: must be a duration with its unit, such as 10s or 2m, not "soon"`},
		"text for a list":        {"server:\n  trustedproxies: 10.0.0.1\n", ":2: server.trustedproxies: must be a list"},
		"map for a list":         {"server:\n  trustedproxies: {a: b}\n", ":2: server.trustedproxies: must be a list"},
		"list in a list":         {"server:\n  trustedproxies: [a, [b]]\n", ":2: server.trustedproxies: item 2 must be a single value"},
		"nothing in a list":      {"server:\n  trustedproxies: [a, ]\n  cors:\n    allowmethods:\n      -\n", ":4: server.cors.allowmethods: item 1 must be a single value"},
		"list for a map":         {"server:\n  responseheaders: [a]\n", ":2: server.responseheaders: must be a mapping of names to texts"},
		"map in a map":           {"server:\n  responseheaders: {a: {b: c}}\n", `:2: server.responseheaders: must have a text for "a"`},
		"list for a text":        {"loglevel: [info]\n", ":1: loglevel: must be a single value"},
		"map for a number":       {"server:\n  port: {a: 1}\n", ":2: server.port: must be a single value"},
		"text for a section":     {"server: 80\n", ":1: server: must hold settings as `key: value`"},
		"list for a section":     {"server:\n  - port: 80\n", ":1: server: must hold settings as `key: value`"},
		"list for everything":    {"- server\n", ":1: must hold settings as `key: value`"},
		"text for everything":    {"server.port=80\n", ":1: must hold settings as `key: value`"},
		"colon without space":    {"server:\n  port:80\n", ":1: server: must hold settings as `key: value`"},
		"escaped NUL":            {"loglevel: \"a\\0b\"\n", ":1: loglevel: must not hold a NUL character"},
		"NUL":                    {"server:\n  port: 80\x00\n", ":2: holds the control character U+0000"},
		"control character":      {"loglevel: a\x1bb\n", ":1: holds the control character U+001B"},
		"no UTF-8":               {"server:\n\nloglevel: \xff\n", ":3: is not valid UTF-8"},
		"tab":                    {"server:\n\tport: 80\n", ":2: found character '\t' that cannot start any token"},
		"wrong indentation":      {"server:\n  port: 80\n   listenaddr: x\n", ":2: mapping value is not allowed in this context"},
		"open bracket":           {"server:\n  trustedproxies: [a\n", ":2: sequence end token ']' not found"},
		"open quote":             {"loglevel: \"info\n", ":1: could not find end character of double-quoted text"},
		"second document":        {"loglevel: info\n---\nlogformat: json\n", ":3: a second YAML document is not read"},
		"anchor":                 {"loglevel: &a info\n", ":1: anchors, aliases and tags are not supported; a text with &, * or ! at its start needs quotes"},
		"alias":                  {"server:\n  cors:\n    alloworigins: [*]\n", ":3: anchors, aliases and tags are not supported; a text with &, * or ! at its start needs quotes"},
		"tag":                    {"defaultuser:\n  pass: !secret\n", ":2: anchors, aliases and tags are not supported; a text with &, * or ! at its start needs quotes"},
		"merge":                  {"<<: {loglevel: info}\n", ":1: anchors, aliases and tags are not supported; a text with &, * or ! at its start needs quotes"},
		"directive":              {"%YAML 1.2\n---\nloglevel: info\n", ":1: a text with ? or % at its start needs quotes"},
		"key of many parts":      {"? loglevel\n: info\n", ":1: a text with ? or % at its start needs quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yml")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			got, _, err := load(path, nil, nil)
			require.EqualError(t, err, path+c.want)
			require.Nil(t, got)
		})
	}
}

func TestFileProblemsAreToldAllAtOnce(t *testing.T) {
	_, _, err := read(t, "server:\n  port: x\n  cors: 5\nfoo: 1\nregistration: 2\n", "CARILLON_LOGLEVEL_FILE=")
	require.Error(t, err)
	for _, want := range []string{":2: server.port", ":3: server.cors", ":4: foo", ":5: registration", "CARILLON_LOGLEVEL_FILE"} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 5)
}

func TestFileErrorsQuoteNoSecrets(t *testing.T) {
	const secret = "correct-horse"
	for name, text := range map[string]string{
		"line of a syntax error": "secretkey: [" + secret + "\n",
		"line before":            "defaultuser:\n  pass: " + secret + "\n\tname: x\n",
		"open quote":             "secretkey: \"" + secret + "\n",
		"given twice":            "secretkey: " + secret + "\nsecretkey: " + secret + "\n",
		"list":                   "secretkey: [" + secret + "]\n",
		"too short":              "secretkey: " + secret + "\n",
		"anchor":                 "secretkey: &" + secret + " x\n",
		"escaped NUL":            "secretkey: \"" + secret + "\\0\"\n",
		"header":                 "server:\n  responseheaders: {X-Key: \"" + secret + "\\n\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, text)
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
		})
	}
}
