package both

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// What is said in ntfy's language, with the headers in pairs, and what Gotify's
// phones get of it.
func TestFieldsFromTopics(t *testing.T) {
	const view, other = "view, Open, https://x.example/v", "http, Do, https://x.example/h"
	for what, c := range map[string]struct {
		headers       []string
		title, extras string // "" for the application's name, and for none
		message       string // "" for what was sent
	}{
		"nothing": {},
		"title":   {headers: []string{"Title", "Ein Titel 🔔"}, title: "Ein Titel 🔔"},
		"click": {
			headers: []string{"Click", "https://x.example/?a=1&b=<2>"},
			extras:  `{"client::notification":{"click":{"url":"https://x.example/?a=1&b=<2>"}}}`,
		},
		"click of another app": {headers: []string{"Click", "mailto:me@x.example"}, extras: `{"client::notification":{"click":{"url":"mailto:me@x.example"}}}`},
		"markdown":             {headers: []string{"Markdown", "yes"}, extras: `{"client::display":{"contentType":"text/markdown"}}`},
		"markdown by type":     {headers: []string{"Content-Type", "text/markdown"}, extras: `{"client::display":{"contentType":"text/markdown"}}`},
		"tags": {
			headers: []string{"Tags", "warning,backup, skull", "Title", "T"}, title: "⚠️💀 T",
			extras: `{"ntfy::tags":["warning","backup","skull"]}`,
		},
		"tags without emoji": {headers: []string{"Tags", "zfs-error,Warning", "Title", "T"}, title: "T", extras: `{"ntfy::tags":["zfs-error","Warning"]}`},
		"image": {
			headers: []string{"Attach", "https://x.example/a/flower.jpg?s=1"},
			message: "m", extras: `{"client::notification":{"bigImageUrl":"https://x.example/a/flower.jpg?s=1"}}`,
		},
		"image and click": {
			headers: []string{"Attach", "https://x.example/a.PNG", "Click", "https://y.example"},
			extras:  `{"client::notification":{"bigImageUrl":"https://x.example/a.PNG","click":{"url":"https://y.example"}}}`,
		},
		"another attachment": {
			headers: []string{"Attach", "https://x.example/log.zip", "Filename", "today.zip"},
			message: "m\n\ntoday.zip: https://x.example/log.zip",
			extras:  `{"ntfy::attachment":{"name":"today.zip","url":"https://x.example/log.zip"}}`,
		},
		"icon": {headers: []string{"Icon", "https://x.example/i.png"}, extras: `{"ntfy::icon":"https://x.example/i.png"}`},
		"view action": {
			headers: []string{"Actions", other + "; " + view + "; view, Second, https://x.example/2"},
			extras: `{"client::notification":{"click":{"url":"https://x.example/v"}},"ntfy::actions":[` +
				`{"action":"http","label":"Do","url":"https://x.example/h","clear":false},` +
				`{"action":"view","label":"Open","url":"https://x.example/v","clear":false},` +
				`{"action":"view","label":"Second","url":"https://x.example/2","clear":false}]}`,
		},
		"view action beside a click": {
			headers: []string{"Actions", view + ", clear=true", "Click", "https://y.example"},
			extras: `{"client::notification":{"click":{"url":"https://y.example"}},` +
				`"ntfy::actions":[{"action":"view","label":"Open","url":"https://x.example/v","clear":true}]}`,
		},
		"no view action": {
			headers: []string{"Actions", `http, Do, https://x.example/h, method=put, body=b, headers.X-Y=z; broadcast, Tell, intent=i, extras.a=b; copy, Code, 12345`},
			extras: `{"ntfy::actions":[` +
				`{"action":"http","label":"Do","url":"https://x.example/h","method":"PUT","body":"b","headers":{"X-Y":"z"},"clear":false},` +
				`{"action":"broadcast","label":"Tell","intent":"i","extras":{"a":"b"},"clear":false},` +
				`{"action":"copy","label":"Code","value":"12345","clear":false}]}`,
		},
		"sequence": {headers: []string{"Sequence-Id", "backup-1"}, extras: `{"ntfy::sequence":"backup-1"}`},
	} {
		t.Run(what, func(t *testing.T) {
			ntfy.Each(t, func(t *testing.T, s *server.Server) {
				p := newPerson(t, s)
				a := p.application(nil)
				lines, frames := p.hear(a.Topic), p.frames()
				said := p.say(a.Topic, "m", c.headers...)
				require.Equal(t, said, lines.NextMessage())
				frame := frames.NextMessage()
				require.Equal(t, frame, p.newest())
				require.Equal(t, orElse(c.title, a.Name), frame.Title)
				require.Equal(t, orElse(c.message, "m"), frame.Message)
				require.Equal(t, a.ID, frame.AppID)
				if c.extras == "" {
					require.Empty(t, frame.Extras)
				} else {
					require.JSONEq(t, c.extras, without(t, frame.Extras, "id"))
				}
			})
		})
	}
}

