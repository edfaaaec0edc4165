package ntfy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// A version of a message has the sequence that its sender named, wherever that
// stands; the older versions stay.
func TestSequence(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path := "/" + w.topic
		for _, answer := range []*Answer{
			w.With("X-Sequence-ID", "Seq-1_x").Post(path, "first"), w.With("Sequence-ID", "Seq-1_x").Put(path, "by header"), w.Put(path+"?sid=Seq-1_x", "by query"),
			w.Post("/", object{"topic": w.topic, "message": "in JSON", "sequence_id": "Seq-1_x"}), w.Post(path+"/Seq-1_x", "by POST"), w.Put(path+"/Seq-1_x", "by PUT"),
			w.With("X-Sequence-ID", "other").Put(path+"/Seq-1_x?sid=another", "the path counts"), w.Get(path + "/publish?message=by+GET&sequence-id=Seq-1_x"),
		} {
			m := w.heard(answer)
			require.Equal(t, "Seq-1_x", m.SequenceID, answer.what)
			require.NotEqual(t, m.ID, m.SequenceID)
		}
		// Without a sequence it is the message's own id, which is not repeated.
		alone := w.put("alone")
		require.Empty(t, alone.SequenceID)
		update := w.heard(w.Put(path+"/"+alone.ID, "an update by the id"))
		require.Equal(t, alone.ID, update.SequenceID)
		// The longest, and words that are paths elsewhere.
		for _, sequence := range []string{strings.Repeat("x", 64), "json", "sse", "raw", "ws", "auth", "publish", "send", "trigger", "clear", "read", "delete", "-", "_", "0"} {
			require.Equal(t, sequence, w.heard(w.Put(path+"/"+sequence, "text")).SequenceID)
			require.Equal(t, sequence, w.put("text", "SID", sequence).SequenceID)
		}
		w.stored()
	})
}

func TestSequencesThatAreNone(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.Loose()
		for _, sequence := range []string{"a b", "a.b", "a/b", "ä", "🔔", strings.Repeat("x", 65), "a,b", "%00", "..", "*", "a\tb"} {
			c.With("X-Sequence-ID", sequence).Put("/"+w.topic, "m").Refused(40049)
			c.Put("/"+w.topic+"?"+escaped("sid", sequence), "m").Refused(40049)
			c.Get("/" + w.topic + "/send?" + escaped("sid", sequence)).Refused(40049)
			c.Post("/", object{"topic": w.topic, "sequence_id": sequence}).Refused(40049)
		}
		for _, part := range []string{"a.b", "a%20b", "a,b", "%C3%A4", strings.Repeat("x", 65), "a%2Fb", "a%00", "~", "a:b"} {
			for _, request := range []string{"PUT /%s", "POST /%s", "DELETE /%s", "GET /%s/delete", "PUT /%s/clear", "GET /%s/clear", "PUT /%s/read", "GET /%s/read"} {
				method, path, _ := strings.Cut(request, " ")
				c.Do(method, "/"+w.topic+fmt.Sprintf(path, part), nil).Refused(40401)
			}
		}
		for _, request := range []string{
			"DELETE /", "DELETE /%s", "PATCH /%s/seq", "POST /%s/seq/clear", "POST /%s/seq/read", "POST /%s/seq/delete", "PUT /%s/seq/delete", "DELETE /%s/seq/delete", "DELETE /%s/seq/clear",
			"GET /%s/seq", "DELETE /%s/seq/", "PUT /%s/seq/", "PUT /%s/seq/clear/", "GET /%s/seq/publish", "PUT /%s,other/seq", "DELETE /%s,other/seq", "GET /%s,other/seq/delete",
		} {
			method, path, _ := strings.Cut(request, " ")
			c.Do(method, strings.ReplaceAll(path, "%s", w.topic), nil).Refused(40401)
		}
		c.Put("/settings/seq", "m").Refused(40010)
		c.Delete("/settings/seq").Refused(40010)
		w.silent()
	})
}

