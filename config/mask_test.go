package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMaskedHidesSecrets(t *testing.T) {
	c := Default()
	c.DefaultUser.Pass, c.SecretKey, c.OIDC.ClientSecret = "hunter2", "hunter2", "hunter2"
	c.Ntfy.Upstream.Token = "hunter2"
	c.Database.Connection = "gotify:hunter2@/gotify"
	before := *c
	shown := c.Masked()
	require.NotContains(t, shown, "hunter2")
	require.Contains(t, shown, `connection: "gotify:***@/gotify"`)
	for _, key := range []string{"pass", "secretkey", "clientsecret", "token"} {
		require.Regexp(t, `(?m)^ *`+key+`: ["']?\*\*\*["']?$`, shown)
	}
	require.Equal(t, before, *c, "showing changes nothing")

	require.Regexp(t, `(?m)^ *pass: ""$`, Default().Masked(), "a secret that is not set is shown as such")
}

func TestMaskConnection(t *testing.T) {
	for given, want := range map[string]string{
		"data/carillon.db":   "data/carillon.db",
		"file:x.db?mode=rwc": "file:x.db?mode=rwc",
		"":                   "",
		"file:x.db?_auth&_auth_user=me&_auth_pass=secret&_auth_crypt=sha1": "file:x.db?_auth&_auth_user=me&_auth_pass=***&_auth_crypt=sha1",
		"file:x.db?_key=secret": "file:x.db?_key=***",

		"gotify:secret@/gotifydb?charset=utf8&parseTime=True": "gotify:***@/gotifydb?charset=utf8&parseTime=True",
		"me:secret@tcp(db:3306)/x":                            "me:***@tcp(db:3306)/x",
		"me:sec@ret:s/ecret?secret@unix(/run/x.sock)/x":       "me:***@unix(/run/x.sock)/x",
		"me@tcp(db:3306)/x":                                   "me@tcp(db:3306)/x",
		"me://secret@tcp(db:3306)/x":                          "me:***@tcp(db:3306)/x",
		"mysql://me:secret@db/x":                              "mysql:***@db/x",
		"tcp(db:3306)/x":                                      "tcp(db:3306)/x",
		"u=x:secret@tcp(db:3306)/x":                           "u=x:***@tcp(db:3306)/x",

		"host=db port=5432 user=me dbname=x password=secret sslmode=disable": "host=db port=5432 user=me dbname=x password=*** sslmode=disable",
		"password=secret":                              "password=***",
		"PASSWORD = secret host=db":                    "PASSWORD = *** host=db",
		`host=db password='se cr\'et secret' user=me`:  `host=db password=*** user=me`,
		`host=db password='secret never ends`:          `host=db password=***`,
		`host=db password=se\ cret&secret;secret u=me`: `host=db password=*** u=me`,
		"host=db\npassword=secret\nuser=me":            "host=db\npassword=***\nuser=me",
		"host=db password=s:ecret@x user=me":           "host=db password=*** user=me",
		"host=db sslpassword=secret passfile=/x":       "host=db sslpassword=*** passfile=/x",
		"host=db password= user=me":                    "host=db password= ***",

		"postgres://me:secret@db:5432/x?sslmode=disable":     "postgres://me:***@db:5432/x?sslmode=disable",
		"postgresql://me:se%40cret@db/x":                     "postgresql://me:***@db/x",
		"postgres://me:sec@ret/secret@db/x":                  "postgres://me:***@db/x",
		"postgres://me:sec?token=ret@db/x":                   "postgres://me:***@db/x",
		"postgres://db/x?user=me&password=secret&sslmode=no": "postgres://db/x?user=me&password=***&sslmode=no",
		"postgres://me@db/x":                                 "postgres://me@db/x",
		"postgres://:secret@db/x":                            "postgres://:***@db/x",
	} {
		require.Equal(t, want, maskConnection(given), given)
	}
}

func TestMaskConnectionNeverShowsThePassword(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// A marker in the middle tells whether any of it is left.
		part := rapid.StringMatching(`[a-zA-Z0-9@:/?&=;#%+ '"\\$!*-]{0,8}`)
		pass := part.Draw(t, "before") + "SECRET" + part.Draw(t, "after")
		quoted := `'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(pass) + `'`
		for _, connection := range []string{
			"me:" + pass + "@tcp(db:3306)/x?parseTime=true",
			"postgres://me:" + pass + "@db/x",
			"host=db password=" + quoted + " user=me",
		} {
			require.NotContains(t, maskConnection(connection), "SECRET", connection)
		}
	})
}

func TestMaskedCanBeReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~éß😀\t\n]{0,20}`)
		c := Default()
		c.DefaultUser.Name = text.Draw(t, "name")
		c.OIDC.Issuer = text.Draw(t, "issuer")
		c.OIDC.Scopes = rapid.SliceOfN(text, 0, 3).Draw(t, "scopes")
		c.Server.ResponseHeaders = rapid.MapOfN(rapid.StringMatching(`[!-~]{1,10}`), text, 0, 3).Draw(t, "headers")
		c.Limits.Logins.PerMinute = rapid.Float64Range(0, 1e9).Draw(t, "rate")
		c.Limits.Body = rapid.Int64().Draw(t, "body")
		again := Default()
		require.NoError(t, again.readDocument("masked", []byte(c.Masked())), c.Masked())
		c.Source, again.Source = Source{}, Source{}
		require.Equal(t, c, again, c.Masked())
	})
}
