package gotify

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carillon-push/carillon/model"
)

func fromNtfy(d model.Details) *model.Message {
	return &model.Message{
		ID: 7, Key: "kkkkkkkkkkkk", ApplicationID: 3, Title: "T", Message: "m", Priority: 5, Details: &d,
		Date: time.Date(2026, 11, 21, 17, 23, 9, 334_783_000, time.UTC),
	}
}

// shown returns the bytes that stand for the message in an answer and in a plain
// stream, and checks that a page and a stream of events hold the same.
func shown(t *testing.T, m *model.Message) string {
	t.Helper()
	text := string(plainStream{}.Encode(model.Published(m)))
	require.Equal(t, `{"event":"message","message":`+text+`}`, string(eventStream{}.Encode(model.Published(m))))
	answer := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(answer)
	writeJSON(c, 200, toPage("/message", 1, []*model.Message{m}, false))
	require.Equal(t, `{"paging":{"size":1,"since":0,"limit":1},"messages":[`+text+`]}`, answer.Body.String())
	return text
}

// Each row of the table of translations, as bytes.
func TestTranslation(t *testing.T) {
	view := model.Action{ID: "a1", Action: "view", Label: "Look", URL: "https://b.example/?x=1"}
	call := model.Action{
		ID: "a2", Action: "http", Label: "Close", Clear: true, URL: "https://c.example", Method: "PUT",
		Headers: map[string]string{"X-B": "2", "X-A": "1"}, Body: `{"a":1}`,
	}
	cast := model.Action{ID: "a3", Action: "broadcast", Label: "Go", Intent: "io.x", Extras: map[string]string{"cmd": "pic"}}
	copying := model.Action{ID: "a4", Action: "copy", Label: "Copy", Value: "12"}
	const (
		viewJSON = `{"id":"a1","action":"view","label":"Look","clear":false,"url":"https://b.example/?x=1"}`
		callJSON = `{"id":"a2","action":"http","label":"Close","clear":true,"url":"https://c.example","method":"PUT",` +
			`"headers":{"X-A":"1","X-B":"2"},"body":"{\"a\":1}"}`
		castJSON = `{"id":"a3","action":"broadcast","label":"Go","clear":false,"intent":"io.x","extras":{"cmd":"pic"}}`
		copyJSON = `{"id":"a4","action":"copy","label":"Copy","clear":false,"value":"12"}`
	)
	big := func(address string) string { return `{"client::notification":{"bigImageUrl":"` + address + `"}}` }
	for _, c := range []struct {
		what                   string
		details                model.Details
		title, message, extras string
	}{
		{what: "nothing", title: "T"},
		{what: "empty lists", details: model.Details{Tags: []string{}, Actions: []model.Action{}}, title: "T"},
		{"emoji, in the order of the tags", model.Details{Tags: []string{"warning", "host-7", "skull"}}, "⚠️💀 T", "", `{"ntfy::tags":["warning","host-7","skull"]}`},
		{"one emoji", model.Details{Tags: []string{"+1"}}, "👍 T", "", `{"ntfy::tags":["+1"]}`},
		{"an emoji that begins in ASCII", model.Details{Tags: []string{"one"}}, "1️⃣ T", "", `{"ntfy::tags":["one"]}`},
		{"an emoji of several characters", model.Details{Tags: []string{"artist", "de"}}, "🧑‍🎨🇩🇪 T", "", `{"ntfy::tags":["artist","de"]}`},
		{"one emoji twice", model.Details{Tags: []string{"tada", "tada"}}, "🎉🎉 T", "", `{"ntfy::tags":["tada","tada"]}`},
		{"no emoji", model.Details{Tags: []string{"Warning", ":warning:", "octocat", "", "⚠️"}}, "T", "", `{"ntfy::tags":["Warning",":warning:","octocat","","⚠️"]}`},
		{"click", model.Details{Click: "mailto:a@b.example"}, "T", "", `{"client::notification":{"click":{"url":"mailto:a@b.example"}}}`},
		{"a view as click", model.Details{Actions: []model.Action{view}}, "T", "", `{"client::notification":{"click":{"url":"https://b.example/?x=1"}},"ntfy::actions":[` + viewJSON + `]}`},
		{"the first view as click", model.Details{Actions: []model.Action{call, view, {ID: "a5", Action: "view", Label: "2", URL: "https://z.example"}}}, "T", "", `{"client::notification":{"click":{"url":"https://b.example/?x=1"}},"ntfy::actions":[` + callJSON + `,` + viewJSON +
			`,{"id":"a5","action":"view","label":"2","clear":false,"url":"https://z.example"}]}`},
		{"click before a view", model.Details{Click: "https://a.example", Actions: []model.Action{view}}, "T", "", `{"client::notification":{"click":{"url":"https://a.example"}},"ntfy::actions":[` + viewJSON + `]}`},
		{"no view", model.Details{Actions: []model.Action{call, cast, copying}}, "T", "", `{"ntfy::actions":[` + callJSON + `,` + castJSON + `,` + copyJSON + `]}`},
		{"markdown", model.Details{Markdown: true}, "T", "", `{"client::display":{"contentType":"text/markdown"}}`},
		{"icon", model.Details{Icon: "https://i.example/i.png"}, "T", "", `{"ntfy::icon":"https://i.example/i.png"}`},
		{"sequence", model.Details{Sequence: "backup"}, "T", "", `{"ntfy::sequence":"backup"}`},
		{what: "the key as sequence", details: model.Details{Sequence: "kkkkkkkkkkkk"}, title: "T"},
		{"an uploaded image", model.Details{Attachment: &model.Attachment{Name: "a", URL: "https://p.example/file/x.bin", Type: "image/png", Size: 9, Expires: 99}}, "T", "", big("https://p.example/file/x.bin")},
		{"an image elsewhere", model.Details{Attachment: &model.Attachment{Name: "a", URL: "https://e.example/a/B.JPG?w=1.txt#x.pdf"}}, "T", "", big("https://e.example/a/B.JPG?w=1.txt#x.pdf")},
		{"an image elsewhere, with a click", model.Details{Click: "c", Attachment: &model.Attachment{Name: "a", URL: "https://e.example/a.webp"}}, "T", "", `{"client::notification":{"click":{"url":"c"},"bigImageUrl":"https://e.example/a.webp"}}`},
		{"an uploaded file", model.Details{Attachment: &model.Attachment{Name: "log.txt", URL: "https://p.example/file/x.txt", Type: "text/plain", Size: 9, Expires: 99}}, "T", "m\\n\\nlog.txt: https://p.example/file/x.txt", `{"ntfy::attachment":{"name":"log.txt","url":"https://p.example/file/x.txt","type":"text/plain","size":9,"expires":99}}`},
		{"a text with the name of an image", model.Details{Attachment: &model.Attachment{Name: "x.png", URL: "https://p.example/file/x.png", Type: "text/plain", Size: 1, Expires: 2}}, "T", "m\\n\\nx.png: https://p.example/file/x.png", `{"ntfy::attachment":{"name":"x.png","url":"https://p.example/file/x.png","type":"text/plain","size":1,"expires":2}}`},
		{"a file elsewhere", model.Details{Attachment: &model.Attachment{Name: "a.zip", URL: "https://e.example/get?f=a.png"}}, "T", "m\\n\\na.zip: https://e.example/get?f=a.png", `{"ntfy::attachment":{"name":"a.zip","url":"https://e.example/get?f=a.png"}}`},
		{"an address that is none", model.Details{Attachment: &model.Attachment{Name: "a", URL: "http://[x.png"}}, "T", "m\\n\\na: http://[x.png", `{"ntfy::attachment":{"name":"a","url":"http://[x.png"}}`},
		{
			"everything", model.Details{
				Tags: []string{"tada", "host-7"}, Click: "https://a.example", Icon: "https://i.example/i.png", Markdown: true, Sequence: "s", Actions: []model.Action{copying},
				Attachment: &model.Attachment{Name: "a.pdf", URL: "https://e.example/a.pdf"},
			}, "🎉 T", "m\\n\\na.pdf: https://e.example/a.pdf", `{"client::display":{"contentType":"text/markdown"},"client::notification":{"click":{"url":"https://a.example"}},` +
				`"ntfy::actions":[` + copyJSON + `],"ntfy::attachment":{"name":"a.pdf","url":"https://e.example/a.pdf"},"ntfy::icon":"https://i.example/i.png","ntfy::sequence":"s","ntfy::tags":["tada","host-7"]}`,
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			if c.message == "" {
				c.message = "m"
			}
			if c.extras != "" {
				c.extras = `"extras":` + c.extras + `,`
			}
			m := fromNtfy(c.details)
			want := `{"id":7,"appid":3,"message":"` + c.message + `","title":"` + c.title + `","priority":5,` + c.extras + `"date":"2026-11-21T17:23:09.334783Z"}`
			require.Equal(t, want, shown(t, m))
			require.Equal(t, "m", m.Message, "what is stored stays what the sender said")
			require.Equal(t, "T", m.Title)
			require.Empty(t, m.Extras)
		})
	}
}

