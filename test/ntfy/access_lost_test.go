package ntfy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// streamsOf opens a stream of every format.
func streamsOf(c *Caller, topics string) []*Stream {
	c.T.Helper()
	var streams []*Stream
	for _, format := range Formats {
		streams = append(streams, c.Subscribe("/"+topics+"/"+format))
	}
	return streams
}

// allHear fails the test when the next event of one of the streams is another one.
func allHear(t *testing.T, text string, streams ...[]*Stream) {
	t.Helper()
	for _, some := range streams {
		for _, stream := range some {
			require.Equal(t, text, stream.NextMessage().Message)
		}
	}
}

// allEnd waits until the streams have ended, and fails the test when one carried a
// message before.
func allEnd(t *testing.T, streams ...[]*Stream) {
	t.Helper()
	for _, some := range streams {
		for _, stream := range some {
			for {
				frame, err := stream.TryNext()
				if err != nil {
					break
				}
				require.NotEqual(t, MessageEvent, frame.Event, frame.Text)
			}
			_ = stream.Ended() // and not merely silent
		}
	}
}

// A rule that goes ends the streams that rest on it, and no others.
func TestLostRules(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		owner, reader, other := NewUser(t, s), NewUser(t, s), NewUser(t, s)
		topic, elsewhere := NewTopic(), NewTopic()
		for _, topic := range []string{topic, elsewhere} {
			owner.Publish(topic, "first")
			Allow(t, s, reader.Person.Name, topic, "read-only")
			Allow(t, s, other.Person.Name, topic, "read-write")
			Allow(t, s, "*", topic, "read-only")
		}
		stranger, admin := Anonymous(t, s), Admin(t, s)
		owners, others, strangers, admins := streamsOf(owner.Caller, topic), streamsOf(other.Caller, topic), streamsOf(stranger, topic), streamsOf(admin, topic)
		readers, byBoth, readersElsewhere := streamsOf(reader.Caller, topic), streamsOf(reader.Caller, elsewhere+","+topic), streamsOf(reader.Caller, elsewhere)
		change := func(who, pattern, permission string) {
			Allow(t, s, who, pattern, permission)
		}

		change(reader.Person.Name, topic, "write-only")
		allEnd(t, readers, byBoth)
		mayNotRead(reader.Caller, topic)
		owner.Publish(topic, "second")
		allHear(t, "second", owners, others, strangers, admins)
		owner.Publish(elsewhere, "elsewhere")
		allHear(t, "elsewhere", readersElsewhere)

		admin.Do("DELETE", "/v1/users/access", object{"username": "*", "topic": topic}).Want(200)
		allEnd(t, strangers)
		mayNotRead(stranger, topic)
		owner.Publish(topic, "third")
		allHear(t, "third", owners, others, admins)

		change(other.Person.Name, topic, "deny-all")
		allEnd(t, others)
		owner.Publish(topic, "fourth")
		allHear(t, "fourth", owners, admins)
		owner.Publish(elsewhere, "elsewhere too")
		allHear(t, "elsewhere too", readersElsewhere)
	})
}

// A wider rule that goes, and a narrower one that comes, do the same.
func TestLostPatterns(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		owner, reader := NewUser(t, s), NewUser(t, s)
		begin := NewTopic()
		alerts, news := begin+"-alerts", begin+"-news"
		owner.Publish(alerts, "m")
		owner.Publish(news, "m")
		Allow(t, s, reader.Person.Name, begin+"-*", "read-only")
		ofAlerts, ofNews := streamsOf(reader.Caller, alerts), streamsOf(reader.Caller, news)
		Allow(t, s, reader.Person.Name, alerts, "deny-all")
		allEnd(t, ofAlerts)
		owner.Publish(news, "news")
		allHear(t, "news", ofNews)
		Admin(t, s).Do("DELETE", "/v1/users/access", object{"username": reader.Person.Name}).Want(200)
		allEnd(t, ofNews)
		mayNotRead(reader.Caller, news)
	})
}

// What gives more ends nothing.
func TestGainedAccessEndsNothing(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		owner, reader := NewUser(t, s), NewUser(t, s)
		topic := NewTopic()
		owner.Publish(topic, "m")
		Allow(t, s, reader.Person.Name, topic, "read-only")
		streams := streamsOf(reader.Caller, topic)
		Allow(t, s, owner.Person.Name, topic+"-other", "deny-all")
		Allow(t, s, reader.Person.Name, topic, "read-write")
		Allow(t, s, reader.Person.Name, NewTopic(), "deny-all")
		owner.Publish(topic, "still there")
		allHear(t, "still there", streams)
		reader.Publish(topic, "and writing")
		allHear(t, "and writing", streams)
	})
}

