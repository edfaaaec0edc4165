package gotify

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/carillon-push/carillon/test/server"
)

// Person is a user of the test's own. As a Caller it uses name and password.
type Person struct {
	*Caller
	ID       int64
	Name     string
	Password string
}

// Sender is an application. As a Caller it uses the application token.
type Sender struct {
	*Caller
	Application
}

// Device is a client. As a Caller it uses the client token.
type Device struct {
	*Caller
	Client
}

// NewPerson creates a user with a random name.
func NewPerson(t testing.TB, s *server.Server) *Person { t.Helper(); return newPerson(t, s, false) }

// NewAdmin creates a user with a random name who is an administrator.
func NewAdmin(t testing.TB, s *server.Server) *Person { t.Helper(); return newPerson(t, s, true) }

func newPerson(t testing.TB, s *server.Server, admin bool) *Person {
	t.Helper()
	name, password := "user-"+rand.Text()[:12], "password-"+rand.Text()
	s.Secret(password)
	user := As[User](Admin(t, s).Post("/user", map[string]any{"name": name, "pass": password, "admin": admin}))
	return &Person{Caller: Anonymous(t, s).Basic(name, password), ID: user.ID, Name: name, Password: password}
}

// NewSender creates an application of the person.
func (p *Person) NewSender(name string) *Sender {
	p.T.Helper()
	return p.NewSenderWith(map[string]any{"name": name})
}

// NewSenderWith creates an application of the person from a body.
func (p *Person) NewSenderWith(body map[string]any) *Sender {
	p.T.Helper()
	application := As[Application](p.Post("/application", body))
	p.Server.Secret(application.Token)
	return &Sender{Caller: Anonymous(p.T, p.Server).Key(application.Token), Application: application}
}

// NewDevice creates a client of the person.
func (p *Person) NewDevice(name string) *Device {
	p.T.Helper()
	return p.NewDeviceWith(map[string]any{"name": name})
}

// NewDeviceWith creates a client of the person from a body.
func (p *Person) NewDeviceWith(body map[string]any) *Device {
	p.T.Helper()
	client := As[Client](p.Post("/client", body))
	p.Server.Secret(client.Token)
	return &Device{Caller: Anonymous(p.T, p.Server).Key(client.Token), Client: client}
}

// Login logs a browser in and returns it, with the session's cookie.
func (p *Person) Login() *Caller {
	p.T.Helper()
	browser := Anonymous(p.T, p.Server).Browser()
	browser.Basic(p.Name, p.Password).Post("/auth/local/login", map[string]any{"name": "browser"}).Want(http.StatusOK)
	return browser
}

// LoginPlain logs a browser in and ends the elevation that a login brings.
func (p *Person) LoginPlain() *Caller {
	p.T.Helper()
	browser := p.Login()
	me := As[User](browser.Get("/current/user"))
	browser.Post(fmt.Sprintf("/client/%d/elevate", *me.ClientID), map[string]any{"durationSeconds": -1}).Empty(http.StatusNoContent)
	return browser
}

// Send posts a message.
func (s *Sender) Send(text string) Message {
	s.T.Helper()
	return As[Message](s.Post("/message", map[string]any{"message": text}))
}

// History returns all messages the caller may read, oldest first, page by page.
func (c *Caller) History() []Message {
	c.T.Helper()
	var all []Message
	for next := "/message?limit=200"; next != ""; {
		page := As[Page](c.Get(next))
		all = append(all, page.Messages...)
		next = page.Paging.Next
	}
	slices.Reverse(all)
	return all
}