func TestTranslationOfAMissingTitle(t *testing.T) {
	m := fromNtfy(model.Details{Tags: []string{"tada"}})
	m.Title, m.TitleDefaulted = "The application", true
	require.Contains(t, shown(t, m), `"title":"🎉 The application"`)
}

// What the sender has set as extras stays as it was written.
func TestTranslationBesideExtras(t *testing.T) {
	m := fromNtfy(model.Details{Click: "https://a.example", Icon: "https://i.example/i.png"})
	m.Extras = `{"client::notification":{"n":12345678901234567890},"a":[1.50]}`
	require.Contains(t, shown(t, m), `"extras":{"a":[1.50],"client::notification":{"n":12345678901234567890},"ntfy::icon":"https://i.example/i.png"},`)
	m.Details = &model.Details{}
	require.Contains(t, shown(t, m), `"extras":`+m.Extras+`,`)
}

// What was published in Gotify's language is not looked into.
func TestNoTranslation(t *testing.T) {
	m := fromNtfy(model.Details{})
	m.Details = nil
	m.Extras = `{"ntfy::tags":["tada"]}`
	require.Equal(t, `{"id":7,"appid":3,"message":"m","title":"T","priority":5,"extras":{"ntfy::tags":["tada"]},"date":"2026-11-21T17:23:09.334783Z"}`, shown(t, m))
}