// What a publisher deletes or clears is told live in every format, and to those who
// come back.
func TestDeleteAndClear(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path := "/" + w.topic
		events, socket, raw := w.Subscribe(path+"/sse"), w.Subscribe(path+"/ws"), w.Subscribe(path+"/raw")
		filtered := w.Subscribe(path + "/json?priority=5&title=x&tags=y&message=z&id=w")
		first := w.put("first", "SID", "seq")
		for _, stream := range []*Stream{events, socket, raw} {
			require.Equal(t, "first", stream.NextMessage().Message)
		}
		var notices []Message
		for _, request := range []struct{ method, path, event string }{
			{"PUT", "/seq/clear", ClearEvent}, {"GET", "/seq/clear", ClearEvent}, {"PUT", "/seq/read", ClearEvent}, {"GET", "/seq/read", ClearEvent},
			{"DELETE", "/seq", DeleteEvent}, {"GET", "/seq/delete", DeleteEvent}, {"DELETE", "/nothing-is-there", DeleteEvent}, {"PUT", "/nothing-is-there/clear", ClearEvent},
		} {
			answer := w.Do(request.method, path+request.path, nil)
			said := answer.Message()
			require.Equal(t, Message{
				ID: said.ID, SequenceID: strings.Split(request.path, "/")[1], Time: said.Time, Event: request.event, Topic: w.topic,
			}, said, "and nothing else")
			require.NotContains(t, string(answer.Body), `"message":`)
			line := strings.TrimSuffix(string(answer.Body), "\n")
			require.Equal(t, line, w.stream.Next().Text)
			require.Equal(t, line, filtered.Next().Text, "filters are about messages")
			require.Equal(t, line, socket.Next().Text)
			event := events.Next()
			require.Equal(t, []string{line, "", said.ID}, []string{event.Text, event.Name, event.Mark}, "a page's onmessage hears of it")
			require.Empty(t, raw.Next().Text)
			notices = append(notices, said)
		}
		// Who was away hears of it in its place.
		require.Equal(t, notices, w.Poll(w.topic, "since="+first.ID), "the message itself is deleted")
		require.Equal(t, notices[3:], w.Poll(w.topic, "since="+notices[2].ID), "a notice is a marker")
		back := w.With("Last-Event-ID", notices[4].ID).Subscribe(path + "/sse")
		for _, want := range notices[5:] {
			require.Equal(t, want, back.Next().Message)
		}
		after := w.Publish(w.topic, "after")
		require.Equal(t, after, back.NextMessage())
		require.Equal(t, after, w.stream.NextMessage())
		require.Equal(t, append(notices, after), w.Poll(w.topic, ""))
		require.Equal(t, []Message{after}, w.Poll(w.topic, "since=latest"))
	})
}

// Deleting takes every version with it, and nothing of another name or topic.
func TestDeleteTakesAllVersions(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path, elsewhere := "/"+w.topic, NewTopic()
		for i := range 3 {
			w.put(fmt.Sprint("version ", i), "SID", "seq")
		}
		other := w.put("another name", "SID", "Seq")
		alone := w.put("alone")
		theirs := w.Publish(elsewhere, "another topic", "SID", "seq")
		require.Equal(t, w.said, w.Poll(w.topic, ""))
		require.Len(t, w.Person.History(), 6)
		cleared := w.heard(w.Put(path+"/seq/clear", nil))
		require.Len(t, w.Poll(w.topic, ""), 6, "what is cleared stays")
		require.Len(t, w.Person.History(), 6)
		deleted := w.heard(w.Delete(path + "/seq"))
		require.Equal(t, []Message{other, alone, cleared, deleted}, w.Poll(w.topic, ""))
		require.Equal(t, []Message{theirs}, w.Poll(elsewhere, ""))
		require.Len(t, w.Person.History(), 3)
		// By the id, the message without another name; and the newest of a sequence
		// comes back under its name.
		gone := w.heard(w.Get(path + "/" + alone.ID + "/delete"))
		require.Equal(t, alone.ID, gone.SequenceID)
		again := w.put("again", "SID", "seq")
		require.Equal(t, []Message{other, cleared, deleted, gone, again}, w.Poll(w.topic, ""))
		// A version's own id does for its sequence what the name does.
		last := w.heard(w.Delete(path + "/" + again.ID))
		require.Equal(t, []Message{other, cleared, deleted, gone, last}, w.Poll(w.topic, ""))
	})
}

