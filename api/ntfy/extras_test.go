package ntfy

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// What Gotify's language says in extras, one row of the table each.
func TestExtrasAreTranslated(t *testing.T) {
	for extras, want := range map[string]string{
		`{"a":{"b":12345678901234567890.10}}`:                                              ``,
		`{"client::notification":{"click":{"url":"https://example.com/x"}}}`:               `,"click":"https://example.com/x"`,
		`{"client::notification":{"click":{"url":"mailto:a@b"}}}`:                          `,"click":"mailto:a@b"`,
		`{"client::display":{"contentType":"text/markdown"}}`:                              `,"content_type":"text/markdown"`,
		`{"client::display":{"contentType":"text/plain"}}`:                                 ``,
		`{"client::notification":{"bigImageUrl":"https://example.com/a/cat.jpg?x=1#y"}}`:   `,"attachment":{"name":"cat.jpg","url":"https://example.com/a/cat.jpg?x=1#y"}`,
		`{"client::notification":{"bigImageUrl":"http://example.com"}}`:                    `,"attachment":{"name":"attachment","url":"http://example.com"}`,
		`{"client::notification":{"bigImageUrl":"https://example.com/"}}`:                  `,"attachment":{"name":"attachment","url":"https://example.com/"}`,
		`{"client::notification":{"bigImageUrl":"https://example.com/%zz"}}`:               `,"attachment":{"name":"attachment","url":"https://example.com/%zz"}`,
		`{"ntfy::attachment":{"name":"x","url":"https://example.com/a.zip"}}`:              `,"attachment":{"name":"a.zip","url":"https://example.com/a.zip"}`,
		`{"ntfy::tags":["warning"," skull ","a,b",""]}`:                                    `,"tags":["warning","skull","a","b"]`,
		`{"ntfy::icon":"https://example.com/i.png"}`:                                       `,"icon":"https://example.com/i.png"`,
		`{"ntfy::actions":[{"id":"x","action":"view","label":"L","url":"https://e.com"}]}`: `,"actions":[{"id":"x","action":"view","label":"L","clear":false,"url":"https://e.com"}]`,
		`{"ntfy::actions":[{"action":"copy","label":"L","value":"v","clear":true},{"action":"broadcast","label":"B"}]}`: `,"actions":[` +
			`{"id":"71M8A2T000","action":"copy","label":"L","clear":true,"value":"v"},{"id":"71M8A2T001","action":"broadcast","label":"B","clear":false}]`,
	} {
		requireWire(t, want+`,"extras":`+extras, &model.Message{PriorityDefaulted: true, Extras: extras})
	}
}

// What is not of the right shape is passed over, and takes nothing else with it.
func TestOddExtrasAreNotTranslated(t *testing.T) {
	for _, extras := range []string{
		`{}`,
		`{"client::notification":1,"client::display":[]}`,
		`{"client::notification":{"click":"https://example.com","bigImageUrl":{}}}`,
		`{"client::notification":{"click":{"url":null},"bigImageUrl":"file:///etc/passwd"}}`,
		`{"client::notification":{"Click":{"URL":"https://example.com"}}}`,
		`{"client::display":{"contentType":["text/markdown"]}}`,
		`{"ntfy::tags":"a","ntfy::icon":["https://example.com/i.png"],"ntfy::actions":{}}`,
		`{"ntfy::tags":[1],"ntfy::icon":"javascript:alert(1)","ntfy::actions":[null]}`,
		`{"ntfy::tags":["a",null],"ntfy::actions":[{"action":"view","label":"no address"}]}`,
		`{"ntfy::actions":[{"action":"explode","label":"L","url":"https://e.com"}]}`,
		`{"ntfy::actions":[{"action":"copy","label":"L"}]}`,
		`{"ntfy::actions":[{"action":"view","label":1,"url":"https://e.com"}]}`,
		`{"ntfy::actions":[{"action":"broadcast","label":"1"},{"action":"broadcast","label":"2"},{"action":"broadcast","label":"3"},{"action":"broadcast","label":"4"}]}`,
		`{"ntfy::attachment":"https://example.com/a.zip"}`,
	} {
		requireWire(t, `,"extras":`+extras, &model.Message{PriorityDefaulted: true, Extras: extras})
	}
	requireWire(t, `,"click":"https://example.com","extras":{"client::notification":{"click":{"url":"https://example.com"},"bigImageUrl":1}}`, &model.Message{
		PriorityDefaulted: true, Extras: `{"client::notification":{"click":{"url":"https://example.com"},"bigImageUrl":1}}`,
	})
}

func FuzzExtras(f *testing.F) {
	f.Add(`{"client::notification":{"click":{"url":"https://example.com/x"},"bigImageUrl":"https://example.com/a.png"}}`)
	f.Add(`{"ntfy::tags":["a"],"ntfy::icon":"https://e.com","ntfy::actions":[{"action":"view","label":"L","url":"u"}]}`)
	f.Fuzz(func(t *testing.T, extras string) {
		var object map[string]any
		if json.Unmarshal([]byte(extras), &object) != nil || object == nil {
			return // nothing but objects is stored
		}
		m := &model.Message{Key: testKey, Message: "m", Extras: extras}
		line := eventJSON(model.Published(m))
		require.True(t, json.Valid(line), "%s", line)
		require.Less(t, len(line), maxLine)
		require.Equal(t, line, eventJSON(model.Published(m)))
		w := toMessage(m)
		require.Equal(t, w.Tags, tagsOf(m), "a filter sees what is shown")
	})
}