// Android's app fails on null in a field that it knows, and on extras of another
// shape.
func TestNothingIsNull(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "x", "view", "tada", "image/png", "https://e.example/a.png", "\x00\xff", "null"})
	words := rapid.SliceOfN(word, 0, 3)
	dictionary := rapid.MapOfN(word, word, 0, 2)
	rapid.Check(t, func(t *rapid.T) {
		d := model.Details{
			Tags: words.Draw(t, "tags"), Click: word.Draw(t, "click"), Icon: word.Draw(t, "icon"),
			Markdown: rapid.Bool().Draw(t, "markdown"), Sequence: word.Draw(t, "sequence"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "actions") {
			d.Actions = append(d.Actions, model.Action{
				Action: word.Draw(t, "action"), URL: word.Draw(t, "url"), Headers: dictionary.Draw(t, "headers"), Extras: dictionary.Draw(t, "extras"),
			})
		}
		if rapid.Bool().Draw(t, "attached") {
			d.Attachment = &model.Attachment{Name: word.Draw(t, "name"), URL: word.Draw(t, "address"), Type: word.Draw(t, "type")}
		}
		text := plainStream{}.Encode(model.Published(fromNtfy(d)))
		var fields struct {
			Title, Message, Date *string
			ID, AppID, Priority  *int
			Extras               map[string]any
		}
		require.NoError(t, json.Unmarshal(text, &fields))
		require.NotContains(t, []any{fields.Title, fields.Message, fields.Date}, (*string)(nil))
		require.NotContains(t, []any{fields.ID, fields.AppID, fields.Priority}, (*int)(nil))
		require.False(t, holdsNull(fields.Extras), "%s", text)
		for _, name := range []string{"client::display", "client::notification"} {
			if value, found := fields.Extras[name]; found {
				require.IsType(t, map[string]any{}, value)
			}
		}
	})
}

func holdsNull(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, inner := range v {
			if holdsNull(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if holdsNull(inner) {
				return true
			}
		}
	}
	return false
}
