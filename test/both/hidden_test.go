package both

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// What was not to be kept is heard by who listens, in both languages, and by
// nobody later.
func TestTransientMessages(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, frames := p.hear(a.Topic), p.frames()
		said := p.say(a.Topic, "now or never", "Cache", "no")
		require.Equal(t, said, lines.NextMessage())
		require.Equal(t, "now or never", frames.NextMessage().Message)
		require.Empty(t, p.heard())
		require.Empty(t, p.stored(a.Topic, ""))
		p.say(a.Topic, "kept")
		require.Equal(t, []string{"kept"}, p.heard())
		require.Equal(t, "kept", p.phone.Stream("/stream?since=0").NextMessage().Message)
	})
}

// What only a program can read is nothing for Gotify's people: neither in the
// history nor on a stream.
func TestBytesAreHidden(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, frames, events := p.hear(a.Topic), p.frames(), p.phone.Stream("/stream?events=all")
		said := p.topics.Put("/"+a.Topic+"?up=1", []byte{0, 1, 0xfe, 0xff}).Message()
		require.Equal(t, "base64", said.Encoding)
		require.Equal(t, said, lines.NextMessage())
		readable := p.topics.Put("/"+a.Topic+"?up=1", "a text for a program").Message()
		require.Empty(t, readable.Encoding)
		require.Equal(t, "a text for a program", frames.NextMessage().Message, "the bytes did not come before")
		require.Equal(t, "message", events.NextEvent().Event)
		require.Equal(t, []string{"a text for a program"}, p.heard())
		require.Equal(t, []ntfy.Message{said, readable}, p.stored(a.Topic, ""))

		resumed := p.phone.Stream("/stream?since=0")
		require.Equal(t, "a text for a program", resumed.NextMessage().Message)
	})
}

// A page of the history goes on behind messages that are not shown.
func TestHistoryBehindHiddenMessages(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		want := []string{}
		for i := range 12 {
			if i%4 == 0 {
				want = append(want, a.Send(id(int64(i))).Message)
			} else {
				p.topics.Put("/"+a.Topic+"?up=1", []byte{0xff}).Message()
			}
		}
		require.Equal(t, want, p.heard())
		var all []string
		for next := "/message?limit=1"; next != ""; {
			page := gotify.As[gotify.Page](p.phone.Get(next))
			for _, m := range page.Messages {
				all = append([]string{m.Message}, all...)
			}
			next = page.Paging.Next
		}
		require.Equal(t, want, all)
	})
}

// A request to ask elsewhere is for ntfy's phones only.
func TestPollRequestsAreHidden(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, frames := p.hear(a.Topic), p.frames()
		p.topics.With("X-Poll-ID", "abcdefghijkl").Put("/"+a.Topic, nil).Message()
		require.Equal(t, "abcdefghijkl", lines.NextEvent(ntfy.PollRequestEvent).PollID)
		a.Send("m")
		require.Equal(t, "m", frames.NextMessage().Message)
		require.Equal(t, []string{"m"}, p.heard())
	})
}

// pushTopic returns a topic of the shape that ntfy's apps make up for UnifiedPush.
func pushTopic() string { return "up" + rand.Text()[:10] + "a1" }

// Topics of UnifiedPush are between programs: Gotify's people see nothing of them.
func TestPushTopicsAreHidden(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		frames, events := p.frames(), p.phone.Stream("/stream?events=all")
		topic := pushTopic()
		lines := p.hear(topic) // which is how an app registers
		stranger := ntfy.Anonymous(t, s)
		said := stranger.Publish(topic+"?up=1", "from a stranger")
		require.Equal(t, said, lines.NextMessage())
		p.say(topic, "from myself")
		require.Equal(t, "from myself", lines.NextMessage().Message)

		require.Equal(t, []string{a.Topic}, p.listed())
		require.Empty(t, p.heard())
		a.Send("for people")
		require.Equal(t, "for people", frames.NextMessage().Message)
		require.Equal(t, "message", events.NextEvent().Event)
		require.Equal(t, "for people", p.phone.Stream("/stream?since=0").NextMessage().Message)
		require.Equal(t, []string{"for people"}, p.heard())
		require.Len(t, p.stored(topic, ""), 2)
	})
}
