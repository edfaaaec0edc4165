package both

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// Gotify hears of a scheduled message when its time has come, as the newest one:
// who was away before resumes and finds it.
func TestScheduledMessages(t *testing.T) {
	ntfy.Long(t)
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, frames := p.hear(a.Topic), p.frames()
		waiting := p.say(a.Topic, "later", "Delay", "10s", "Title", "T", "Tags", "skull", "Priority", "4")
		require.Empty(t, p.heard())
		require.Empty(t, p.stored(a.Topic, ""))
		require.Equal(t, []ntfy.Message{waiting}, p.stored(a.Topic, "scheduled=1"))
		before := a.Send("before")
		require.Equal(t, "before", lines.NextMessage().Message)
		require.Equal(t, before, frames.NextMessage())

		frame := frames.NextMessage()
		require.Equal(t, "later", frame.Message)
		require.Equal(t, "💀 T", frame.Title)
		require.EqualValues(t, 8, frame.Priority)
		require.Greater(t, frame.ID, before.ID, "its id is given at delivery")
		delivered := lines.NextMessage()
		require.Equal(t, waiting.ID, delivered.ID)
		require.Equal(t, delivered.Time, unix(t, frame.Date))
		require.Equal(t, frame, p.newest())
		require.Equal(t, frame, p.phone.Stream("/stream?since="+id(before.ID)).NextMessage())
		require.Equal(t, []string{"before", "later"}, p.heard())
	})
}

func TestCancelledMessages(t *testing.T) {
	ntfy.Long(t)
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		frames := p.frames()
		p.say(a.Topic, "never", "Delay", "10s", "Sequence-Id", "cancelled")
		p.say(a.Topic, "marker", "Delay", "11s")
		p.topics.Delete("/" + a.Topic + "/cancelled").Message()
		require.Equal(t, "marker", frames.NextMessage().Message)
		require.Equal(t, []string{"marker"}, p.heard())
	})
}

// A scheduled message of an application that is deleted goes with it.
func TestScheduledForADeletedApplication(t *testing.T) {
	ntfy.Long(t)
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a, kept := p.application(nil), p.application(nil)
		frames := p.frames()
		p.say(a.Topic, "never", "Delay", "10s")
		p.say(kept.Topic, "marker", "Delay", "11s")
		p.Delete("/application/" + id(a.ID)).Empty(200)
		again := gotify.As[application](p.Post("/application", object{"name": "again", "topic": a.Topic}))
		require.Equal(t, a.Topic, again.Topic)
		require.Empty(t, p.stored(a.Topic, "scheduled=1"))
		require.Equal(t, "marker", frames.NextMessage().Message)
		require.Equal(t, []string{"marker"}, p.heard())
	})
}
