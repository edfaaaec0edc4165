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

// An application token at POST /message is heard in every form of ntfy's streams.
func TestFromGotifyToTopics(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a, quiet := p.application(nil), p.application(nil)
		lines, events := p.hear(a.Topic), p.topics.Subscribe("/"+a.Topic+"/sse")
		raw, socket := p.topics.Subscribe("/"+a.Topic+"/raw"), p.topics.Subscribe("/"+a.Topic+"/ws")
		several := p.hear(quiet.Topic + "," + a.Topic)
		silent := p.hear(quiet.Topic)

		sent := gotify.As[gotify.Message](a.Post("/message", object{"message": "two\nlines", "title": "T", "priority": 8}))
		line := lines.NextMessage()
		require.Equal(t, "T", line.Title)
		require.Equal(t, "two\nlines", line.Message)
		require.Equal(t, a.Topic, line.Topic)
		require.Equal(t, 4, line.Priority)
		require.Equal(t, unix(t, sent.Date), line.Time)
		require.Regexp(t, `^[0-9A-Za-z]{12}$`, line.ID)
		require.Equal(t, line, socket.NextMessage())
		require.Equal(t, line, several.NextMessage())
		require.Equal(t, line, events.NextMessage())
		require.Equal(t, "two lines", raw.NextMessage().Message)
		require.Equal(t, []ntfy.Message{line}, p.stored(a.Topic, ""))

		gotify.Anonymous(t, s).Key(quiet.Token).Post("/message", object{"message": "quiet"}).Want(http.StatusOK)
		require.Equal(t, "quiet", silent.NextMessage().Message)
		require.Equal(t, "quiet", several.NextMessage().Message)
	})
}

// What is put to a topic is heard on Gotify's stream and stands in its history,
// whichever credentials it came with.
func TestFromTopicsToGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		frames, events := p.frames(), p.phone.Stream("/stream?events=all")
		for who, publish := range map[string]func(text string) ntfy.Message{
			"password":          func(text string) ntfy.Message { return p.topics.ByPassword().Publish(a.Topic, text) },
			"access token":      func(text string) ntfy.Message { return p.say(a.Topic, text) },
			"application token": func(text string) ntfy.Message { return p.as(a.Token).Publish(a.Topic, text) },
			"json": func(text string) ntfy.Message {
				return p.topics.Post("/", object{"topic": a.Topic, "message": text}).Message()
			},
		} {
			text := "by " + who
			said := publish(text)
			frame := frames.NextMessage()
			require.Equal(t, text, frame.Message)
			require.Equal(t, a.ID, frame.AppID)
			require.Equal(t, said.Time, unix(t, frame.Date))
			require.Equal(t, frame, p.newest())
			require.Equal(t, frame, gotify.As[gotify.Page](p.phone.Get("/application/" + id(a.ID) + "/message")).Messages[0])
			event := events.NextEvent()
			require.Equal(t, "message", event.Event)
			require.Contains(t, string(event.Message), text)
		}
		require.Len(t, p.History(), 4)
		require.Len(t, p.stored(a.Topic, ""), 4)
	})
}

// The two languages resume at the same places: an id of Gotify's and a key of
// ntfy's name the same message.
func TestResumeAcrossLanguages(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		var keys []string
		var ids []int64
		for i := range 6 {
			if i%2 == 0 {
				p.say(a.Topic, id(int64(i)))
			} else {
				a.Send(id(int64(i)))
			}
			newest := p.stored(a.Topic, "since=latest")[0]
			require.Equal(t, id(int64(i)), newest.Message)
			keys, ids = append(keys, newest.ID), append(ids, p.newest().ID)
		}
		for i := range 6 {
			want := strings.Split("012345"[i+1:], "")[:5-i]
			lines, frames := p.topics.Subscribe("/"+a.Topic+"/json?since="+keys[i]), p.phone.Stream("/stream?since="+id(ids[i]))
			for _, text := range want {
				require.Equal(t, text, lines.NextMessage().Message)
				require.Equal(t, text, frames.NextMessage().Message)
			}
			require.Len(t, p.stored(a.Topic, "since="+keys[i]), len(want))
		}
	})
}

// A first message to a topic makes an application, which Gotify's people see at
// once; so does a first subscription.
func TestCreatedTopicsAreApplications(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		events := p.phone.Stream("/stream?events=all")
		published, subscribed, polled := name("Published_"), name("subscribed"), name("polled")
		p.say(published, "m")
		created := events.NextEvent()
		require.Equal(t, "application_created", created.Event)
		require.Equal(t, "message", events.NextEvent().Event)
		p.hear(subscribed)
		require.Equal(t, "application_created", events.NextEvent().Event)
		require.Empty(t, p.stored(polled, ""), "a poll creates nothing")

		all := p.applications()
		require.Len(t, all, 2)
		require.Equal(t, created.AppID, all[0].ID)
		for i, topic := range []string{published, subscribed} {
			require.Equal(t, topic, all[i].Topic)
			require.Equal(t, topic, all[i].Name)
			require.False(t, all[i].Shared)
			require.NotEmpty(t, all[i].Token)
		}
		// It is an application like any other: its token posts in both languages.
		require.Equal(t, "m", p.newest().Message)
		require.Equal(t, published, gotify.As[gotify.Message](gotify.Anonymous(t, s).Key(all[0].Token).Post("/message", object{"message": "x"})).Title)
		require.Equal(t, published, p.as(all[0].Token).Publish(published, "y").Topic)
		require.Equal(t, []string{"m", "x", "y"}, ntfy.Texts(p.stored(published, "")))
	})
}
