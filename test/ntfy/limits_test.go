package ntfy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// limited adds what makes limits hold for the tests' own address.
func limited(settings ...string) map[string]string {
	all := map[string]string{"limits.exempthosts": "", "limits.visitor.requests.burst": "0", "limits.visitor.requests.persecond": "0"}
	for i := 0; i+1 < len(settings); i += 2 {
		all[settings[i]] = settings[i+1]
	}
	return all
}

// tooMany fails the test when the answer is not a refusal with this code that says
// when to come back.
func tooMany(t *testing.T, a *Answer, code int) {
	t.Helper()
	seconds, err := strconv.Atoi(a.Refused(code, "limit").Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, seconds)
}

// Requests of an address: whatever costs something, before anybody asks who it is.
func TestRequestLimit(t *testing.T) {
	settings := limited("limits.visitor.requests.burst", "8", "limits.visitor.requests.persecond", "0.001", "topics.limit", "3")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		person := gotify.NewPerson(t, s)
		c := Anonymous(t, s).Basic(person.Name, person.Password)
		topic := NewTopic()
		for range 8 {
			c.Publish(topic, "m")
		}
		// A refusal costs no topic, no message, and no look at who it is.
		for range 5 {
			tooMany(t, c.Put("/"+NewTopic(), "no"), 42901)
			tooMany(t, c.Post("/", object{"topic": NewTopic(), "message": "no"}), 42901)
			tooMany(t, c.Get("/"+NewTopic()+"/json?poll=1"), 42901)
			tooMany(t, c.RefusedStream("/"+NewTopic()+"/sse"), 42901)
			refused := c.RefusedStream("/" + NewTopic() + "/ws").Empty(429)
			require.NotEmpty(t, refused.Header.Get("Retry-After"))
			tooMany(t, c.Get("/"+topic+"/auth"), 42901)
			tooMany(t, Anonymous(t, s).Basic(person.Name, "wrong").Put("/"+topic, "no"), 42901)
			tooMany(t, Anonymous(t, s).Get("/file/abc"), 42901)
			tooMany(t, Anonymous(t, s).Get("/v1/account"), 42901)
			tooMany(t, Anonymous(t, s).Do("OPTIONS", "/"+topic, nil), 42901)
		}
		for _, path := range []string{"/v1/health", "/v1/config", "/" + topic + "?up=1"} {
			c.Get(path).Want(200)
		}
		require.Equal(t, []string{topic}, owned(person.Caller))
		require.Len(t, person.History(), 8)
		// Gotify's language has limits of its own.
		sender := person.NewSender("app")
		for range 10 {
			sender.Send("m")
		}
	})
}

func TestExemptHostsHaveNoLimits(t *testing.T) {
	settings := limited(
		"limits.exempthosts", "127.0.0.0/8", "limits.visitor.requests.burst", "2", "limits.visitor.requests.persecond", "0.001", "limits.visitor.messages", "2", "limits.visitor.subscriptions", "2",
		"limits.visitor.bandwidth", "100", "limits.logins.burst", "2", "limits.logins.perminute", "1")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		for range 6 {
			user.Publish(topic, "m")
			user.Subscribe("/" + topic + "/json")
			user.Basic(user.Person.Name, "wrong").Get("/" + topic + "/auth").Refused(40101)
		}
		user.With("Filename", "x").Put("/"+topic, strings.Repeat("x", 1000)).Message()
		require.Len(t, user.Poll(topic, ""), 7)
	})
}

// Open streams of a user, whatever their form; the place is free again when one
// ends.
func TestSubscriptionLimit(t *testing.T) {
	Own(t, limited("limits.visitor.subscriptions", "3"), func(t *testing.T, s *server.Server) {
		user, other, topic := NewUser(t, s), NewUser(t, s), NewTopic()
		streams := []*Stream{user.Subscribe("/" + topic + "/json"), user.Subscribe("/" + topic + "/ws"), user.ByPassword().Subscribe("/" + topic + "/raw")}
		for _, format := range []string{"json", "sse", "raw"} {
			tooMany(t, user.RefusedStream("/"+topic+"/"+format), 42903)
		}
		require.NotEmpty(t, user.RefusedStream("/"+topic+"/ws").Empty(429).Header.Get("Retry-After"))
		missing := NewTopic()
		tooMany(t, user.RefusedStream("/"+missing+"/json"), 42903)
		require.NotContains(t, owned(user.Person.Caller), missing)
		user.Publish(topic, "m")
		for _, stream := range streams {
			require.Equal(t, "m", stream.NextMessage().Message)
		}
		other.Subscribe("/" + NewTopic() + "/json")
		for _, stream := range streams {
			stream.Hangup()
			gotify.Until(t, "the place is free", func() bool {
				again, _, err := user.TryStream("/" + topic + "/json")
				return err == nil && again != nil
			})
			tooMany(t, user.RefusedStream("/"+topic+"/sse"), 42903)
		}
	})
}

