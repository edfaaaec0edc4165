package ntfy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// withoutIDs returns the actions without the ids that the server gives them.
func withoutIDs(t *testing.T, actions []Action) []Action {
	t.Helper()
	seen := map[string]bool{}
	var plain []Action
	for _, a := range actions {
		require.Regexp(t, `^[0-9A-Za-z]{10}$`, a.ID)
		require.False(t, seen[a.ID])
		seen[a.ID] = true
		a.ID = ""
		plain = append(plain, a)
	}
	return plain
}

func TestShortActions(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		view := Action{Action: "view", Label: "Open", URL: "https://x"}
		for text, want := range map[string][]Action{
			"view, Open, https://x":                                {view},
			"view,Open,https://x":                                  {view},
			" VIEW ,  Open  , https://x ; ":                        {view},
			"action=view, label=Open, url=https://x":               {view},
			"url=https://x, label=Open, action=view":               {view},
			"Action=View, LABEL = Open, Url = https://x":           {view},
			"view, Open, https://x?a=b&c=d":                        {{Action: "view", Label: "Open", URL: "https://x?a=b&c=d"}},
			`view, "Open, please; now", 'https://x'`:               {{Action: "view", Label: "Open, please; now", URL: "https://x"}},
			`view, "say \"hi\" it's", https://x`:                   {{Action: "view", Label: `say "hi" it's`, URL: "https://x"}},
			`view, 'it\'s "so"', https://x`:                        {{Action: "view", Label: `it's "so"`, URL: "https://x"}},
			"view, Größe 🔔, https://x":                             {{Action: "view", Label: "Größe 🔔", URL: "https://x"}},
			"view, Open, https://x, clear=true":                    {{Action: "view", Label: "Open", URL: "https://x", Clear: true}},
			"view, Open, https://x, clear=1":                       {{Action: "view", Label: "Open", URL: "https://x", Clear: true}},
			"view, Open, https://x, clear=YES":                     {{Action: "view", Label: "Open", URL: "https://x", Clear: true}},
			"view, Open, https://x, clear=no":                      {view},
			"view, Open, https://x, clear=0":                       {view},
			"view, Open, https://x; view, Open, https://x":         {view, view},
			"view, Open, https://x\nclear":                         {{Action: "view", Label: "Open", URL: "https://x\nclear"}},
			"broadcast, Take picture":                              {{Action: "broadcast", Label: "Take picture"}},
			"broadcast, B, intent=i, extras.cmd=pic, extras.Two=2": {{Action: "broadcast", Label: "B", Intent: "i", Extras: map[string]string{"cmd": "pic", "Two": "2"}}},
			"copy, Copy, 123":                                      {{Action: "copy", Label: "Copy", Value: "123"}},
			`copy, Copy, value="a, b; c"`:                          {{Action: "copy", Label: "Copy", Value: "a, b; c"}},
			"http, Close, https://x, method=put, headers.Authorization=Bearer z, headers.X-A='b,c', body={\"a\":1}, clear=true": {{
				Action: "http", Label: "Close", URL: "https://x", Method: "PUT", Headers: map[string]string{"Authorization": "Bearer z", "X-A": "b,c"}, Body: `{"a":1}`, Clear: true,
			}},
			"http, Get, https://x, method=GET": {{Action: "http", Label: "Get", URL: "https://x", Method: "GET"}},
			"view, A, https://a; http, B, https://b; copy, C, c": {
				{Action: "view", Label: "A", URL: "https://a"}, {Action: "http", Label: "B", URL: "https://b"}, {Action: "copy", Label: "C", Value: "c"},
			},
		} {
			for _, answer := range []*Answer{
				w.Loose().Put("/"+w.topic+"?"+escaped("actions", text), "m"), w.Loose().Post("/", object{"topic": w.topic, "message": "m", "actions": text}),
			} {
				require.Equal(t, want, withoutIDs(t, w.heard(answer).Actions), text)
			}
			if !strings.Contains(text, "\n") {
				require.Equal(t, want, withoutIDs(t, w.put("m", "Actions", text).Actions), text)
			}
		}
		w.stored()
	})
}

