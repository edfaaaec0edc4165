package ntfy

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// What everybody may do where no rule says anything, in our words and in ntfy's.
func TestAccessDefault(t *testing.T) {
	for value, may := range map[string]struct{ read, write bool }{
		"deny": {false, false}, "read": {true, false}, "write": {false, true}, "read-write": {true, true}, "read-only": {true, false},
	} {
		t.Run(value, func(t *testing.T) {
			Own(t, map[string]string{"access.default": value}, func(t *testing.T, s *server.Server) {
				owner, other := NewUser(t, s), NewUser(t, s)
				topic, denied, allowed := NewTopic(), NewTopic(), NewTopic()
				for _, topic := range []string{topic, denied, allowed} {
					owner.Publish(topic, "m")
				}
				Allow(t, s, "*", denied, "deny-all")
				Allow(t, s, "*", allowed, "read-write")
				for _, c := range []*Caller{Anonymous(t, s), other.Caller} {
					if may.read {
						mayRead(c, topic)
					} else {
						mayNotRead(c, topic)
					}
					if may.write {
						c.Publish(topic, "written")
					} else {
						mayNotWrite(c, topic)
					}
					mayNotRead(c, denied)
					mayNotWrite(c, denied)
					mayRead(c, allowed)
					c.Publish(allowed, "written")
				}
				mayNotWrite(Anonymous(t, s).Bearer(other.Person.NewDevice("phone").Token), topic, "client token")
				mayRead(owner.Caller, denied)
				owner.Publish(denied, "the owner's")
				// What is somebody's own is theirs, whatever everybody may do.
				own := NewTopic()
				other.Publish(own, "m")
				mayRead(other.Caller, own)
			})
		})
	}
}

// With users, which is the default, the first message or subscription of a
// signed-in user makes the topic.
func TestAutoCreateForUsers(t *testing.T) {
	Own(t, map[string]string{"access.default": "read-write"}, func(t *testing.T, s *server.Server) {
		user, stranger := NewUser(t, s), Anonymous(t, s)
		missing := NewTopic()
		stranger.Put("/"+missing, "no").Refused(40301)
		stranger.Post("/", object{"topic": missing, "message": "no"}).Refused(40301)
		stranger.Subscribe("/" + missing + "/json").Hangup()
		require.Empty(t, stranger.Poll(missing, ""))
		require.Empty(t, owned(user.Person.Caller))
		require.Empty(t, owned(gotify.Admin(t, s)))

		waiting := stranger.Subscribe("/" + missing + "/json")
		user.Publish(missing, "m")
		require.Equal(t, "m", waiting.NextMessage().Message, "who waits for a topic hears of it")
		subscribed := NewTopic()
		user.Subscribe("/" + subscribed + "/json")
		stranger.Publish(subscribed, "m")
		require.Equal(t, []string{missing, subscribed}, owned(user.Person.Caller))
	})
}

// With everyone, a stranger's topic is the oldest admin's.
func TestAutoCreateForEveryone(t *testing.T) {
	Own(t, map[string]string{"topics.autocreate": "everyone", "access.default": "read-write"}, func(t *testing.T, s *server.Server) {
		user, stranger := NewUser(t, s), Anonymous(t, s)
		gotify.NewAdmin(t, s)
		published, subscribed, users := NewTopic(), NewTopic(), NewTopic()
		stranger.Publish(published, "m")
		stranger.Subscribe("/" + subscribed + "/ws").Hangup()
		user.Publish(users, "m")
		require.Equal(t, []string{published, subscribed}, owned(gotify.Admin(t, s)))
		require.Len(t, owned(user.Person.Caller), 1)
		require.Equal(t, []string{"m"}, Texts(stranger.Poll(published, "")))
		mayNotCreate := NewTopic()
		Allow(t, s, "*", mayNotCreate, "deny-all")
		mayNotWrite(stranger, mayNotCreate)
		mayNotRead(stranger, mayNotCreate)
		require.Len(t, owned(gotify.Admin(t, s)), 2)
	})
}

// Who may not write makes no topic, although everyone makes some.
func TestAutoCreateNeedsAccess(t *testing.T) {
	Own(t, map[string]string{"topics.autocreate": "everyone"}, func(t *testing.T, s *server.Server) {
		stranger, open := Anonymous(t, s), NewTopic()
		mayNotWrite(stranger, NewTopic())
		mayNotRead(stranger, NewTopic())
		Allow(t, s, "*", open, "write-only")
		stranger.Publish(open, "m")
		mayNotRead(stranger, open)
		require.Len(t, owned(gotify.Admin(t, s)), 1)
	})
}

