package ntfy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// tick publishes until the second of the message's time is a later one, and
// returns the first message of that second.
func tick(t *testing.T, c *Caller, topic string, after int64) (sent []Message, later Message) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; {
		require.True(t, time.Now().Before(deadline))
		m := c.Publish(topic, fmt.Sprint(len(sent)))
		if m.Time > after {
			return sent, m
		}
		sent = append(sent, m)
	}
}

// replayed returns what a stream of a format begins with, up to the message with
// the id last.
func replayed(t *testing.T, c *Caller, path, last string) []string {
	t.Helper()
	stream := c.On(t).Subscribe(path)
	defer stream.Hangup()
	ids := []string{}
	for {
		m := stream.NextMessage()
		if m.ID == last {
			return ids
		}
		ids = append(ids, m.ID)
	}
}

func TestSince(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, one, two := NewUser(t, s), NewTopic(), NewTopic()
		var sent []Message
		for i := range 6 {
			sent = append(sent, user.Publish([]string{one, two}[i%2], fmt.Sprint(i)))
		}
		NewUser(t, s).Publish(NewTopic(), "foreign")
		all := IDs(sent)
		now := time.Now().Unix()
		for since, want := range map[string][]string{
			"all": all, "none": {}, "latest": all[4:],
			"0": all, "-1": all, "1": all, "-9223372036854775808": all,
			"10m": all, "1h30m": all, "999h": all, "60000ms": all, "1d": all, "3d": all, "1d12h": all, "10000d": all, "+1h": all, "0.5d": all,
			strconv.FormatInt(now-3600, 10): all,
			strconv.FormatInt(now+3600, 10): {}, "-1h": {}, "9223372036854775807": {}, "-1d": {},
			"zzzzzzzzzzzz": all, // longer ago than any key of ours can be: another server's
			"nFS3knfcQ1xe": all, "123456789012": all, "20260101abcd": all,
			all[0]: all[1:], all[1]: all[2:], all[5]: {},
		} {
			require.Equal(t, want, IDs(user.Poll(one+","+two, "since="+since)), since)
			require.Equal(t, want, IDs(user.With("X-Since", since).Poll(one+","+two, "")), since)
		}
		// What a stream begins with is what a poll has.
		last := user.Publish(one, "last")
		for _, format := range []string{"json", "sse", "ws"} {
			for since, want := range map[string][]string{"all": all, "10m": all, all[0]: all[1:], all[5]: {}, "0": all} {
				require.Equal(t, want, replayed(t, user.Caller, "/"+one+","+two+"/"+format+"?since="+since, last.ID), since)
			}
		}
		// Without since a poll has everything, and a stream nothing.
		require.Equal(t, append(all, last.ID), IDs(user.Poll(one+","+two, "")))
		for _, query := range []string{"", "?since=none", "?since="} {
			stream := user.Subscribe("/" + one + "," + two + "/json" + query)
			live := user.Publish(two, "live")
			require.Equal(t, live, stream.NextMessage())
			stream.Hangup()
		}
	})
}

// A time is a whole second, and means the messages of this second, too.
func TestSinceTime(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		_, first := tick(t, user.Caller, topic, user.Publish(topic, "before").Time)
		of, second := tick(t, user.Caller, topic, first.Time)
		of = append([]Message{first}, of...)
		rest := []Message{second, user.Publish(topic, "after")}
		require.Equal(t, append(of, rest...), user.Poll(topic, fmt.Sprint("since=", first.Time)))
		require.Equal(t, rest, user.Poll(topic, fmt.Sprint("since=", second.Time)))
		require.Equal(t, IDs(of), replayed(t, user.Caller, fmt.Sprint("/", topic, "/json?since=", first.Time), second.ID))
		// With a time in the future a stream begins with what comes.
		stream := user.Subscribe(fmt.Sprint("/", topic, "/json?since=", time.Now().Unix()+1000))
		live := user.Publish(topic, "live")
		require.Equal(t, live, stream.NextMessage())
	})
}

// The newest message of each topic.
func TestSinceLatest(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, one, two, three := NewUser(t, s), NewTopic(), NewTopic(), NewTopic()
		user.Publish(two, "old")
		second := user.Publish(two, "new")
		user.Publish(one, "old")
		first := user.Publish(one, "new")
		user.Publish(one, "scheduled", "In", "1h")
		require.Equal(t, []Message{second, first}, user.Poll(one+","+two+","+three, "since=latest"), "in their order")
		require.Equal(t, []Message{first}, user.Poll(one, "since=latest&sched=1"))
		require.Empty(t, user.Poll(three, "since=latest"))
		stream := user.Subscribe("/" + one + "," + two + "/json?since=latest")
		require.Equal(t, second, stream.NextMessage())
		require.Equal(t, first, stream.NextMessage())
		live := user.Publish(two, "live")
		require.Equal(t, live, stream.NextMessage())
	})
}

