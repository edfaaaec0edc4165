// Package both holds the black-box tests of what one language makes of the other:
// a message that is said in one is heard in the other, and who may hear it does
// not depend on the language.
//
// It speaks through the packages test/gotify and test/ntfy, and knows nothing of
// the product.
package both

import (
	"crypto/rand"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

func TestMain(m *testing.M) { server.Main(m) }

// object is a JSON object.
type object = map[string]any

// application is what Gotify's language shows of one, with what its topic and
// sharing add.
type application struct {
	gotify.Application
	Topic    string `json:"topic"`
	Shared   bool   `json:"shared"`
	Owner    string `json:"owner"`
	CanWrite *bool  `json:"canWrite"`
}

// sender is an application that posts, in Gotify's language, with its token.
type sender struct {
	*gotify.Caller
	application
}

// person is a user who speaks both languages: Gotify's with name and password.
type person struct {
	*gotify.Person
	// topics speaks ntfy's, with an access token.
	topics *ntfy.User
	// phone speaks Gotify's, with a client token.
	phone *gotify.Device
}

func newPerson(t *testing.T, s *server.Server) *person {
	t.Helper()
	user := ntfy.NewUser(t, s)
	return &person{Person: user.Person, topics: user, phone: user.Person.NewDevice("phone")}
}

// name returns a name that nobody else uses and that is its own topic, when it
// begins with small letters.
func name(begin string) string { return begin + strings.ToLower(rand.Text()[:12]) }

func id(n int64) string { return strconv.FormatInt(n, 10) }

// application creates one with a name of its own, unless the body has another.
func (p *person) application(body object) *sender {
	p.T.Helper()
	whole := object{"name": name("app")}
	for field, value := range body {
		whole[field] = value
	}
	a := gotify.As[application](p.Post("/application", whole))
	p.Server.Secret(a.Token)
	return &sender{Caller: gotify.Anonymous(p.T, p.Server).Key(a.Token), application: a}
}

// Send posts a text and returns the message that was made of it.
func (a *sender) Send(text string) gotify.Message {
	a.T.Helper()
	return gotify.As[gotify.Message](a.Post("/message", object{"message": text}))
}

// applications returns those that Gotify's language lists for the person.
func (p *person) applications() []application {
	p.T.Helper()
	return gotify.As[[]application](p.phone.Get("/application"))
}

// names returns the topics of the listed applications.
func (p *person) listed() []string {
	p.T.Helper()
	topics := []string{}
	for _, a := range p.applications() {
		topics = append(topics, a.Topic)
	}
	return topics
}

// say publishes in ntfy's language. Headers are names and values in turn.
func (p *person) say(topic, text string, headers ...string) ntfy.Message {
	p.T.Helper()
	return p.topics.Publish(topic, text, headers...)
}

// as returns a caller of ntfy's language with a token of any kind.
func (p *person) as(token string) *ntfy.Caller {
	return ntfy.Anonymous(p.T, p.Server).Bearer(token)
}

// hear opens a stream of lines of JSON.
func (p *person) hear(topics string) *ntfy.Stream {
	p.T.Helper()
	return p.topics.Subscribe("/" + topics + "/json")
}

// stored returns what ntfy's language shows of the topics when it is asked.
func (p *person) stored(topics, query string) []ntfy.Message {
	p.T.Helper()
	return p.topics.Poll(topics, query)
}

// storedLines is stored with the bytes of each line.
func (p *person) storedLines(topics, query string) []string {
	p.T.Helper()
	body := string(p.topics.Get("/" + topics + "/json?poll=1&" + query).Want(200).Body)
	return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
}

// frames opens a stream of Gotify's.
func (p *person) frames() *gotify.Stream {
	p.T.Helper()
	return p.phone.Stream("/stream")
}

// newest returns the newest message of Gotify's history.
func (p *person) newest() gotify.Message {
	p.T.Helper()
	page := gotify.As[gotify.Page](p.phone.Get("/message?limit=1"))
	require.Len(p.T, page.Messages, 1)
	return page.Messages[0]
}

// heard returns the texts of Gotify's history, oldest first.
func (p *person) heard() []string {
	p.T.Helper()
	texts := []string{}
	for _, m := range p.phone.History() {
		texts = append(texts, m.Message)
	}
	return texts
}

// shutOut fails the test when the person may do anything with the topic.
func (p *person) shutOut(topic string) {
	p.T.Helper()
	p.topics.Put("/"+topic, "m").Refused(40301)
	p.topics.Get("/" + topic + "/json?poll=1").Refused(40301)
	p.topics.RefusedStream("/" + topic + "/json").Refused(40301)
}

// line returns the bytes of the next line that is no keepalive.
func line(s *ntfy.Stream) string {
	for {
		if f := s.Next(); f.Event != ntfy.KeepaliveEvent {
			return f.Text
		}
	}
}

// without returns the JSON without the named members of objects, at any depth.
func without(t *testing.T, text []byte, names ...string) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal(text, &value))
	var clean func(any)
	clean = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, name := range names {
				delete(value, name)
			}
			for _, inner := range value {
				clean(inner)
			}
		case []any:
			for _, inner := range value {
				clean(inner)
			}
		}
	}
	clean(value)
	cleaned, err := json.Marshal(value)
	require.NoError(t, err)
	return string(cleaned)
}

// unix returns the second of one of Gotify's dates.
func unix(t *testing.T, date string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, date)
	require.NoError(t, err)
	return at.Unix()
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
