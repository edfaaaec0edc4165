package broker

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestKnownNamespacesHoldObjects(t *testing.T) {
	for _, good := range []string{
		`{}`, `{"a":1}`, `{"client::display":null}`, `{"client::display":{}}`, `{"client::display":{"contentType":"text/markdown"}}`,
		`{"client::notification":{"click":null}}`, `{"client::notification":{"click":{"url":5},"bigImageUrl":"x"}}`,
		`{"android::action":{"onReceive":{"intentUrl":"x"}}}`, `{"android::action":null,"other::x":[1,"a"]}`, `{"client::Display":5}`,
	} {
		require.NoError(t, checkNamespaces(good), good)
	}
	for bad, place := range map[string]string{
		`{"client::display":"text/plain"}`:           "client::display",
		`{"client::display":[]}`:                     "client::display",
		`{"client::notification":5}`:                 "client::notification",
		`{"client::notification":{"click":"x"}}`:     "client::notification.click",
		`{"client::notification":{"click":false}}`:   "client::notification.click",
		`{"android::action":true}`:                   "android::action",
		`{"android::action":{"onReceive":[{}]}}`:     "android::action.onReceive",
		`{"client::display":{},"android::action":0}`: "android::action",
	} {
		err := checkNamespaces(bad)
		requireKind(t, model.Invalid, err)
		require.EqualError(t, err, "Field 'extras': '"+place+"' must be an object", bad)
	}
	for _, none := range []string{`[]`, `5`, `null`, `"x"`, `{`, ``} {
		requireKind(t, model.Invalid, checkNamespaces(none))
	}
}

func TestDepth(t *testing.T) {
	for text, depth := range map[string]int{
		`{}`: 1, `{"a":{}}`: 2, `{"x":[[],[[]]]}`: 4, `{"a":"[[[{"}`: 1, `{"\"[":"\\","]":[1]}`: 2, `{"a\\":[["\\\""]]}`: 3,
		`{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`: 501,
	} {
		require.NoError(t, checkValues(text, depth), text)
		require.NoError(t, checkValues(text, 0), text)
		if depth > 1 {
			requireKind(t, model.Invalid, checkValues(text, depth-1))
		}
	}
}

// What Gotify's own clients cannot parse would take the whole page with it.
func TestValuesThatSomeClientsCannotRead(t *testing.T) {
	for _, good := range []string{
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}`, `{"a":"a","b":"a"}`, `{"a":["a","a",["a"]],"b":null,"c":true}`,
		`{"a":12345678901234567890,"b":-1.5e300,"c":0.1}`, `{"":1,"\u0061":2,"b":{"":1}}`, `{"a":` + strings.Repeat("9", 300) + `}`,
	} {
		require.NoError(t, checkValues(good, 32), good)
	}
	for _, bad := range []string{
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"x":[{"a":1,"b":{},"a":[]}]}`, `{"a":{"b":[]},"a":0}`,
		`{"a":1e999}`, `{"a":[-1e400]}`, `{"a":` + strings.Repeat("9", 5000) + `}`, `{"a":0.` + strings.Repeat("1", 500) + `}`,
	} {
		requireKind(t, model.Invalid, checkValues(bad, 32))
	}
}

func FuzzCheckExtras(f *testing.F) {
	for _, seed := range []string{`{"client::notification":{"click":{"url":"x"}}}`, `{"a":"\\\"[","b":[{}]}`, `{"client::display":1}`, `[]`, ``} {
		f.Add(seed)
	}
	limits := Limits{Extras: 10_000, ExtrasDepth: 32}
	f.Fuzz(func(t *testing.T, extras string) {
		err := limits.checkExtras(extras)
		if err != nil {
			require.Contains(t, []model.Kind{model.Invalid, model.TooLarge}, model.KindOf(err))
		}
		if err == nil && extras != "" {
			require.True(t, json.Valid([]byte(extras)))
			require.LessOrEqual(t, deepest([]byte(extras)), limits.ExtrasDepth)
		}
	})
}

// deepest returns how deep objects and lists nest.
func deepest(text []byte) int {
	in, level, most := json.NewDecoder(strings.NewReader(string(text))), 0, 0
	for {
		token, err := in.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			most = max(most, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}
