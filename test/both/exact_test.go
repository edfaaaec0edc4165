package both

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// Everything that ntfy's language has comes back as it was said.
func TestExactInTopics(t *testing.T) {
	const said = `{"title":"⚠️ Ünï <b>&amp;","message":"*text*\n  two lines\u2028🔔","priority":4,"tags":["warning","zfs-error","a b","Ärger"],
		"click":"https://x.example/?a=1&b=<2>#f","icon":"https://x.example/icon.png","attach":"https://x.example/a/file.zip","filename":"log of today.zip",
		"markdown":true,"sequence_id":"backup-1","actions":[
		{"action":"view","label":"Öffnen, bitte; ja","url":"https://x.example/v","clear":true},
		{"action":"http","label":"Do","url":"https://x.example/h","method":"PATCH","headers":{"X-A":"1","X-B":"2"},"body":"{\"a\": [1, 2]}"},
		{"action":"broadcast","label":"Tell","intent":"my.intent","extras":{"cmd":"pic","camera":"front"}}]}`
	const heard = `{"event":"message","title":"⚠️ Ünï <b>&amp;","message":"*text*\n  two lines\u2028🔔","priority":4,"tags":["warning","zfs-error","a b","Ärger"],
		"click":"https://x.example/?a=1&b=<2>#f","icon":"https://x.example/icon.png","attachment":{"name":"log of today.zip","url":"https://x.example/a/file.zip"},
		"content_type":"text/markdown","sequence_id":"backup-1","actions":[
		{"action":"view","label":"Öffnen, bitte; ja","url":"https://x.example/v","clear":true},
		{"action":"http","label":"Do","url":"https://x.example/h","clear":false,"method":"PATCH","headers":{"X-A":"1","X-B":"2"},"body":"{\"a\": [1, 2]}"},
		{"action":"broadcast","label":"Tell","clear":false,"intent":"my.intent","extras":{"cmd":"pic","camera":"front"}}]}`
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(object{"defaultPriority": 9})
		lines := p.hear(a.Topic)
		var body object
		require.NoError(t, json.Unmarshal([]byte(said), &body))
		body["topic"] = a.Topic
		answer := strings.TrimSuffix(string(p.topics.Post("/", body).Want(http.StatusOK).Body), "\n")
		var fields object
		require.NoError(t, json.Unmarshal([]byte(without(t, []byte(answer), "id")), &fields))
		require.Equal(t, a.Topic, fields["topic"])
		delete(fields, "topic")
		delete(fields, "time")
		rest, err := json.Marshal(fields)
		require.NoError(t, err)
		require.JSONEq(t, heard, string(rest))

		require.Equal(t, answer, line(lines), "live")
		require.Equal(t, answer, p.storedLines(a.Topic, "")[0], "stored")
		// The owner's changes are about Gotify's view.
		p.Put("/application/"+id(a.ID), object{"name": "another name", "defaultPriority": 1}).Want(http.StatusOK)
		require.Equal(t, answer, p.storedLines(a.Topic, "")[0], "after a change of the application")
	})
}

// What Gotify's language has comes back byte for byte, in every place, also when
// the same thing means something in ntfy's.
func TestExactInGotify(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		p.hear(a.Topic) // somebody hears it in the other language
		frames := p.frames()
		for _, extras := range []string{
			`{"client::notification":{"click":{"url":"https://x.example/?a=1"},"bigImageUrl":"https://x.example/1.png","x":1.50}}`,
			`{"ntfy::tags":["warning","skull"],"ntfy::actions":[null],"ntfy::icon":5,"ntfy::attachment":{"url":"javascript:1"}}`,
			`{"client::display":{"contentType":"text/markdown"},"z::z":{"n":12345678901234567890,"t":"\u2028 \ud83d\ude00 \u00e9"},"a::a":null}`,
		} {
			body := `{"message":" untrimmed \r\n","title":"  T ","priority":6,"extras":` + extras + `}`
			answer := a.Post("/message", gotify.Raw{Type: "application/json", Data: []byte(body)}).Want(http.StatusOK)
			require.Contains(t, string(answer.Body), `"extras":`+extras)
			message := gotify.As[gotify.Message](answer)
			require.Equal(t, " untrimmed \r\n", message.Message)
			require.Equal(t, "  T ", message.Title)
			require.Equal(t, string(answer.Body), string(frames.Next()), "on the stream")
			require.Contains(t, string(p.Get("/message?limit=1").Body), string(answer.Body), "in the history")
			require.Contains(t, string(p.Get("/application/"+id(a.ID)+"/message?limit=1").Body), string(answer.Body), "in the application's history")
		}
	})
}

// A message from a topic is the same bytes for Gotify wherever it is seen.
func TestTranslationIsTheSameEverywhere(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		a := p.application(nil)
		frames, again := p.frames(), p.phone.Stream("/stream?since=0")
		for range 3 {
			p.say(a.Topic, "text", "Title", "T", "Tags", "skull,b,a", "Click", "https://x.example", "Markdown", "1", "Icon", "https://x.example/i.png",
				"Actions", "view, A, https://x.example/a; http, B, https://x.example/b, headers.B=b, headers.A=a", "Attach", "https://x.example/i.png")
			frame := string(frames.Next())
			require.Equal(t, frame, string(again.Next()))
			require.Contains(t, string(p.Get("/message?limit=1").Body), frame)
			require.Equal(t, frame, string(p.phone.Stream("/stream?since="+id(p.newest().ID-1)).Next()))
		}
	})
}
