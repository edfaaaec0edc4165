package ntfy

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// newSender creates an application of the user and returns its topic, and the
// sender with its token.
func (u *User) newSender() (string, *gotify.Sender) {
	u.T.Helper()
	topic := NewTopic()
	return topic, u.Person.NewSenderWith(object{"name": topic, "topic": topic})
}

// owned returns the names of the caller's own applications, which are the topics
// of those that came into being in this language.
func owned(c *gotify.Caller) []string {
	c.T.Helper()
	names := []string{}
	for _, a := range gotify.As[[]gotify.Application](c.Get("/application")) {
		if a.Token != "" { // others' are shown without
			names = append(names, a.Name)
		}
	}
	return names
}

// mayNotRead fails the test when the caller may read the topic in any way.
func mayNotRead(c *Caller, topic string, words ...string) {
	c.T.Helper()
	for _, path := range []string{"/json", "/sse", "/raw", "/json?poll=1", "/auth", "/json?since=all"} {
		c.RefusedStream("/"+topic+path).Refused(40301, words...)
	}
	c.RefusedStream("/" + topic + "/ws").Empty(http.StatusForbidden)
}

// mayRead fails the test when the caller may not read the topic.
func mayRead(c *Caller, topic string) {
	c.T.Helper()
	require.JSONEq(c.T, `{"success":true}`, string(c.Get("/"+topic+"/auth").Want(http.StatusOK).Body))
	c.Get("/" + topic + "/json?poll=1").Messages()
	for _, format := range Formats {
		c.Subscribe("/" + topic + "/" + format).Hangup()
	}
}

// mayNotWrite fails the test when the caller may write to the topic in any way.
func mayNotWrite(c *Caller, topic string, words ...string) {
	c.T.Helper()
	c.Put("/"+topic, "no").Refused(40301, words...)
	c.Post("/"+topic, "no").Refused(40301, words...)
	c.Post("/", object{"topic": topic, "message": "no"}).Refused(40301, words...)
	for _, verb := range []string{"publish", "send", "trigger"} {
		c.Get("/"+topic+"/"+verb+"?message=no").Refused(40301, words...)
	}
	c.Put("/"+topic+"/sequence", "no").Refused(40301, words...)
	c.Delete("/"+topic+"/sequence").Refused(40301, words...)
	c.Get("/"+topic+"/sequence/delete").Refused(40301, words...)
	c.Put("/"+topic+"/sequence/clear", nil).Refused(40301, words...)
	c.With("Filename", "x.txt").Put("/"+topic, "no").Refused(40301, words...)
	c.With("Delay", "1h").Put("/"+topic, "no").Refused(40301, words...)
}

// An application token posts as its application, and can do nothing else.
func TestApplicationTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topic, sender := user.newSender()
		other, _ := user.newSender()
		c := Anonymous(t, s).Bearer(sender.Token)
		require.Equal(t, topic, c.Publish(topic, "mine").Topic)
		c.Post("/", object{"topic": topic, "message": "json"}).Message()
		c.Get("/" + topic + "/publish?message=hook").Message()
		missing := NewTopic()
		for _, elsewhere := range []string{other, missing, strings.ToUpper(topic)} {
			mayNotWrite(c, elsewhere, "application token")
			mayNotRead(c, elsewhere)
		}
		mayNotRead(c, topic)
		mayNotRead(c, topic+","+other)
		require.Equal(t, []string{"mine", "json", "hook"}, Texts(user.Poll(topic, "")))
		require.Empty(t, user.Poll(other, ""))
		require.Len(t, owned(user.Person.Caller), 2, "no refusal made an application")
	})
}

// A client token reads what its user may read, and never posts.
func TestClientTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topic, _ := user.newSender()
		user.Publish(topic, "m")
		c := Anonymous(t, s).Bearer(user.Person.NewDevice("phone").Token)
		require.Equal(t, []string{"m"}, Texts(c.Poll(topic, "")))
		mayRead(c, topic)
		mayNotWrite(c, topic, "client token")
		mayNotWrite(c, NewTopic())
		theirs, _ := NewUser(t, s).newSender()
		mayNotRead(c, theirs)
		mayNotWrite(c, theirs)
		require.Len(t, user.Poll(topic, ""), 1)
	})
}

// A password and an access token do both.
func TestPasswordsAndAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		topic := NewTopic()
		for _, c := range []*Caller{user.ByPassword(), user.Caller} {
			c.Publish(topic, "m")
			mayRead(c, topic)
			mayNotRead(other.Caller, topic)
			mayNotRead(other.Caller, NewTopic()+","+topic)
			mayNotWrite(other.Caller, topic)
		}
		mayNotRead(other.ByPassword(), topic)
		mayNotWrite(other.ByPassword(), topic)
		require.Len(t, user.Poll(topic, ""), 2)
	})
}

