package ntfy

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// soon is the shortest delay there is.
const soon = "10s"

// comes waits for a scheduled message on a stream and fails the test when it comes
// before its time or is another one.
func comes(t *testing.T, stream *Stream, scheduled Message) {
	t.Helper()
	m := stream.NextMessage()
	require.False(t, time.Now().Before(time.Unix(scheduled.Time, 0)), "it came before its time")
	require.Equal(t, scheduled.ID, m.ID)
	require.GreaterOrEqual(t, m.Time, scheduled.Time)
	scheduled.Time = m.Time // that of the delivery, when it is late
	require.Equal(t, scheduled, m)
}

// One wait for all that has to be seen of scheduled messages on one server.
func TestScheduled(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		phone := user.Person.NewDevice("phone").Stream("/stream")
		before := user.Publish(topic, "before")
		require.Equal(t, "before", phone.NextMessage().Message)
		streams := []*Stream{}
		for _, format := range []string{"json", "sse", "ws"} {
			streams = append(streams, user.Subscribe("/"+topic+"/"+format))
		}
		raw := user.Subscribe("/" + topic + "/raw")
		asked := time.Now()
		scheduled := user.Publish(topic, "scheduled", "Delay", soon, "Title", "Title", "Tags", "a,b", "Priority", "4")
		require.WithinDuration(t, asked.Add(10*time.Second), time.Unix(scheduled.Time, 0), Patience)
		require.GreaterOrEqual(t, scheduled.Time, asked.Unix()+9, "its time is the one at which it is due")
		cancelled := user.Publish(topic, "cancelled", "Delay", soon, "Sequence-ID", "dead-man")
		user.Publish(topic, "replaced", "Delay", soon, "Sequence-ID", "switch")
		replacement := user.Publish(topic, "replacement", "Delay", soon, "Sequence-ID", "switch")
		deleted := user.Delete("/" + topic + "/dead-man").Message()
		after := user.Publish(topic, "after")

		// Nobody has seen them yet.
		require.Equal(t, []Message{before, deleted, after}, user.Poll(topic, ""))
		require.Equal(t, []Message{after}, user.Poll(topic, "since=latest&sched=1"))
		for _, m := range user.Person.History() {
			require.Contains(t, []string{"before", "after"}, m.Message)
		}
		// But those who ask for them.
		for _, alias := range []string{"scheduled=1", "sched=yes", "X-Scheduled=true"} {
			require.Equal(t, []Message{before, deleted, after, scheduled, replacement}, user.Poll(topic, alias), alias)
		}
		require.Equal(t, []Message{scheduled, replacement}, user.Poll(topic, "sched=1&since="+after.ID))
		require.Equal(t, []Message{deleted, scheduled}, user.Poll(topic, "sched=1&title=Title"), "filters apply")
		require.Equal(t, []Message{before, deleted, after}, user.Poll(topic, "sched=0"))
		require.NotContains(t, IDs(user.Poll(topic, "sched=1")), cancelled.ID)
		listed := user.Subscribe("/" + topic + "/json?since=all&sched=1")
		for _, want := range []Message{before, deleted, after, scheduled, replacement} {
			got := listed.Next().Message
			require.Equal(t, want, got)
		}
		// A message that waits is a marker as well: the place is where it was accepted.
		ids := IDs(user.Poll(topic, "since="+scheduled.ID))
		require.Contains(t, ids, after.ID, "it came after the scheduled one was accepted")

		// Its time comes.
		for _, stream := range streams {
			require.Equal(t, deleted, stream.NextEvent(DeleteEvent))
			require.Equal(t, after, stream.NextMessage())
			comes(t, stream, scheduled)
			comes(t, stream, replacement)
		}
		comes(t, listed, scheduled)
		comes(t, listed, replacement)
		require.Equal(t, "after", raw.NextMessage().Message)
		require.Equal(t, "scheduled", raw.NextMessage().Message)
		require.Equal(t, "after", phone.NextMessage().Message)
		require.Equal(t, "scheduled", phone.NextMessage().Message)
		require.Equal(t, "replacement", phone.NextMessage().Message)

		// Who was away resumes by any id, also that of the scheduled one.
		require.Equal(t, []string{scheduled.ID, replacement.ID}, IDs(user.Poll(topic, "since="+after.ID)))
		require.Equal(t, []string{replacement.ID}, IDs(user.Poll(topic, "since="+scheduled.ID)))
		require.Equal(t, []string{scheduled.ID, replacement.ID}, IDs(user.Poll(topic, fmt.Sprint("since=", scheduled.Time))))
		require.Equal(t, IDs(user.Poll(topic, "")), IDs(user.Poll(topic, "sched=1")), "none waits any more")
		last := user.Publish(topic, "last")
		for _, stream := range streams {
			require.Equal(t, last, stream.NextMessage(), "nothing else came")
		}
		require.Equal(t, []string{replacement.ID, last.ID}, IDs(user.Poll(topic, "since="+scheduled.ID)))
	})
}