func TestAutoCreateOff(t *testing.T) {
	Own(t, map[string]string{"topics.autocreate": "off"}, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		there, _ := user.newSender()
		user.Publish(there, "m")
		mayRead(user.Caller, there)
		for _, c := range []*Caller{user.Caller, Admin(t, s)} {
			missing := NewTopic()
			c.Put("/"+missing, "no").Refused(40401, missing)
			c.Post("/", object{"topic": missing}).Refused(40401, missing)
		}
		missing := NewTopic()
		user.RefusedStream("/"+missing+"/json").Refused(40401, missing)
		user.RefusedStream("/"+there+","+missing+"/json").Refused(40401, missing)
		user.RefusedStream("/" + missing + "/ws").Empty(404)
		mayNotWrite(Anonymous(t, s), missing)
		require.Len(t, owned(user.Person.Caller), 1)
		require.Empty(t, owned(gotify.Admin(t, s)))
	})
}

// A rule about a topic that nobody has decides who may make it: who may read and
// write makes it their own, who may only read waits for it, and what comes from who
// may only write belongs to the admin, or the first to write could read.
func TestRulesAboutTopicsThatAreNotThere(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		name := user.Person.Name
		denied, reads, writes, both := NewTopic(), NewTopic(), NewTopic(), NewTopic()
		for topic, permission := range map[string]string{denied: "deny-all", reads: "read-only", writes: "write-only", both: "read-write"} {
			Allow(t, s, name, topic, permission)
		}
		mayNotRead(user.Caller, denied)
		mayNotWrite(user.Caller, denied)
		waiting := user.Subscribe("/" + reads + "/json")
		mayNotWrite(user.Caller, reads)
		mayNotRead(user.Caller, writes)
		waitingToo := user.Subscribe("/" + both + "/json")
		require.Empty(t, owned(user.Person.Caller))
		other.Publish(reads, "somebody else's")
		require.Equal(t, "somebody else's", waiting.NextMessage().Message)

		user.Publish(writes, "mine")
		user.Publish(both, "mine, too")
		require.Equal(t, "mine, too", waitingToo.NextMessage().Message)
		require.Equal(t, []string{both}, owned(user.Person.Caller))
		mayNotRead(user.Caller, writes)
		mayNotWrite(other.Caller, both)
		require.Contains(t, owned(gotify.Admin(t, s)), writes)
		require.Equal(t, []string{reads}, owned(other.Person.Caller))
		Allow(t, s, other.Person.Name, reads, "deny-all")
		other.Publish(reads, "and no rule is against an owner")
		mayRead(other.Caller, reads)
	})
}

// What begins a path of one of our own routes is no topic, and neither is what
// begins a page of ntfy's.
func TestTopicsOfOurOwnRoutes(t *testing.T) {
	words := map[string]bool{}
	for _, word := range []string{"docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1"} {
		words[word] = true
	}
	root, err := server.Root()
	require.NoError(t, err)
	for _, face := range []string{"gotify", "ntfy"} {
		description, err := os.ReadFile(filepath.Join(root, "api", face, "openapi.yaml"))
		require.NoError(t, err)
		for _, path := range regexp.MustCompile(`(?m)^  /([-_A-Za-z0-9]+)[/:]`).FindAllSubmatch(description, -1) {
			words[string(path[1])] = true
		}
	}
	for _, word := range []string{"message", "application", "client", "user", "current", "stream", "image", "health", "version", "gotifyinfo", "auth", "_matrix"} {
		require.True(t, words[word], word)
	}
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		for word := range words {
			user.Post("/", object{"topic": word, "message": "no"}).Refused(40010, "not allowed")
			user.RefusedStream("/" + NewTopic() + "," + word + "/json").Refused(40010)
			user.Get("/" + word + "," + NewTopic() + "/auth").Refused(40010)
			Anonymous(t, s).Post("/", object{"topic": word, "message": "no"}).Refused(40010)
		}
		require.Empty(t, owned(user.Person.Caller))
		user.Publish("messages"+NewTopic(), "a topic may begin like one")
	})
}