// A message that waits is replaced by the next version, whether that waits or not,
// and cancelled by a delete: a switch that somebody has to hold down.
func TestDeadMansSwitch(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path := "/" + w.topic
		waiting := func() []string {
			all, rest := w.Poll(w.topic, "sched=1"), []string{}
			for _, m := range all[len(w.Poll(w.topic, "")):] {
				rest = append(rest, m.Message)
			}
			return rest
		}
		for i := range 3 {
			m := w.Publish(w.topic, fmt.Sprint("alarm ", i), "SID", "switch", "Delay", "1h")
			require.Equal(t, "switch", m.SequenceID)
			require.Equal(t, []string{fmt.Sprint("alarm ", i)}, waiting())
		}
		w.Post(path+"/switch?in=2h", "by the path").Want(200)
		require.Equal(t, []string{"by the path"}, waiting())
		w.Post("/", object{"topic": w.topic, "message": "in JSON", "sequence_id": "switch", "delay": "30m"}).Want(200)
		require.Equal(t, []string{"in JSON"}, waiting())
		// Another name, topic or no name at all: another message.
		w.Publish(w.topic, "other", "SID", "Switch", "Delay", "3h")
		w.Publish(w.topic, "unnamed", "Delay", "4h")
		w.Publish(NewTopic(), "elsewhere", "SID", "switch", "Delay", "1h")
		require.Equal(t, []string{"in JSON", "other", "unnamed"}, waiting())
		// What is said at once takes its place.
		now := w.put("all is well", "SID", "switch")
		require.Equal(t, []string{"other", "unnamed"}, waiting())
		require.Equal(t, []Message{now}, w.Poll(w.topic, ""))
		// A delivered one stays when the next version waits.
		w.Publish(w.topic, "next", "SID", "switch", "Delay", "1h")
		require.Equal(t, []string{"next", "other", "unnamed"}, waiting())
		require.Equal(t, []Message{now}, w.Poll(w.topic, ""))
		// Cancelled by the name, and by the id of one without a name.
		w.heard(w.Delete(path + "/Switch"))
		require.Equal(t, []string{"next", "unnamed"}, waiting())
		deleted := w.heard(w.Get(path + "/switch/delete"))
		require.Equal(t, []string{"unnamed"}, waiting())
		require.NotContains(t, IDs(w.Poll(w.topic, "")), now.ID, "the delivered one goes, too")
		require.Contains(t, IDs(w.Poll(w.topic, "")), deleted.ID)
		unnamed := w.Poll(w.topic, "sched=1")
		w.heard(w.Get(path + "/" + unnamed[len(unnamed)-1].ID + "/delete"))
		require.Empty(t, waiting())
		// Clearing cancels nothing.
		w.Publish(w.topic, "kept", "SID", "kept", "Delay", "1h")
		w.heard(w.Put(path+"/kept/clear", nil))
		require.Equal(t, []string{"kept"}, waiting())
	})
}

// Who may not publish may not delete or clear, and who only asks learns nothing.
func TestDeleteAndClearOfOthers(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w, other := newWitness(t, s), NewUser(t, s)
		mine := w.put("mine", "SID", "seq")
		for _, c := range []*Caller{other.Caller, Anonymous(t, s)} {
			for _, request := range []string{"DELETE /seq", "GET /seq/delete", "PUT /seq/clear", "GET /seq/clear", "PUT /seq/read", "GET /seq/read"} {
				method, path, _ := strings.Cut(request, " ")
				c.Do(method, "/"+w.topic+path, nil).Refused(40301)
				c.Do(method, "/"+w.topic+strings.Replace(path, "seq", mine.ID, 1), nil).Refused(40301)
			}
		}
		w.Bearer("tk_nosuchtokennosuchtokennosuchtok").Delete("/" + w.topic + "/seq").Refused(40101)
		w.silent()
		// An id names the message in its own topic only.
		topic := NewTopic()
		other.Publish(topic, "theirs")
		other.Delete("/" + topic + "/" + mine.ID).Want(200)
		w.silent()
		// Writing is enough.
		Allow(t, s, other.Person.Name, w.topic, "write-only")
		w.heard(other.Delete("/" + w.topic + "/seq"))
		w.heard(other.Put("/"+w.topic+"/seq/clear", nil))
	})
}