// An application token posts from every place where clients of both worlds put one.
func TestApplicationTokenInEveryPlace(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topic, sender := user.newSender()
		c, token := Anonymous(t, s), sender.Token
		wrapped := base64.RawURLEncoding.EncodeToString([]byte("Bearer " + token))
		type attempt struct {
			caller *Caller
			query  string
		}
		attempts := map[string]attempt{
			"Bearer": {c.Bearer(token), ""}, "bearer": {c.Authorization("bearer " + token), ""}, "BEARER": {c.Authorization("BEARER  " + token), ""},
			"basic without a name": {c.Basic("", token), ""}, "basic": {c.Basic("whoever", token), ""}, "basic, its owner": {c.Basic(user.Person.Name, token), ""},
			"key": {c.With("X-Gotify-Key", token), ""}, "?token": {c, "token=" + url.QueryEscape(token)},
			"?auth": {c, "auth=" + wrapped}, "?authorization": {c, "authorization=" + wrapped}, "?auth, padded": {c, "auth=" + wrapped + "%3D"},
			"?auth, basic": {c, "auth=" + base64.RawURLEncoding.EncodeToString([]byte("Basic "+basic("", token)))},
			// A proxy may add a name and a password of its own to every request.
			"?auth over basic": {c.Basic("proxy", "own"), "auth=" + wrapped}, "key over basic": {c.Basic("proxy", "own").With("X-Gotify-Key", token), ""},
			"?token over basic": {c.Basic("proxy", "own"), "token=" + url.QueryEscape(token)},
		}
		for what, a := range attempts {
			for path, word := range map[string]string{"/" + topic: "put", "/" + topic + "/publish": "get"} {
				method := strings.ToUpper(word)
				said := a.caller.Loose().Do(method, path+"?message=m&"+a.query, nil)
				require.Equal(t, http.StatusOK, said.Status, "%s, %s: %s", what, word, said.Body)
			}
		}
		require.Len(t, user.Poll(topic, ""), 2*len(attempts))
	})
}

// A stranger is told no, and not asked who they are; wrong credentials are wrong
// wherever they are shown.
func TestStrangers(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, stranger := NewUser(t, s), Anonymous(t, s)
		closed, open := NewTopic(), NewTopic()
		user.Publish(closed, "m")
		user.Publish(open, "m")
		Allow(t, s, "*", open, "read-write")
		for _, topic := range []string{closed, NewTopic()} {
			mayNotRead(stranger, topic)
			mayNotWrite(stranger, topic)
		}
		refused := stranger.Get("/"+closed+"/json?poll=1").Refused(40301, "forbidden")
		require.Empty(t, refused.Header.Get("WWW-Authenticate"))
		require.Equal(t, "*", refused.Header.Get("Access-Control-Allow-Origin"))
		mayRead(stranger, open)
		stranger.Publish(open, "from a stranger")
		mayNotRead(stranger, open+","+closed)
		for _, c := range []*Caller{stranger.Basic(user.Person.Name, "wrong"), stranger.Bearer("tk_" + strings.Repeat("0", 29))} {
			c.Put("/"+open, "no").Refused(40101)
			c.Get("/" + open + "/json?poll=1").Refused(40101)
			c.RefusedStream("/" + open + "/json").Refused(40101)
		}
		require.Equal(t, []string{"m", "from a stranger"}, Texts(user.Poll(open, "")))
	})
}

// Programs of web pushes show credentials of their own, which are for somebody else.
func TestForeignSchemesAreIgnored(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topic := pushTopic()
		user.Subscribe("/" + topic + "/json")
		closed := NewTopic()
		user.Publish(closed, "m")
		for _, scheme := range []string{"vapid t=eyJ0.eyJh.c2ln,k=BA1Hxzyi1RUM1b5w", "WebPush eyJ0.eyJh.c2ln", `Digest username="x"`, "x", "Token " + user.Token} {
			c := Anonymous(t, s).Authorization(scheme)
			c.Publish(topic+"?up=1", scheme)
			mayNotRead(c, closed)
			c.Put("/"+closed, "m").Refused(40301)
		}
		require.Len(t, user.Poll(topic, ""), 5)
	})
}

// An admin may do everything with every topic.
func TestAdminsMayDoAll(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, admin := NewUser(t, s), Admin(t, s)
		topic := NewTopic()
		user.Publish(topic, "m")
		stream := user.Subscribe("/" + topic + "/json")
		admin.Publish(topic, "from an admin")
		require.Equal(t, "from an admin", stream.NextMessage().Message)
		mayRead(admin, topic)
		require.NotContains(t, owned(gotify.Admin(t, s)), topic, "it stays the user's")
		limited := Anonymous(t, s).Bearer(admin.NewToken(object{"permission": "read-only"}))
		mayRead(limited, topic)
		mayNotWrite(limited, topic)
	})
}

// An access token may be made for less than its user may.
func TestLimitedAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topic, other := NewTopic(), NewTopic()
		user.Publish(topic, "m")
		user.Publish(other, "m")
		token := func(body object) *Caller { return Anonymous(t, s).Bearer(user.ByPassword().NewToken(body)) }

		reads := token(object{"permission": "read-only"})
		mayRead(reads, topic)
		mayNotWrite(reads, topic)
		mayNotWrite(reads, NewTopic())
		writes := token(object{"permission": "write-only", "topics": []string{topic, "other-*"}})
		writes.Publish(topic, "written")
		writes.Publish("other-"+NewTopic(), "made")
		mayNotRead(writes, topic)
		mayNotWrite(writes, other)
		mayNotWrite(writes, "other")
		only := token(object{"topics": []string{topic}})
		mayRead(only, topic)
		only.Publish(topic, "only here")
		mayNotRead(only, other)
		mayNotRead(only, topic+","+other)
		mayNotWrite(only, other)
		require.Equal(t, []string{"m", "written", "only here"}, Texts(user.Poll(topic, "")))
		require.Equal(t, []string{"m"}, Texts(user.Poll(other, "")))
	})
}

// An access token is for this language: in Gotify's, application tokens post and
// client tokens read.
func TestAccessTokensAreNothingToGotify(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		c := gotify.Anonymous(t, s)
		for _, c := range []*gotify.Caller{c.Key(user.Token), c.With("Authorization", "Bearer "+user.Token), c.Basic("", user.Token)} {
			c.Get("/message").Refused(http.StatusUnauthorized)
			c.Get("/current/user").Refused(http.StatusUnauthorized)
			c.Post("/message", object{"message": "m"}).Refused(http.StatusUnauthorized)
		}
	})
}