// What is said in Gotify's language, and what ntfy's phones get of it.
func TestFieldsFromGotify(t *testing.T) {
	for what, c := range map[string]struct{ said, heard string }{
		"nothing":      {`{}`, `{}`},
		"empty extras": {`{"extras":{}}`, `{}`},
		"title":        {`{"title":"Ein Titel 🔔"}`, `{"title":"Ein Titel 🔔"}`},
		"click":        {`{"extras":{"client::notification":{"click":{"url":"https://x.example/?a=1&b=2"}}}}`, `{"click":"https://x.example/?a=1&b=2"}`},
		"markdown":     {`{"extras":{"client::display":{"contentType":"text/markdown"}}}`, `{"content_type":"text/markdown"}`},
		"plain":        {`{"extras":{"client::display":{"contentType":"text/plain"}}}`, `{}`},
		"image": {
			`{"extras":{"client::notification":{"bigImageUrl":"https://x.example/a/flower.jpg?s=1"}}}`,
			`{"attachment":{"name":"flower.jpg","url":"https://x.example/a/flower.jpg?s=1"}}`,
		},
		"tags":       {`{"title":"T","extras":{"ntfy::tags":["warning","zfs-error"]}}`, `{"title":"T","tags":["warning","zfs-error"]}`},
		"wrong tags": {`{"extras":{"ntfy::tags":"warning"}}`, `{}`},
		"icon":       {`{"extras":{"ntfy::icon":"https://x.example/i.png"}}`, `{"icon":"https://x.example/i.png"}`},
		"actions": {
			`{"extras":{"ntfy::actions":[{"id":"1","action":"view","label":"Open","url":"https://x.example","clear":true}]}}`,
			`{"actions":[{"id":"1","action":"view","label":"Open","url":"https://x.example","clear":true}]}`,
		},
		"an intent is not opened by itself": {`{"extras":{"android::action":{"onReceive":{"intentUrl":"https://x.example"}}}}`, `{}`},
		"others":                            {`{"extras":{"home::appliances":{"lighting":{"on":true}}}}`, `{}`},
	} {
		t.Run(what, func(t *testing.T) {
			ntfy.Each(t, func(t *testing.T, s *server.Server) {
				p := newPerson(t, s)
				a := p.application(nil)
				lines := p.hear(a.Topic)
				var body object
				require.NoError(t, json.Unmarshal([]byte(c.said), &body))
				body["message"] = "m"
				sent := gotify.As[gotify.Message](a.Post("/message", body))
				told := line(lines)
				var fields map[string]any
				require.NoError(t, json.Unmarshal([]byte(told), &fields))
				require.Equal(t, "message", fields["event"])
				require.Equal(t, a.Topic, fields["topic"])
				require.Equal(t, "m", fields["message"])
				require.EqualValues(t, unix(t, sent.Date), fields["time"])
				for _, always := range []string{"id", "time", "event", "topic", "message"} {
					require.Contains(t, fields, always)
					delete(fields, always)
				}
				if len(sent.Extras) > 0 { // our own, which ntfy's clients do not look at
					require.Contains(t, told, `"extras":`+string(sent.Extras))
				}
				delete(fields, "extras")
				left, err := json.Marshal(fields)
				require.NoError(t, err)
				require.JSONEq(t, c.heard, string(left))
				require.Equal(t, told, p.storedLines(a.Topic, "")[0], "the same from the store")
			})
		})
	}
}

// Who speaks ntfy's language and names no title gets none, and phones show the
// topic; who speaks Gotify's gets the application's name.
func TestTitleAbsent(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		lines, frames := p.hear(a.Topic), p.frames()
		require.Empty(t, p.say(a.Topic, "from the topic").Title)
		require.Empty(t, lines.NextMessage().Title)
		require.Equal(t, a.Name, frames.NextMessage().Title)
		for _, title := range []any{nil, "", "  "} {
			body := object{"message": "from gotify", "title": title}
			require.Equal(t, a.Name, gotify.As[gotify.Message](a.Post("/message", body)).Title)
			require.Empty(t, lines.NextMessage().Title, "%q", title)
			require.Equal(t, a.Name, frames.NextMessage().Title)
		}
	})
}

// Many programs that speak Gotify's language name the application in the title,
// because there it has to be something. In ntfy's own language, what was said comes
// back.
func TestTitleEqualToTheName(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		require.Equal(t, a.Name, p.say(a.Topic, "m", "Title", a.Name).Title)
		require.Equal(t, a.Name, p.stored(a.Topic, "")[0].Title)
		sent := gotify.As[gotify.Message](a.Post("/message", object{"message": "from gotify", "title": a.Name}))
		require.Equal(t, a.Name, sent.Title)
		require.Empty(t, p.stored(a.Topic, "since=latest")[0].Title)
	})
}

// Filters of ntfy's look at a message as ntfy's language shows it.
func TestFiltersOnMessagesFromGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		a.Post("/message", object{
			"message": "both", "title": "T", "priority": 8, "extras": object{"ntfy::tags": []string{"zfs-error", "error"}},
		}).Want(200)
		a.Send("plain")
		for query, want := range map[string][]string{
			"priority=high,urgent&tags=zfs-error,error": {"both"}, "tags=error,other": {}, "title=T": {"both"}, "title=t": {},
			"message=plain": {"plain"}, "priority=1": {}, "id=000000000000": {}, "title=" + a.Name: {},
		} {
			require.Equal(t, want, ntfy.Texts(p.stored(a.Topic, query)), query)
		}
	})
}
