package ntfy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// actionsOf parses actions and checks and removes their ids.
func actionsOf(t *testing.T, text string) []model.Action {
	t.Helper()
	actions, err := parseActions(text)
	require.NoError(t, err, text)
	ids := map[string]bool{}
	for i := range actions {
		require.Regexp(t, `^[0-9A-Za-z]{10}$`, actions[i].ID)
		ids[actions[i].ID], actions[i].ID = true, ""
	}
	require.Len(t, ids, len(actions))
	return actions
}

func TestShortActions(t *testing.T) {
	for text, want := range map[string][]model.Action{
		"":                                nil,
		"  \n":                            nil,
		"view, Open, https://example.com": {{Action: "view", Label: "Open", URL: "https://example.com"}},
		"VIEW,Open portal,https://a/?q=1&x=y,clear=true": {{Action: "view", Label: "Open portal", URL: "https://a/?q=1&x=y", Clear: true}},
		"action=view, label = Open , url=https://a":      {{Action: "view", Label: "Open", URL: "https://a"}},
		"http, Close, https://a, method=put, headers.Authorization=Bearer x, headers.X-A=b, body='{\"a\": 1, \"b\": \"c;d\"}', clear=no": {
			{Action: "http", Label: "Close", URL: "https://a", Method: "PUT", Headers: map[string]string{"Authorization": "Bearer x", "X-A": "b"}, Body: `{"a": 1, "b": "c;d"}`},
		},
		"broadcast, Take picture, extras.cmd=pic, extras.camera=front, intent=io.example.TAKE": {
			{Action: "broadcast", Label: "Take picture", Extras: map[string]string{"cmd": "pic", "camera": "front"}, Intent: "io.example.TAKE"},
		},
		"copy, Copy code, 123-456":                        {{Action: "copy", Label: "Copy code", Value: "123-456"}},
		"copy, Copy, value='a, b'; view, B, https://b ; ": {{Action: "copy", Label: "Copy", Value: "a, b"}, {Action: "view", Label: "B", URL: "https://b"}},
		`view, "He said \"hi\"; twice", https://a`:        {{Action: "view", Label: `He said "hi"; twice`, URL: "https://a"}},
		`view, 'it\'s \n "fine"' , https://a`:             {{Action: "view", Label: `it's \n "fine"`, URL: "https://a"}},
		"view, Grüße 😂, https://a":                        {{Action: "view", Label: "Grüße 😂", URL: "https://a"}},
		"http, Head, https://a, method=delete, body=x":    {{Action: "http", Label: "Head", URL: "https://a", Method: "DELETE", Body: "x"}},
	} {
		require.Equal(t, want, actionsOf(t, text), text)
	}
}

func TestActionsInJSON(t *testing.T) {
	for text, want := range map[string][]model.Action{
		"[]": {},
		`[{"action":"view","label":"Open","url":"https://a","clear":true}]`:                                               {{Action: "view", Label: "Open", URL: "https://a", Clear: true}},
		`[{"action":"HTTP","label":"L","url":"https://a","method":"post","headers":{"n":1,"t":true,"z":null}}]`:           {{Action: "http", Label: "L", URL: "https://a", Method: "POST", Headers: map[string]string{"n": "1", "t": "true", "z": ""}}},
		`[{"action":"copy","label":"L","value":"v","clear":"yes","unknown":[1]},{"action":"broadcast","label":"\u00e9"}]`: {{Action: "copy", Label: "L", Value: "v", Clear: true}, {Action: "broadcast", Label: "é"}},
		` [{"action":"view","label":"a\u0000b","url":"u","clear":false,"body":null}]`:                                     {{Action: "view", Label: "ab", URL: "u"}},
	} {
		require.Equal(t, want, actionsOf(t, text), text)
	}
}

func TestActionsThatAreRefused(t *testing.T) {
	for text, reason := range map[string]string{
		"[null]": "null",
		`[{"action":"view","label":"a","url":"b"},null]`: "null",
		"[":                 "JSON",
		"[1]":               "JSON",
		`{"action":"view"}`: "list",
		`[{"action":"view","label":["x"],"url":"u"}]`:            "text",
		`[{"action":"http","label":"a","url":"b","headers":[]}]`: "JSON",
		`[{}]`:                                   "'action' cannot be ''",
		"open, A, https://a":                     "'action' cannot be 'open'",
		"view":                                   "'label' is required",
		"view, , https://a":                      "'label' is required",
		"view, A":                                "'url' is required",
		"http, A":                                "'url' is required",
		"copy, A":                                "'value' is required",
		"http, A, https://a, method=GET, body=x": "'body' cannot be set",
		`[{"action":"http","label":"a","url":"b","method":"head","body":"x"}]`: "'body' cannot be set",
		"view, A, https://a, clear=maybe":                                      "'clear' cannot be 'maybe'",
		`[{"action":"view","label":"a","url":"b","clear":2}]`:                  "'clear' cannot be '2'",
		"view, A, https://a, colour=red":                                       "'colour' unknown",
		"view, A, https://a, extra":                                            "term 'extra' unknown",
		"broadcast, A, https://a":                                              "term 'https://a' unknown",
		`view, "A`:                                                             "unexpected end of input",
		`view, "A"x, https://a`:                                                `unexpected character 'x'`,
		strings.Repeat("view, A, https://a;", 4):                               "only 3 actions",
		"[" + strings.Repeat(`{"action":"copy","label":"a","value":"b"},`, 3) + `{"action":"copy","label":"a","value":"b"}]`: "only 3 actions",
		",,,":  "'",
		";":    "'",
		"; ; ": "'",
	} {
		_, err := parseActions(text)
		requireRefused(t, 40018, err)
		require.Contains(t, err.Error(), reason, text)
	}
}

func FuzzActions(f *testing.F) {
	for _, text := range []string{
		"view, A, https://a, clear=1; copy, B, value='c\\'d'", `[{"action":"http","label":"a","url":"b","headers":{"x":1}}]`,
		"[null]", `"`, "a=b=c", "headers.=x", "extras. = 'y'", "view,\xff,\x00", "view,a,b;view,a,b;view,a,b;view,a,b", "[[[[[[", "'';\"\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		actions, err := parseActions(text)
		if err != nil {
			requireRefused(t, 40018, err)
			return
		}
		require.LessOrEqual(t, len(actions), maxActions)
		encoded, err := json.Marshal(actions)
		require.NoError(t, err)
		var back []model.Action
		require.NoError(t, json.Unmarshal(encoded, &back))
		require.Equal(t, fmt.Sprint(actions), fmt.Sprint(back), "what is stored is what is read")
		require.True(t, utf8.Valid(encoded))
		require.NotContains(t, string(encoded), `\u0000`)
	})
}
