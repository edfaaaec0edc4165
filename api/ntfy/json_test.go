package ntfy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// said returns what a message in JSON with headers says.
func said(t *testing.T, content string, headers ...string) (*publication, *jsonMessage, error) {
	t.Helper()
	m, err := parseJSON([]byte(content))
	if err != nil {
		return nil, nil, err
	}
	p := asked("", headers...)
	m.give(p)
	pub, err := parsePublication(p, noon)
	return pub, m, err
}

func TestJSONHasEveryField(t *testing.T) {
	pub, m, err := said(t, `{"topic":"alerts","title":"a\nb","message":"hello","priority":4,"tags":["x","y,z"],"click":"https://c","icon":"https://i",
		"actions":[{"action":"view","label":"L","url":"https://u"}],"attach":"https://a/b.png","filename":"f.png","markdown":true,"cache":"yes",
		"delay":"1h","timezone":"Asia/Tokyo","sequence_id":"s","firebase":"no","unknown":{"a":[1]}}`)
	require.NoError(t, err)
	require.Equal(t, looseText("alerts"), m.Topic)
	require.Equal(t, looseText("hello"), m.Message)
	require.Equal(t, "a\nb", pub.Title)
	require.Equal(t, 4, pub.priority)
	require.Equal(t, noon.Add(time.Hour), pub.Deliver)
	require.False(t, pub.Transient)
	pub.Details.Actions[0].ID = ""
	require.Equal(t, &model.Details{
		Tags: []string{"x", "y", "z"}, Click: "https://c", Icon: "https://i", Markdown: true, Sequence: "s",
		Actions:    []model.Action{{Action: "view", Label: "L", URL: "https://u"}},
		Attachment: &model.Attachment{Name: "f.png", URL: "https://a/b.png"},
	}, pub.Details)
}

func TestJSONIsTakenLoosely(t *testing.T) {
	for content, check := range map[string]func(*publication, *jsonMessage) bool{
		`{"priority":"5"}`:              func(p *publication, _ *jsonMessage) bool { return p.priority == 5 },
		`{"priority":"max"}`:            func(p *publication, _ *jsonMessage) bool { return p.priority == 5 },
		`{"priority":0}`:                func(p *publication, _ *jsonMessage) bool { return p.priority == 0 },
		`{"priority":null,"tags":null}`: func(p *publication, _ *jsonMessage) bool { return p.priority == 0 && p.Details.Tags == nil },
		`{"tags":"a, b"}`:               func(p *publication, _ *jsonMessage) bool { return len(p.Details.Tags) == 2 },
		`{"tags":["a",5,null,true]}`:    func(p *publication, _ *jsonMessage) bool { return len(p.Details.Tags) == 3 },
		`{"cache":false}`:               func(p *publication, _ *jsonMessage) bool { return p.Transient },
		`{"cache":"no"}`:                func(p *publication, _ *jsonMessage) bool { return p.Transient },
		`{"markdown":"yes"}`:            func(p *publication, _ *jsonMessage) bool { return p.Details.Markdown },
		`{"message":5.50}`:              func(_ *publication, m *jsonMessage) bool { return m.Message == "5.50" },
		`{"TOPIC":"x"} and more`:        func(_ *publication, m *jsonMessage) bool { return m.Topic == "x" },
		`{"actions":"copy,a,b"}`:        func(p *publication, _ *jsonMessage) bool { return len(p.Details.Actions) == 1 },
		`{"actions":[]}`:                func(p *publication, _ *jsonMessage) bool { return len(p.Details.Actions) == 0 },
		`{"actions":null}`:              func(p *publication, _ *jsonMessage) bool { return len(p.Details.Actions) == 0 },
		`{"delay":1772629200}`:          func(p *publication, _ *jsonMessage) bool { return p.Deliver.Equal(noon.Add(time.Hour)) },
		`{"title":"a\u0000\ud800b"}`:    func(p *publication, _ *jsonMessage) bool { return p.Title == "a\uFFFDb" },
		`{"title":"=?UTF-8?Q?a?="}`:     func(p *publication, _ *jsonMessage) bool { return p.Title == "=?UTF-8?Q?a?=" },
		`null`:                          func(_ *publication, m *jsonMessage) bool { return m.Topic == "" },
	} {
		pub, m, err := said(t, content)
		require.NoError(t, err, content)
		require.True(t, check(pub, m), content)
	}
}

func TestHeadersFillWhatJSONLeavesOut(t *testing.T) {
	pub, _, err := said(t, `{"topic":"x","title":"from JSON","priority":0,"tags":[]}`, "X-Title", "from header", "Priority", "2", "Tags", "a", "Message", "text")
	require.NoError(t, err)
	require.Equal(t, []any{"from JSON", 2, []string{"a"}, "text"}, []any{pub.Title, pub.priority, pub.Details.Tags, pub.Message})
}

func TestJSONThatIsRefused(t *testing.T) {
	for content, code := range map[string]int{
		"": 40024, "{": 40024, "[]": 40024, `"a"`: 40024, "5": 40024, "not JSON": 40024, `{"title":{}}`: 40024, `{"priority":[1]}`: 40024,
		`{"tags":[["a"]]}`: 40024, `{"tags":{}}`: 40024, strings.Repeat("[", maxJSON): 40024, `{"a":` + strings.Repeat("[", 20000): 40024,
		`{"priority":6}`: 40007, `{"priority":1.5}`: 40007, `{"actions":[null]}`: 40018, `{"actions":{}}`: 40018, `{"actions":5}`: 40018, `{"actions":true}`: 40018,
		`{"email":"a@b"}`: 40001, `{"call":"yes"}`: 40032, `{"sequence_id":"a b"}`: 40049, `{"icon":"x"}`: 40021, `{"attach":"x"}`: 40013,
		`{"delay":"1h","cache":"no"}`: 40002, `{"delay":"never"}`: 40004, `{"delay":"1h","timezone":"x/y"}`: 40004,
	} {
		_, _, err := said(t, content)
		require.Error(t, err, "%.60s", content)
		requireRefused(t, code, err)
	}
}

func FuzzJSON(f *testing.F) {
	for _, content := range []string{
		`{"topic":"x","message":"y","priority":5,"tags":["a"]}`, `{"actions":[{"action":"view"}]}`, `{"tags":"\ud800","delay":1e9}`, `null`, `{"cache":0}`,
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		pub, m, err := said(t, content)
		if err == nil {
			_, err = pub.take(bodyOf(string(m.Message)), defaultMessageLimit, &templates{})
		}
		if err == nil {
			_, err = pub.draft()
		}
		if err != nil {
			require.Equal(t, 400, asFailure(err).status, "%v", err)
		}
	})
}
