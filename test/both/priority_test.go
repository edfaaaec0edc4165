package both

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

func TestPriorityFromTopics(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(object{"defaultPriority": 7})
		lines, frames := p.hear(a.Topic), p.frames()
		for _, c := range []struct {
			said       string
			heard      int
			translated int64
		}{{"1", 1, 0}, {"2", 2, 2}, {"3", 3, 5}, {"4", 4, 8}, {"5", 5, 10}, {"urgent", 5, 10}, {"min", 1, 0}, {"", 0, 7}} {
			said := p.say(a.Topic, "m", "Priority", c.said)
			require.Equal(t, c.heard, said.Priority, "%q", c.said)
			require.Equal(t, said, lines.NextMessage())
			frame := frames.NextMessage()
			require.Equal(t, c.translated, frame.Priority, "%q", c.said)
			require.Equal(t, frame, p.newest())
		}
	})
}

func TestPriorityFromGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines := p.hear(a.Topic)
		for priority, heard := range map[int]int{
			-5: 1, -1: 1, 0: 1, 1: 2, 2: 2, 3: 2, 4: 3, 5: 3, 6: 3, 7: 3, 8: 4, 9: 4, 10: 5, 11: 5, 1000: 5,
		} {
			sent := gotify.As[gotify.Message](a.Post("/message", object{"message": "m", "priority": priority}))
			require.EqualValues(t, priority, sent.Priority)
			line := lines.NextMessage()
			require.Equal(t, heard, line.Priority, "%d", priority)
			require.Equal(t, line, p.stored(a.Topic, "since=latest")[0])
			require.Equal(t, line, p.stored(a.Topic, fmt.Sprint("since=latest&priority=", heard))[0])
			require.Empty(t, p.stored(a.Topic, fmt.Sprint("since=latest&priority=", heard%5+1)))
		}
	})
}

// Without a priority, the application's own default counts, when it has one.
func TestPriorityAbsentInGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		for byDefault, heard := range map[int]int{0: 0, 2: 2, 5: 3, 9: 4, 10: 5} {
			a := p.application(object{"defaultPriority": byDefault})
			require.EqualValues(t, byDefault, a.Send("m").Priority)
			require.Equal(t, heard, p.stored(a.Topic, "")[0].Priority, "a default of %d", byDefault)
		}
	})
}

// An application that came into being through its topic has the middle priority.
func TestPriorityOfACreatedTopic(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		p.say(name("made"), "m")
		require.EqualValues(t, 5, p.newest().Priority)
		require.EqualValues(t, 5, p.applications()[0].DefaultPriority)
	})
}