// A stream that never opened takes no place.
func TestRefusedStreamsTakeNoPlace(t *testing.T) {
	Own(t, limited("limits.visitor.subscriptions", "2"), func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		theirs := NewTopic()
		NewUser(t, s).Publish(theirs, "m")
		for range 4 {
			user.Loose().RefusedStream("/" + topic + "/json?since=nonsense").Refused(40008)
			user.Loose().RefusedStream("/" + topic + "/ws?since=nonsense").Empty(400)
			user.RefusedStream("/" + theirs + "/json").Refused(40301)
			user.RefusedStream("/" + theirs + "/ws").Empty(403)
			user.Get("/" + topic + "/ws").Refused(40016)
			user.Poll(topic, "")
			user.Get("/" + topic + "/auth")
		}
		user.Subscribe("/" + topic + "/ws")
		user.Subscribe("/" + topic + "/json")
		tooMany(t, user.RefusedStream("/"+topic+"/json"), 42903)
	})
}

func TestTopicLimit(t *testing.T) {
	Own(t, limited("topics.limit", "3"), func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topics := []string{NewTopic(), NewTopic(), NewTopic()}
		user.Publish(topics[0], "m")
		user.Subscribe("/" + topics[1] + "/json")
		user.Poll(NewTopic(), "") // makes none
		user.Publish(topics[2], "m")
		for range 2 {
			missing := NewTopic()
			tooMany(t, user.Put("/"+missing, "no"), 42904)
			tooMany(t, user.Post("/", object{"topic": missing, "message": "no"}), 42904)
			tooMany(t, user.RefusedStream("/"+missing+"/json"), 42904)
			tooMany(t, user.RefusedStream("/"+topics[0]+","+missing+"/sse"), 42904)
			require.NotEmpty(t, user.RefusedStream("/"+missing+"/ws").Empty(429).Header.Get("Retry-After"))
			require.Equal(t, missing, user.Delete("/"+missing+"/sequence").Message().Topic) // makes none
		}
		require.Equal(t, topics, owned(user.Person.Caller))
		for _, topic := range topics {
			user.Publish(topic, "there is room for messages")
			user.Subscribe("/" + topic + "/json")
		}
		first := gotify.As[[]gotify.Application](user.Person.Get("/application"))[0]
		user.Person.Delete(fmt.Sprintf("/application/%d", first.ID)).Empty(200)
		user.Publish(NewTopic(), "in its place")
	})
}

// Messages of a user in a day; a request that is refused for something else is none.
func TestMessageLimit(t *testing.T) {
	Own(t, limited("limits.visitor.messages", "5"), func(t *testing.T, s *server.Server) {
		user, other, topic := NewUser(t, s), NewUser(t, s), NewTopic()
		user.Publish(topic, "1")
		theirs := NewTopic()
		other.Publish(theirs, "m")
		for range 10 {
			loose := user.Loose()
			loose.With("Priority", "9").Put("/"+topic, "no").Refused(40007)
			loose.With("Actions", "nonsense").Put("/"+topic, "no").Refused(40018)
			loose.With("Delay", "1s").Put("/"+topic, "no").Refused(40005)
			loose.Post("/", "{").Refused(40024)
			user.Put("/"+theirs, "no").Refused(40301)
			user.Loose().Put("/docs,x", "no").Want(404)
		}
		user.Post("/", object{"topic": topic, "message": "2"}).Message()
		user.Publish(topic, "3", "Delay", "1h")
		user.Delete("/" + topic + "/sequence").Message()
		user.ByPassword().Publish(topic, "5")
		missing := NewTopic()
		tooMany(t, user.Put("/"+topic, "6"), 42908)
		tooMany(t, user.Put("/"+missing, "6"), 42908)
		tooMany(t, user.Post("/", object{"topic": topic, "message": "6"}), 42908)
		tooMany(t, user.Get("/"+topic+"/publish?message=6"), 42908)
		tooMany(t, user.Put("/"+topic+"/x/clear", nil), 42908)
		tooMany(t, user.With("Filename", "x").Put("/"+topic, "6"), 42908)
		require.NotContains(t, owned(user.Person.Caller), missing)
		require.Equal(t, []string{"1", "2", "", "5"}, Texts(user.Poll(topic, "")))
		require.Zero(t, user.account().Stats.AttachmentTotalSize, "the file of a refused message is gone")
		other.Publish(theirs, "others go on")
		user.Person.NewSender("app").Send("and so does the other language")
	})
}

