package both

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// What Gotify's phone deletes goes away on ntfy's phones, at once or when they
// come back.
func TestDeletedInGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, events := p.hear(a.Topic), p.topics.Subscribe("/"+a.Topic+"/sse")
		a.Send("from gotify")
		first := lines.NextMessage()
		named := p.say(a.Topic, "from the topic", "Sequence-Id", "backup-1")
		kept := p.say(a.Topic, "kept")
		require.Equal(t, named, lines.NextMessage())
		require.Equal(t, kept, lines.NextMessage())
		for range 3 {
			events.NextMessage()
		}
		history := p.History()
		marker := first.ID
		for i, sequence := range []string{first.ID, "backup-1"} {
			p.phone.Delete("/message/" + id(history[i].ID)).Empty(http.StatusOK)
			news := lines.NextEvent(ntfy.DeleteEvent)
			require.Equal(t, sequence, news.SequenceID)
			require.Equal(t, a.Topic, news.Topic)
			require.Empty(t, news.Message)
			require.Equal(t, news, events.NextEvent(ntfy.DeleteEvent))
			// Who was away, and knows the message, hears of it too.
			require.Contains(t, p.stored(a.Topic, "since="+marker), news)
			require.Contains(t, p.stored(a.Topic, "since="+kept.ID), news)
		}
		p.phone.Delete("/message/" + id(history[0].ID)).Refused(http.StatusNotFound)
		require.Equal(t, []string{"kept", "", ""}, ntfy.Texts(p.stored(a.Topic, "")), "two deletions have no text")
		require.Len(t, p.History(), 1)
		require.Equal(t, "kept", p.newest().Message)
	})
}

// What ntfy's sender deletes is gone for Gotify, and streams that ask for all
// events hear of it.
func TestDeletedInTopics(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		plain, events := p.frames(), p.phone.Stream("/stream?events=all")
		said := p.say(a.Topic, "by its id")
		p.say(a.Topic, "by its sequence", "Sequence-Id", "backup-1")
		a.Send("from gotify")
		kept := p.say(a.Topic, "kept")
		for range 4 {
			events.NextEvent()
			plain.NextMessage()
		}
		history := p.History()
		fromGotify := p.stored(a.Topic, "message=from+gotify")[0]
		for i, sequence := range []string{said.ID, "backup-1", fromGotify.ID} {
			news := p.topics.Delete("/" + a.Topic + "/" + sequence).Message()
			require.Equal(t, "message_delete", news.Event)
			require.Equal(t, sequence, news.SequenceID)
			heard := events.NextEvent()
			require.Equal(t, "message_deleted", heard.Event)
			require.Equal(t, history[i].ID, heard.ID)
			require.Equal(t, a.ID, heard.AppID)
			require.Len(t, p.History(), 3-i)
			p.Delete("/message/" + id(history[i].ID)).Refused(http.StatusNotFound)
		}
		a.Send("next")
		require.Equal(t, "next", plain.NextMessage().Message, "plain streams carry messages only")
		require.Equal(t, []string{"kept", "", "", "", "next"}, ntfy.Texts(p.stored(a.Topic, "")), "three deletions have no text")
		require.Equal(t, kept, p.stored(a.Topic, "message=kept")[0])
	})
}

// All versions of a message go with their sequence.
func TestDeletedVersions(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		events := p.phone.Stream("/stream?events=all")
		for _, text := range []string{"10 %", "50 %", "100 %"} {
			p.say(a.Topic, text, "Sequence-Id", "progress")
			events.NextEvent()
		}
		history := p.History()
		require.Len(t, history, 3, "for Gotify every version is a message")
		p.topics.Delete("/" + a.Topic + "/" + "progress").Message()
		var deleted []int64
		for range 3 {
			heard := events.NextEvent()
			require.Equal(t, "message_deleted", heard.Event)
			deleted = append(deleted, heard.ID)
		}
		require.ElementsMatch(t, []int64{history[0].ID, history[1].ID, history[2].ID}, deleted)
		require.Empty(t, p.History())
	})
}

// That somebody read a message is news among ntfy's phones.
func TestClearedInTopics(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, events, plain := p.hear(a.Topic), p.phone.Stream("/stream?events=all"), p.frames()
		a.Send("m")
		cleared := lines.NextMessage()
		news := p.topics.Put("/"+a.Topic+"/"+cleared.ID+"/clear", nil).Message()
		require.Equal(t, "message_clear", news.Event)
		require.Equal(t, news, lines.NextEvent(ntfy.ClearEvent))
		a.Send("next")
		for _, text := range []string{"m", "next"} {
			require.Contains(t, string(events.NextEvent().Message), text, "nothing in between")
			require.Equal(t, text, plain.NextMessage().Message)
		}
		require.Len(t, p.History(), 2)
	})
}

// Nobody deletes with an application token what Gotify's people keep in another
// application, nor in somebody else's.
func TestDeletingElsewhere(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p, other := newPerson(t, s), newPerson(t, s)
		a, b := p.application(nil), p.application(nil)
		said := p.say(a.Topic, "m")
		// A sequence is a topic's own.
		p.topics.Delete("/" + b.Topic + "/" + said.ID).Message()
		require.Len(t, p.History(), 1)
		other.topics.Delete("/" + a.Topic + "/" + said.ID).Refused(40301)
		p.as(b.Token).Delete("/" + a.Topic + "/" + said.ID).Refused(40301)
		other.Delete("/message/" + id(p.newest().ID)).Refused(http.StatusNotFound)
		require.Len(t, p.History(), 1)
		p.as(a.Token).Delete("/"+a.Topic+"/"+said.ID).Refused(40301, "can only post")
		require.Len(t, p.History(), 1)
		p.topics.Delete("/" + a.Topic + "/" + said.ID).Want(200)
		require.Empty(t, p.History())
	})
}