// A message of any topic marks where somebody stopped reading, also one that is
// gone.
func TestSinceID(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		user, one, two := NewUser(t, s), NewTopic(), NewTopic()
		before := user.Publish(one, "before")
		marker := user.Publish(two, "marker")
		tick(t, user.Caller, two, marker.Time+2) // a key that is gone tells its time only
		after := user.Publish(one, "after")
		require.Equal(t, []Message{before, after}, user.Poll(one, ""))
		require.Equal(t, []Message{after}, user.Poll(one, "since="+marker.ID), "an id of another topic")
		foreign := NewUser(t, s).Publish(NewTopic(), "somebody else's")
		require.Empty(t, user.Poll(one, "since="+foreign.ID))
		// Gotify's people delete it.
		for _, m := range user.Person.History() {
			if m.Message == "marker" {
				user.Person.Delete(fmt.Sprint("/message/", m.ID)).Want(200)
			}
		}
		require.NotContains(t, IDs(user.Poll(two, "")), marker.ID)
		found := user.Poll(one, "since="+marker.ID)
		require.Equal(t, []Message{after}, found, "an id of a message that is gone")
		require.Equal(t, []string{}, replayed(t, user.Caller, "/"+one+"/sse?since="+marker.ID, after.ID))
		// And of a whole application that is gone.
		tick(t, user.Caller, two, after.Time+2)
		gone := user.Publish(NewTopic(), "gone")
		for _, a := range gotify.As[[]gotify.Application](user.Person.Get("/application")) {
			if a.Name == gone.Topic {
				user.Person.Delete(fmt.Sprint("/application/", a.ID)).Want(200)
			}
		}
		_, last := tick(t, user.Caller, one, gone.Time+2)
		ids := IDs(user.Poll(one, "since="+gone.ID))
		require.Equal(t, last.ID, ids[len(ids)-1])
		require.NotContains(t, ids, before.ID)
		require.NotContains(t, ids, after.ID)
	})
}

// A browser tells what it has seen last when it connects again.
func TestLastEventID(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		first := user.Publish(topic, "first")
		stream := user.Subscribe("/" + topic + "/sse?since=all")
		mark := stream.Next().Mark
		require.Equal(t, first.ID, mark)
		stream.Hangup()
		second := user.Publish(topic, "second")
		for _, query := range []string{"", "?since=all", "?since=" + first.ID, "?since=none"} {
			again := user.With("Last-Event-ID", mark).Subscribe("/" + topic + "/sse" + query)
			frame := again.Next()
			require.Equal(t, second, frame.Message, query)
			require.Equal(t, second.ID, frame.Mark)
			again.Hangup()
		}
		// It is of server-sent events only, and what makes no sense is ignored.
		require.Equal(t, []Message{first, second}, user.With("Last-Event-ID", mark).Poll(topic, ""))
		for _, odd := range []string{"", "x", strings.Repeat("y", 1000), "Unsinn!", "\xff\xfe"} {
			again := user.With("Last-Event-ID", odd).Subscribe("/" + topic + "/sse?since=all")
			require.Equal(t, first, again.NextMessage(), odd)
			again.Hangup()
		}
		// The id of a deleted or cleared message's event marks a place as well.
		deleted := user.Delete("/" + topic + "/" + second.ID).Message()
		third := user.Publish(topic, "third")
		again := user.With("Last-Event-ID", deleted.ID).Subscribe("/" + topic + "/sse")
		require.Equal(t, third, again.NextMessage())
	})
}

// Messages of several topics come in the order in which they were published.
func TestOrderOfTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		topics := []string{NewTopic(), NewTopic(), NewTopic()}
		var sent []Message
		for i := range 60 {
			sent = append(sent, user.Publish(topics[(i*7)%3], fmt.Sprint(i)))
		}
		list := topics[2] + "," + topics[0] + "," + topics[1]
		require.Equal(t, sent, user.Poll(list, ""))
		for _, format := range []string{"json", "sse", "ws"} {
			stream := user.Subscribe("/" + list + "/" + format + "?since=" + sent[9].ID)
			for _, want := range sent[10:] {
				require.Equal(t, want, stream.NextMessage())
			}
			stream.Hangup()
		}
	})
}

// Deleting and clearing are told of in a replay, too, in their place.
func TestReplayOfNotices(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		first := user.Publish(topic, "first")
		second := user.Publish(topic, "second")
		deleted := user.Delete("/" + topic + "/" + first.ID).Message()
		cleared := user.Put("/"+topic+"/"+second.ID+"/clear", nil).Message()
		third := user.Publish(topic, "third")
		require.Equal(t, []string{DeleteEvent, ClearEvent}, Names([]Message{deleted, cleared}))
		require.Equal(t, []Message{second, deleted, cleared, third}, user.Poll(topic, ""))
		require.Equal(t, []Message{deleted, cleared, third}, user.Poll(topic, "since="+second.ID))
		require.Equal(t, []Message{second, deleted, cleared, third}, user.Poll(topic, "since="+first.ID), "it is gone, and its time is known")
		require.Equal(t, []Message{third}, user.Poll(topic, "since="+cleared.ID))
		// They are lines without text for those who read text.
		require.Equal(t, "second\n\n\nthird\n", string(user.Get("/"+topic+"/raw?poll=1").Want(200).Body))
		stream := user.Subscribe("/" + topic + "/sse?since=" + second.ID)
		for _, want := range []Message{deleted, cleared, third} {
			frame := stream.Next()
			require.Equal(t, want, frame.Message)
			require.Empty(t, frame.Name, "they fire onmessage")
		}
	})
}
