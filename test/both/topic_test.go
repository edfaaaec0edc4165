package both

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

func TestTopicFromTheName(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		random := name("")
		for name, want := range map[string]string{
			"Backup" + random: "backup" + random, "  Home Server! " + random: "home-server-" + random,
			"under_score-" + random + ".": "under_score-" + random, "Ünï " + random: "n-" + random,
		} {
			a := gotify.As[application](p.Post("/application", object{"name": name}))
			require.Equal(t, want, a.Topic, "%q", name)
			p.say(want, "m")
			require.Equal(t, a.ID, p.newest().AppID)
		}
		nameless := gotify.As[application](p.Post("/application", object{"name": "钟🔔"}))
		require.Regexp(t, `^[-_A-Za-z0-9]{1,64}$`, nameless.Topic)
		long := gotify.As[application](p.Post("/application", object{"name": random + strings.Repeat("x", 100)}))
		require.Len(t, long.Topic, 64)
		another := gotify.As[application](p.Post("/application", object{"name": random + strings.Repeat("x", 100)}))
		require.Len(t, another.Topic, 64)
		require.NotEqual(t, long.Topic, another.Topic)
		reserved := gotify.As[application](p.Post("/application", object{"name": "Message"}))
		require.NotEqual(t, "message", reserved.Topic)
		p.say(reserved.Topic, "m")
		push := gotify.As[application](p.Post("/application", object{"name": "up" + random}))
		require.Contains(t, push.Topic, "up"+random, "a name may look like a topic of UnifiedPush")
		require.Contains(t, p.listed(), push.Topic, "and is none")
	})
}

// A topic is one application's on the whole server; names are one user's own.
func TestTopicIsUnique(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p, other := newPerson(t, s), newPerson(t, s)
		shared := name("same")
		first := gotify.As[application](p.Post("/application", object{"name": shared}))
		second := gotify.As[application](other.Post("/application", object{"name": shared}))
		third := gotify.As[application](p.Post("/application", object{"name": shared}))
		require.Equal(t, shared, first.Topic)
		require.Equal(t, []string{shared + "-2", shared + "-3"}, []string{second.Topic, third.Topic})
		for _, a := range []application{first, second, third} {
			gotify.Anonymous(t, s).Key(a.Token).Post("/message", object{"message": a.Topic}).Want(http.StatusOK)
		}
		require.Equal(t, []string{first.Topic}, ntfy.Texts(p.stored(first.Topic, "")))
		require.Equal(t, []string{second.Topic}, ntfy.Texts(other.stored(second.Topic, "")))
		p.Post("/application", object{"name": "x", "topic": second.Topic}).Refused(http.StatusBadRequest, "topic", "taken")
		p.Put("/application/"+id(third.ID), object{"name": "x", "topic": second.Topic}).Refused(http.StatusBadRequest, "topic", "taken")
		require.Equal(t, third.Topic, p.applications()[1].Topic)
		p.Put("/application/"+id(third.ID), object{"name": "x", "topic": third.Topic}).Want(http.StatusOK)
	})
}

func TestTopicsAreCaseSensitive(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p, other := newPerson(t, s), newPerson(t, s)
		lower := name("case")
		upper := strings.ToUpper(lower)
		p.say(lower, "lower")
		other.say(upper, "upper")
		mixed := gotify.As[application](p.Post("/application", object{"name": "mixed", "topic": "C" + lower[1:]}))
		require.Equal(t, "C"+lower[1:], mixed.Topic)
		require.Equal(t, []string{"lower"}, ntfy.Texts(p.stored(lower, "")))
		require.Equal(t, []string{"upper"}, ntfy.Texts(other.stored(upper, "")))
		require.Empty(t, p.stored(mixed.Topic, ""))
		p.shutOut(upper)
		other.shutOut(lower)
	})
}

func TestTopicsThatCannotBe(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		for topic, why := range map[string]string{
			"a b": "topic", "a/b": "topic", "ä": "topic", strings.Repeat("x", 65): "topic", "a,b": "topic", "*": "topic", "a.b": "topic", "a\x00b": "topic",
			"message": "reserved", "application": "reserved", "stream": "reserved", "v1": "reserved", "file": "reserved", "_matrix": "reserved",
			"static": "reserved", "image": "reserved", "docs": "reserved", "health": "reserved", "metrics": "reserved",
			"upABCDEFGHIJ12": "UnifiedPush",
		} {
			p.Loose().Post("/application", object{"name": "x", "topic": topic}).Refused(http.StatusBadRequest, why)
			p.Loose().Put("/application/"+id(a.ID), object{"name": "x", "topic": topic}).Refused(http.StatusBadRequest, why)
		}
		require.Equal(t, []application{a.application}, p.applications(), "nothing has changed")
		for _, topic := range []string{name("A_b-9"), strings.Repeat("x", 52) + name(""), "Message" + name(""), "upgradereports"} {
			made := gotify.As[application](p.Post("/application", object{"name": "x", "topic": topic}))
			require.Equal(t, topic, made.Topic)
		}
	})
}

// With a new topic an application keeps its messages, and the old one is free.
func TestTopicIsEditable(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p, other := newPerson(t, s), newPerson(t, s)
		a := p.application(nil)
		old, changed := a.Topic, name("new")
		a.Send("before")
		frames := p.frames()
		require.Equal(t, changed, gotify.As[application](p.Put("/application/"+id(a.ID), object{"name": "x", "topic": changed})).Topic)
		require.Equal(t, changed, gotify.As[application](p.Put("/application/"+id(a.ID), object{"name": "y"})).Topic, "it stays")
		p.as(a.Token).Publish(changed, "after")
		a.Send("by token")
		require.Equal(t, []string{"before", "after", "by token"}, ntfy.Texts(p.stored(changed, "")))
		require.Equal(t, "after", frames.NextMessage().Message, "streams of Gotify's do not rest on topics")
		require.Equal(t, "by token", frames.NextMessage().Message)
		p.as(a.Token).Put("/"+old, "m").Refused(40301, "application token")
		other.say(old, "theirs")
		require.Equal(t, []string{"theirs"}, ntfy.Texts(other.stored(old, "")))
		p.shutOut(old)
		require.Len(t, p.History(), 3)
	})
}

// Applications that are deleted take their topic, and what it held, with them.
func TestTopicOfADeletedApplication(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p, other := newPerson(t, s), newPerson(t, s)
		a := p.application(nil)
		a.Send("gone")
		p.say(a.Topic, "gone too")
		p.Delete("/application/" + id(a.ID)).Empty(http.StatusOK)
		p.as(a.Token).Put("/"+a.Topic, "m").Refused(40101)
		require.Empty(t, p.stored(a.Topic, ""))
		other.say(a.Topic, "theirs")
		require.Equal(t, []string{"theirs"}, ntfy.Texts(other.stored(a.Topic, "")))
		require.Empty(t, p.History())
	})
}
