package ntfy

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// filterCases are filters, and which of the messages of publishAll they let through.
func filterCases(sent []Message) map[string][]Message {
	one, two, three, four := sent[0], sent[1], sent[2], sent[3]
	return map[string][]Message{
		"id=" + one.ID: {one}, "id=" + one.ID[:11] + "-": {}, "X-ID=" + two.ID: {two},
		"message=text": {one, two}, "message=Text": {}, "m=tex": {}, "message=+text+": {one, two}, "message=three": {three},
		"title=A+title": {one}, "title=a+title": {}, "t=A+title": {one}, "title=nothing": {},
		"priority=4": {one}, "priority=high": {one}, "p=HIGH": {one}, "prio=3": {two, four}, "priority=default": {two, four},
		"priority=min,max": {three}, "priority=1,2,3": {two, four}, "priority=high,urgent": {one, three}, "priority=4,,5": {one, three},
		"priority=high,+urgent": {one, three}, "priority=low": {},
		"tags=a": {one, two}, "tags=a,b": {one}, "tags=b,a": {one}, "tag=a,c": {}, "ta=A": {}, "tags=a,+b": {one}, "tags=b+": {one},
		"tags=warning": {three}, "tags=,a,": {one, two},
		"priority=high&tags=a":              {one},
		"message=text&tags=a&priority=3":    {two},
		"message=text&title=A+title&tags=c": {},
		"TITLE=A+title":                     {one}, "Message=three": {three}, "X-PRIORITY=5": {three}, "Tags=b": {one},
		"title=&priority=&tags=": {one, two, three, four},
	}
}

func publishAll(c *Caller, topic string) []Message {
	return []Message{
		c.Publish(topic, "text", "Title", "A title", "Priority", "high", "Tags", "a,b"),
		c.Publish(topic, "text", "Tags", "a"),
		c.Publish(topic, "three", "Priority", "5", "Tags", "warning"),
		c.Publish(topic, "four", "Priority", "default"),
	}
}

func TestFiltersOnReplay(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		sent := publishAll(user.Caller, topic)
		for query, want := range filterCases(sent) {
			require.Equal(t, want, user.Poll(topic, query), query)
			// The same in headers.
			values, err := url.ParseQuery(query)
			require.NoError(t, err)
			caller := user.Caller
			for name := range values {
				caller = caller.With(name, values.Get(name))
			}
			require.Equal(t, want, caller.Poll(topic, ""), "%s in headers", query)
		}
	})
}

func TestFiltersOnLiveStreams(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		old := publishAll(user.Caller, topic)
		streams := map[string]*Stream{}
		queries := []string{}
		for query := range filterCases(old) {
			if query[0] != 'i' && query[0] != 'X' { // ids of what is not there yet are unknown
				queries = append(queries, query)
			}
		}
		for i, query := range queries {
			streams[query] = user.Subscribe("/" + topic + "/" + []string{"json", "sse", "ws"}[i%3] + "?" + query)
		}
		sent := publishAll(user.Caller, topic)
		user.Delete("/" + topic + "/the-end").Want(200)
		for query, stream := range streams {
			for _, want := range filterCases(sent)[query] {
				require.Equal(t, want, stream.NextMessage(), query)
			}
			require.Equal(t, "the-end", stream.NextEvent(DeleteEvent).SequenceID, "%s: no filter holds this back", query)
		}
	})
}

// Header and query: the header wins, as for publishing.
func TestFilterInBothPlaces(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		sent := publishAll(user.Caller, topic)
		require.Equal(t, sent[2:3], user.With("X-Message", "three").Poll(topic, "message=text"))
		require.Equal(t, sent[2:3], user.With("X-Priority", "5", "Priority", "4").Poll(topic, "p=1"))
		require.Equal(t, sent[:1], user.With("Title", "=?UTF-8?B?QSB0aXRsZQ==?=").Poll(topic, ""), "an encoded header")
		umlaut := user.Publish(topic, "Grüße 🔔", "Title", "Ärger")
		require.Equal(t, []Message{umlaut}, user.With("Title", "Ärger").Poll(topic, ""))
		require.Equal(t, []Message{umlaut}, user.Poll(topic, "message="+url.QueryEscape("Grüße 🔔")))
	})
}

// What browsers and proxies put into the header Priority is none of ours.
func TestForeignPriorityHeader(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		sent := publishAll(user.Caller, topic)
		for _, value := range []string{"u=1, i", "u=1,i", "u=3", "u=0, 5"} {
			require.Equal(t, sent, user.With("Priority", value).Poll(topic, ""), value)
			require.Equal(t, sent[:1], user.With("Priority", value).Poll(topic, "priority=4"), value)
			user.With("X-Priority", value).Loose().Get("/" + topic + "/json?poll=1").Refused(40007)
		}
	})
}

// No filter holds back what tells of deleted and cleared messages, live or
// replayed, nor what asks to poll.
func TestFiltersAreForMessages(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		query := "?title=nothing&priority=1&tags=x&message=y&id=zzzzzzzzzzzz"
		streams := []*Stream{}
		for _, format := range []string{"json", "sse", "ws"} {
			streams = append(streams, user.Subscribe("/"+topic+"/"+format+query))
		}
		user.Publish(topic, "text", "Sequence-ID", "seq")
		cleared := user.Put("/"+topic+"/seq/read", nil).Message()
		deleted := user.Get("/" + topic + "/seq/delete").Message()
		user.With("Poll-ID", "abcdefghijkl").Put("/"+topic, nil).Want(200)
		for _, stream := range streams {
			require.Equal(t, cleared, stream.NextEvent(ClearEvent))
			require.Equal(t, deleted, stream.NextEvent(DeleteEvent))
			stream.NextEvent(PollRequestEvent)
		}
		require.Equal(t, []Message{cleared, deleted}, user.Poll(topic, query[1:]))
	})
}