// Bytes of attachments in a day, up and down.
func TestBandwidthLimit(t *testing.T) {
	Own(t, limited("limits.visitor.bandwidth", "10000", "server.baseurl", ""), func(t *testing.T, s *server.Server) {
		user, other, topic := NewUser(t, s), NewUser(t, s), NewTopic()
		upload := func(c *Caller, topic string, size int) *Answer {
			return c.With("Filename", "f.bin").Put("/"+topic, strings.Repeat("x", size))
		}
		first := upload(user.Caller, topic, 6000).Message()
		tooMany(t, upload(user.Caller, topic, 6000), 42905)
		upload(user.Caller, topic, 3000).Message()
		tooMany(t, upload(user.Caller, topic, 3000), 42905)
		require.Len(t, user.Poll(topic, ""), 2)
		require.EqualValues(t, 9000, user.account().Stats.AttachmentTotalSize)
		user.Publish(topic, "texts are no files")
		theirs := NewTopic()
		upload(other.Caller, theirs, 6000).Message()

		// What a stranger fetches counts for the address.
		require.True(t, strings.HasPrefix(first.Attachment.URL, s.URL()))
		path := strings.TrimPrefix(first.Attachment.URL, s.URL())
		stranger := Anonymous(t, s)
		require.Len(t, stranger.Get(path).Want(200).Body, 6000)
		tooMany(t, stranger.Get(path), 42905)
	})
}

// Passwords and tokens that are wrong: the address waits, also with the right
// password, and tokens that are right go on.
func TestFailedLogins(t *testing.T) {
	settings := limited("limits.logins.burst", "5", "limits.logins.perminute", "1")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "m")
		guess := func(i int) *Caller { return Anonymous(t, s).Basic(user.Person.Name, fmt.Sprint("guess ", i)) }
		for i, answer := range []func(c *Caller) *Answer{
			func(c *Caller) *Answer { return c.Put("/"+topic, "no") },
			func(c *Caller) *Answer { return c.Get("/" + topic + "/json?poll=1") },
			func(c *Caller) *Answer { return c.Get("/" + topic + "/auth") },
			func(c *Caller) *Answer { return c.Post("/", object{"topic": topic, "message": "no"}) },
			func(c *Caller) *Answer { return c.Get("/v1/account") },
		} {
			answer(guess(i)).Refused(40101)
		}
		for i := range 3 {
			tooMany(t, guess(i).Get("/"+topic+"/auth"), 42909)
			tooMany(t, guess(i).RefusedStream("/"+topic+"/json"), 42909)
			require.NotEmpty(t, guess(i).RefusedStream("/"+topic+"/ws").Empty(429).Header.Get("Retry-After"))
			tooMany(t, Anonymous(t, s).Basic("nobody", "x").Put("/"+topic, "no"), 42909)
		}
		user.Publish(topic, "tokens go on")
		Anonymous(t, s).Get("/" + topic + "/auth").Refused(40301)
		// The two languages share it: guessing goes on in neither.
		gotify.Anonymous(t, s).Basic(user.Person.Name, "guess").Get("/current/user").Refused(429)
	})
}

// Whose address counts is said by a proxy that is trusted to.
func TestLimitsBehindATrustedProxy(t *testing.T) {
	settings := limited("limits.visitor.requests.burst", "3", "limits.visitor.requests.persecond", "0.001", "server.trustedproxies", "127.0.0.1",
		"limits.logins.burst", "2", "limits.logins.perminute", "1")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		c := Anonymous(t, s)
		from := func(address string) *Caller { return c.With("X-Forwarded-For", address) }
		path := "/" + NewTopic() + "/auth"
		for range 3 {
			from("203.0.113.7").Get(path).Refused(40301)
		}
		tooMany(t, from("203.0.113.7").Get(path), 42901)
		tooMany(t, from("198.51.100.1, 203.0.113.7").Get(path), 42901)
		for range 3 {
			from("203.0.113.8").Get(path).Refused(40301)
		}
		tooMany(t, from("203.0.113.8").Get(path), 42901)
		// A network of IPv6 is one visitor.
		for i := range 3 {
			from(fmt.Sprintf("2001:db8:1:2::%d", i+1)).Get(path).Refused(40301)
		}
		tooMany(t, from("2001:db8:1:2:ffff::1").Get(path), 42901)
		from("2001:db8:1:3::1").Get(path).Refused(40301)
		// And so are failed logins.
		for range 2 {
			from("203.0.113.20").Basic("nobody", "x").Get(path).Refused(40101)
		}
		tooMany(t, from("203.0.113.20").Basic("nobody", "x").Get(path), 42909)
		from("203.0.113.21").Basic("nobody", "x").Get(path).Refused(40101)
	})
}

// What anybody else says of where they are counts for nothing.
func TestLimitsBehindAnUntrustedProxy(t *testing.T) {
	settings := limited("limits.visitor.requests.burst", "3", "limits.visitor.requests.persecond", "0.001", "server.trustedproxies", "192.0.2.1")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		path := "/" + NewTopic() + "/auth"
		for i := range 3 {
			Anonymous(t, s).With("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)).Get(path).Refused(40301)
		}
		for i := range 3 {
			address := fmt.Sprintf("198.51.100.%d", i)
			tooMany(t, Anonymous(t, s).With("X-Forwarded-For", address, "X-Real-IP", address, "Forwarded", "for="+address).Get(path), 42901)
		}
	})
}