func TestJSONActions(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for text, want := range map[string][]Action{
			"[]": nil,
			`[{"action":"view","label":"L","url":"https://x"}]`:                               {{Action: "view", Label: "L", URL: "https://x"}},
			` [ {"action":"View","label":" L ","url":"https://x","id":"mine","unknown":{}} ]`: {{Action: "view", Label: "L", URL: "https://x"}},
			`[{"action":"http","label":"L","url":"https://x","method":"delete","headers":{"A":"b","C":1},"body":"{\"a\":[1,2]}","clear":true}]`: {{
				Action: "http", Label: "L", URL: "https://x", Method: "DELETE", Headers: map[string]string{"A": "b", "C": "1"}, Body: `{"a":[1,2]}`, Clear: true,
			}},
			`[{"action":"broadcast","label":"L","intent":"i","extras":{"a":"b","c":"ü 🔔"}}]`: {{Action: "broadcast", Label: "L", Intent: "i", Extras: map[string]string{"a": "b", "c": "ü 🔔"}}},
			`[{"action":"copy","label":"L","value":"v; w, \"x\""}]`:                          {{Action: "copy", Label: "L", Value: `v; w, "x"`}},
			`[{"action":"copy","label":"L","value":12,"clear":null}]`:                        {{Action: "copy", Label: "L", Value: "12"}},
		} {
			for _, answer := range []*Answer{
				w.With("Actions", text).Put("/"+w.topic, "m"), w.Loose().Put("/"+w.topic+"?"+escaped("actions", text), "m"),
				w.Loose().Post("/", object{"topic": w.topic, "message": "m", "actions": json.RawMessage(text)}),
			} {
				require.Equal(t, want, withoutIDs(t, w.heard(answer).Actions), text)
			}
		}
		// What is not said is absent, but for clear.
		answer := w.With("Actions", "view, L, https://x").Put("/"+w.topic, "m")
		require.Contains(t, string(answer.Body), `"clear":false`)
		require.NotContains(t, string(answer.Body), `"method"`)
		w.heard(answer)
		w.stored()
	})
}

func TestActionsThatAreNone(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		four := strings.Repeat("copy, L, v; ", 4)
		for _, text := range []string{
			"x", "view", "view, L", "view, L,", "view,, https://x", ", L, https://x", ";", "view, L, https://x, extra", "view, L, https://x; ;", "dance, L, https://x",
			"view, L, https://x, clear=maybe", "view, L, https://x, colour=red", "http, L", "http, L, url=", "copy, L", "copy, L, value=", "broadcast", "broadcast, L, https://x",
			"http, L, https://x, method=GET, body=b", "http, L, https://x, method=head, body=b", `view, "L, https://x`, `view, 'L`, `view, "L"x, https://x`, `view, L, "https://x" y`,
			"action=, label=L", four, strings.Repeat("x", 5000), strings.Repeat(";", 5000), strings.Repeat(",", 5000), strings.Repeat(`"`, 5001), "\"\\", "view, L, https://x, headers=a",
			"[", "[}", "[null]", "[null,null]", "[5]", `["view"]`, "[[]]", "[{}]", `[{"action":"view"}]`, `[{"action":"view","label":"L"}]`, `[{"label":"L","url":"https://x"}]`,
			`[{"action":"dance","label":"L","url":"https://x"}]`, `[{"action":"copy","label":"L"}]`, `[{"action":"view","label":"L","url":"https://x","clear":"maybe"}]`,
			`[{"action":"view","label":{},"url":"https://x"}]`, `[{"action":"http","label":"L","url":"https://x","headers":[]}]`, `[{"action":"http","label":"L","url":"https://x","headers":{"a":[]}}]`,
			`[{"action":"http","label":"L","url":"https://x","method":"get","body":"b"}]`, `[{"action":"view","label":"L","url":"https://x"}`, `[{"action":"view","label":"L","url":"https://x"}] x`,
			`{"action":"view","label":"L","url":"https://x"}`, "[" + strings.Repeat(`{"action":"copy","label":"L","value":"v"},`, 3) + `{"action":"copy","label":"L","value":"v"}]`,
			"[" + strings.Repeat("[", 5000), "[" + strings.Repeat("null,", 1000) + "null]",
		} {
			w.Loose().With("Actions", text).Put("/"+w.topic, "m").Refused(40018)
			w.Loose().Post("/", object{"topic": w.topic, "message": "m", "actions": text}).Refused(40018)
			w.Loose().Get("/" + w.topic + "/send?" + escaped("action", text)).Refused(40018)
		}
		// More than fits into a line of a stream is refused as a whole.
		w.Loose().Post("/", object{"topic": w.topic, "actions": "copy, L, value=" + strings.Repeat("v", 40_000)}).Refused(40000, "bytes")
		w.silent()
	})
}