// Who may not read a topic does not learn what waits for it.
func TestScheduledOfOthers(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other, topic := NewUser(t, s), NewUser(t, s), NewTopic()
		waiting := user.Publish(topic, "waits", "In", "1h")
		other.Get("/" + topic + "/json?poll=1&sched=1").Refused(40301)
		mine := NewTopic()
		other.Publish(mine, "mine")
		require.Equal(t, []string{"mine"}, Texts(other.Poll(mine, "sched=1&since="+waiting.ID)))
		// Cancelling somebody else's is not possible.
		other.Delete("/" + topic + "/" + waiting.ID).Refused(40301)
		require.Equal(t, []Message{waiting}, user.Poll(topic, "sched=1"))
		// By its id it is, also when it has no other name; and an owner cancels by
		// deleting the whole topic.
		user.Delete("/" + topic + "/" + waiting.ID).Want(200)
		require.Equal(t, []string{DeleteEvent}, Names(user.Poll(topic, "sched=1")))
	})
}

// A message that waits while the server is killed comes when it is back, once; so
// does one whose time comes while no server runs.
func TestScheduledSurvivesKill(t *testing.T) {
	Long(t)
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		before := user.Publish(topic, "before")
		scheduled := user.Publish(topic, "scheduled", "In", soon)
		overdue := user.Publish(topic, "overdue", "In", "14s")
		s.Kill(t)
		s.Restart(t)
		stream := user.Subscribe("/" + topic + "/json?since=" + before.ID)
		comes(t, stream, scheduled)
		s.Kill(t)
		gotify.Until(t, "its time comes", func() bool { return time.Now().Unix() > overdue.Time+1 })
		s.Restart(t)
		again := user.Subscribe("/" + topic + "/json?since=" + scheduled.ID)
		comes(t, again, overdue)
		last := user.Publish(topic, "last")
		require.Equal(t, last, again.NextMessage())
		require.Equal(t, []string{"before", "scheduled", "overdue", "last"}, Texts(user.Poll(topic, "sched=1")))
	})
}

// Two servers on one database deliver a scheduled message once between them.
func TestScheduledByTwoServers(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		first := server.NewPlace(t, d, map[string]string{"secretkey": "the secret that both nodes share"})
		servers := []*server.Server{first.Start(t)}
		servers = append(servers, first.Beside(t).Start(t))
		user, topic := NewUser(t, servers[0]), NewTopic()
		user.Publish(topic, "before")
		var sent []string
		for i := range 60 {
			there := Anonymous(t, servers[i%2]).Bearer(user.Token)
			sent = append(sent, there.Publish(topic, fmt.Sprint(i), "In", fmt.Sprint(10+i%3, "s")).ID)
		}
		require.Len(t, user.Poll(topic, "sched=1"), 61)
		gotify.Until(t, "all are delivered", func() bool { return len(user.Poll(topic, "")) == 61 })
		last := user.Publish(topic, "last")
		for _, s := range servers {
			ids := IDs(Anonymous(t, s).Bearer(user.Token).Poll(topic, "sched=1"))
			require.Len(t, ids, 62)
			require.Equal(t, last.ID, ids[61])
			require.ElementsMatch(t, sent, ids[1:61], "each once")
		}
	})
}

// Resuming is exact while scheduled messages are delivered in between.
func TestResumeAroundScheduled(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWorld(t, NewUser(t, s), 3)
		w.publish(3, 10)
		w.start()
		w.publish(6, 5, "In", "10s", "Title", "scheduled")
		w.publish(6, 5, "In", "11s", "Title", "scheduled")
		waiting := func() bool {
			return len(w.publisher.Poll(w.list(), "sched=1&title=scheduled")) > len(w.publisher.Poll(w.list(), "title=scheduled"))
		}
		require.True(t, waiting())
		gotify.Until(t, "all are delivered", func() bool {
			w.publish(2, 2)
			return !waiting()
		})
		scheduled := 0
		for _, m := range w.finish() {
			if m.Title == "scheduled" {
				scheduled++
			}
		}
		require.Equal(t, 60, scheduled)
	})
}