// An access token that is deleted, or means something else, ends its streams.
func TestLostAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "m")
		deleted, changed, itself := user.ByPassword().NewToken(nil), user.ByPassword().NewToken(nil), user.ByPassword().NewToken(nil)
		kept := [][]*Stream{streamsOf(user.Caller, topic), streamsOf(user.ByPassword(), topic), streamsOf(user.Bearer(user.Person.NewDevice("phone").Token), topic)}
		ofDeleted, ofChanged, ofItself := streamsOf(user.Bearer(deleted), topic), streamsOf(user.Bearer(changed), topic), streamsOf(user.Bearer(itself), topic)

		user.With("X-Token", deleted).Delete("/v1/account/token").Want(200)
		allEnd(t, ofDeleted)
		user.Bearer(deleted).Get("/" + topic + "/auth").Refused(40101)
		user.ByPassword().Do("PATCH", "/v1/account/token", object{"token": changed, "topics": []string{"other"}}).Want(200)
		allEnd(t, ofChanged)
		mayNotRead(user.Bearer(changed), topic)
		user.Bearer(itself).Delete("/v1/account/token").Want(200)
		allEnd(t, ofItself)
		user.Publish(topic, "still there")
		allHear(t, "still there", kept...)
	})
}

// A client that is deleted ends its streams.
func TestLostClients(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "m")
		device, other := user.Person.NewDevice("lost"), user.Person.NewDevice("kept")
		lost, kept := streamsOf(user.Bearer(device.Token), topic), streamsOf(user.Bearer(other.Token), topic)
		user.Person.Delete(fmt.Sprintf("/client/%d", device.ID)).Empty(200)
		allEnd(t, lost)
		user.Publish(topic, "m2")
		allHear(t, "m2", kept)
	})
}

// A new password ends all streams of its user, and nobody else's.
func TestLostPasswords(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		topic := NewTopic()
		user.Publish(topic, "m")
		Allow(t, s, other.Person.Name, topic, "read-only")
		lost, kept := streamsOf(user.ByPassword(), topic), streamsOf(other.Caller, topic)
		user.Person.Post("/current/user/password", object{"pass": "another password"}).Empty(200)
		allEnd(t, lost)
		user.ByPassword().Get("/" + topic + "/auth").Refused(40101)
		user.Basic(user.Person.Name, "another password").Publish(topic, "m2")
		allHear(t, "m2", kept)
	})
}

func TestLostUsers(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		topic := NewTopic()
		other.Publish(topic, "m")
		Allow(t, s, user.Person.Name, topic, "read-only")
		lost := append(streamsOf(user.ByPassword(), topic), streamsOf(user.Caller, topic)...)
		kept := streamsOf(other.Caller, topic)
		Admin(t, s).Do("DELETE", "/v1/users", object{"username": user.Person.Name}).Want(200)
		allEnd(t, lost)
		user.Get("/" + topic + "/auth").Refused(40101)
		other.Publish(topic, "m2")
		allHear(t, "m2", kept)
	})
}

// An application that is deleted takes its topic along; one that is renamed leaves
// it.
func TestLostTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, reader := NewUser(t, s), NewUser(t, s)
		deleted, first := user.newSender()
		renamed, second := user.newSender()
		kept, _ := user.newSender()
		Allow(t, s, reader.Person.Name, renamed, "read-only")
		ofDeleted, ofRenamed, ofKept := streamsOf(user.Caller, deleted), streamsOf(reader.Caller, renamed), streamsOf(user.Caller, kept)
		ofAll := streamsOf(user.Caller, kept+","+deleted)
		ofGotify := user.Person.NewDevice("phone").Stream("/stream")
		user.Person.Delete(fmt.Sprintf("/application/%d", first.ID)).Empty(200)
		allEnd(t, ofDeleted, ofAll)
		changed := NewTopic()
		user.Person.Put(fmt.Sprintf("/application/%d", second.ID), object{"name": "x", "topic": changed}).Want(200)
		allEnd(t, ofRenamed)
		mayRead(reader.Caller, changed) // a rule for the topic alone goes along
		NewUser(t, s).Publish(renamed, "somebody else's")
		mayNotRead(reader.Caller, renamed)
		user.Publish(kept, "still there")
		allHear(t, "still there", ofKept)
		require.Equal(t, "still there", ofGotify.NextMessage().Message)
	})
}

// Who waits for a topic that does not exist hears nothing of one that somebody
// else makes and that they may not read.
func TestTopicsThatComeLater(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		first, second := NewUser(t, s), NewUser(t, s)
		topic := NewTopic()
		lost := streamsOf(first.Caller, topic)
		application := gotify.As[[]gotify.Application](first.Person.Get("/application"))
		for _, a := range application {
			if a.Name == topic {
				first.Person.Delete(fmt.Sprintf("/application/%d", a.ID)).Empty(200)
			}
		}
		allEnd(t, lost)
		second.Publish(topic, "not for the first")
		mayNotRead(first.Caller, topic)
	})
}
