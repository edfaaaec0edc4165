package ntfy

import (
	"testing"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// User is a user of the test's own. As a Caller it uses an access token, which
// costs the server less than the password; Person speaks Gotify's language.
type User struct {
	*Caller
	Person *gotify.Person
	Token  string
}

// NewUser creates a user with a random name, and an access token.
func NewUser(t testing.TB, s *server.Server) *User {
	t.Helper()
	u := &User{Person: gotify.NewPerson(t, s), Caller: Anonymous(t, s)}
	u.Token = u.ByPassword().NewToken(nil)
	u.Caller = u.Bearer(u.Token)
	return u
}

// ByPassword returns the user as a caller with name and password.
func (u *User) ByPassword() *Caller { return u.Basic(u.Person.Name, u.Person.Password) }

// NewToken creates an access token of the caller. The body is what the request
// says about it, nil for a token that may do everything and never ends.
func (c *Caller) NewToken(body map[string]any) string {
	c.T.Helper()
	if body == nil {
		body = map[string]any{}
	}
	made := As[struct {
		Token string `json:"token"`
	}](c.Post("/v1/account/token", body))
	if len(made.Token) != 32 {
		c.T.Fatalf("%q is no access token", made.Token)
	}
	c.Server.Secret(made.Token)
	return made.Token
}

// Allow lets a user, or everyone ("*"), do with the topics of a pattern what the
// permission says: read-write, read-only, write-only or deny-all. What everyone may
// read stands in all users' lists in Gotify's language, so a rule for everyone needs
// a server of the test's own.
func Allow(t testing.TB, s *server.Server, user, pattern, permission string) {
	t.Helper()
	Admin(t, s).Put("/v1/users/access", map[string]any{"username": user, "topic": pattern, "permission": permission}).Want(200)
}
