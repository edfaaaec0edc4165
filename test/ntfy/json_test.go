package ntfy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// json publishes what a text in JSON says, in which %s is the topic.
func (w *witness) json(text string) Message {
	w.T.Helper()
	return w.heard(w.Loose().Post("/", strings.ReplaceAll(text, "%s", w.topic)))
}

// All fields at once are what the same said in headers is.
func TestJSON(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		body := object{
			"topic": w.topic, "message": "Text ü 🔔\nline", "title": "Title: 𝕬", "tags": []string{"warning", "größe"}, "priority": 4,
			"click": "https://example.com/c", "icon": "https://example.com/i.png", "attach": "https://example.com/a/f.jpg", "filename": "named.jpg",
			"markdown": true, "sequence_id": "seq", "unknown": object{"a": []int{1}},
			"actions": []object{
				{"action": "view", "label": "Open", "url": "https://example.com/v", "clear": true},
				{"action": "http", "label": "Go", "url": "https://example.com/h", "method": "put", "headers": object{"X-A": "b"}, "body": "{\"a\": 1}"},
				{"action": "copy", "label": "Copy", "value": "123"},
			},
		}
		want := Message{
			Event: MessageEvent, Topic: w.topic, Message: "Text ü 🔔\nline", Title: "Title: 𝕬", Tags: []string{"warning", "größe"}, Priority: 4,
			Click: "https://example.com/c", Icon: "https://example.com/i.png", ContentType: "text/markdown", SequenceID: "seq",
			Attachment: &Attachment{Name: "named.jpg", URL: "https://example.com/a/f.jpg"},
			Actions: []Action{
				{Action: "view", Label: "Open", URL: "https://example.com/v", Clear: true},
				{Action: "http", Label: "Go", URL: "https://example.com/h", Method: "PUT", Headers: map[string]string{"X-A": "b"}, Body: "{\"a\": 1}"},
				{Action: "copy", Label: "Copy", Value: "123"},
			},
		}
		inHeaders := w.With("Title", want.Title, "Tags", "warning,größe", "Priority", "high", "Click", want.Click, "Icon", want.Icon,
			"Attach", want.Attachment.URL, "Filename", "named.jpg", "Markdown", "yes", "SID", "seq",
			"Actions", `view, Open, https://example.com/v, clear=true; http, Go, https://example.com/h, method=put, headers.X-A=b, body='{"a": 1}'; copy, Copy, 123`)
		for _, answer := range []*Answer{
			w.Post("/", body), w.Put("/", body), w.With("Content-Type", "application/x-www-form-urlencoded").Loose().Post("/", body),
			inHeaders.Put("/"+w.topic, want.Message),
		} {
			m := w.heard(answer)
			want.ID, want.Time = m.ID, m.Time
			for i := range want.Actions {
				require.Len(t, m.Actions[i].ID, 10)
				want.Actions[i].ID = m.Actions[i].ID
			}
			require.Equal(t, want, m)
		}
		w.stored()
	})
}

// Other types than the right ones are taken for what they mean.
func TestJSONOfOtherTypes(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for fields, makes := range map[string]func(m *Message){
			`"priority":5`:                        func(m *Message) { m.Priority = 5 },
			`"priority":"5"`:                      func(m *Message) { m.Priority = 5 },
			`"priority":"max"`:                    func(m *Message) { m.Priority = 5 },
			`"priority":0`:                        func(*Message) {},
			`"priority":null`:                     func(*Message) {},
			`"priority":""`:                       func(*Message) {},
			`"tags":"a, b"`:                       func(m *Message) { m.Tags = []string{"a", "b"} },
			`"tags":["b,c","d"]`:                  func(m *Message) { m.Tags = []string{"b", "c", "d"} },
			`"tags":[1,true]`:                     func(m *Message) { m.Tags = []string{"1", "true"} },
			`"tags":[]`:                           func(*Message) {},
			`"tags":null`:                         func(*Message) {},
			`"tags":[""," "]`:                     func(*Message) {},
			`"cache":true`:                        func(*Message) {},
			`"cache":"yes"`:                       func(*Message) {},
			`"firebase":"no"`:                     func(*Message) {},
			`"markdown":"yes"`:                    func(m *Message) { m.ContentType = "text/markdown" },
			`"markdown":1`:                        func(m *Message) { m.ContentType = "text/markdown" },
			`"markdown":"no"`:                     func(*Message) {},
			`"message":12`:                        func(m *Message) { m.Message = "12" },
			`"message":null`:                      func(*Message) {},
			`"message":""`:                        func(*Message) {},
			`"message":"  t  "`:                   func(m *Message) { m.Message = "t" },
			`"message":"a\\nb"`:                   func(m *Message) { m.Message = `a\nb` },
			`"message":"a\u0000b\ud800"`:          func(m *Message) { m.Message = "ab\ufffd" },
			`"title":3.5`:                         func(m *Message) { m.Title = "3.5" },
			`"title":"one\ntwo"`:                  func(m *Message) { m.Title = "one\ntwo" },
			`"title":"=?UTF-8?Q?a?="`:             func(m *Message) { m.Title = "=?UTF-8?Q?a?=" },
			`"message":"one","message":"two"`:     func(m *Message) { m.Message = "two" },
			`"MESSAGE":"upper"`:                   func(m *Message) { m.Message = "upper" },
			`"x":{"topic":"other"},"message":"m"`: func(m *Message) { m.Message = "m" },
			`"actions":null`:                      func(*Message) {},
			`"actions":[]`:                        func(*Message) {},
			`"actions":""`:                        func(*Message) {},
			`"actions":"view, L, https://x"`:      func(m *Message) { m.Actions = []Action{{Action: "view", Label: "L", URL: "https://x"}} },
			`"actions":[{"action":"VIEW","label":5,"url":"https://x","clear":"1","body":true}]`: func(m *Message) {
				m.Actions = []Action{{Action: "view", Label: "5", URL: "https://x", Clear: true, Body: "true"}}
			},
			`"actions":"[{\"action\":\"view\",\"label\":\"L\",\"url\":\"https://x\"}]"`: func(m *Message) {
				m.Actions = []Action{{Action: "view", Label: "L", URL: "https://x"}}
			},
		} {
			m := w.json(`{"topic":"%s",` + fields + `}`)
			want := w.plain(m, "triggered")
			makes(&want)
			for i := range want.Actions {
				require.Len(t, m.Actions, len(want.Actions))
				want.Actions[i].ID = m.Actions[i].ID
			}
			require.Equal(t, want, m, fields)
		}
		for _, fields := range []string{`"delay":"3h"`, fmt.Sprintf(`"delay":%d`, time.Now().Unix()+3*3600), fmt.Sprintf(`"delay":"%d"`, time.Now().Unix()+3*3600)} {
			m := w.Loose().Post("/", `{"topic":"`+w.topic+`",`+fields+`}`).Message()
			require.WithinDuration(t, time.Now().Add(3*time.Hour), time.Unix(m.Time, 0), Patience, fields)
		}
		w.silent()
	})
}

// What the body leaves out may stand in headers and in the query.
func TestJSONWithHeaders(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.With("Title", "of the header", "X-Priority", "2", "Tags", "header", "Content-Type", "text/markdown").Loose()
		m := w.heard(c.Post("/?click=query", object{"topic": w.topic, "message": "m", "tags": []string{"body"}, "priority": 4}))
		want := w.plain(m, "m")
		want.Title, want.Priority, want.Tags, want.Click = "of the header", 4, []string{"body"}, "query"
		require.Equal(t, want, m)
		m = w.heard(w.With("X-Message", "of the header", "SID", "header").Post("/", object{"topic": w.topic}))
		require.Equal(t, []string{"of the header", "header"}, []string{m.Message, m.SequenceID})
		m = w.heard(w.With("X-Message", "of the header", "SID", "header").Post("/", object{"topic": w.topic, "message": "m", "sequence_id": "body"}))
		require.Equal(t, []string{"m", "body"}, []string{m.Message, m.SequenceID})
		require.Equal(t, "text", string(w.file(w.heard(w.With("Filename", "f.txt").Post("/", object{"topic": w.topic, "message": "text"}))).Body))
		w.silent()
	})
}

func TestJSONThatIsNone(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.Loose()
		for _, body := range []string{
			"", " ", "text", "{", "}", `{"topic"`, `{"topic":"%s"`, `{"topic":"%s",}`, `{'topic':'%s'}`, "[]", `["%s"]`, `"%s"`, "5", "true", "\xff", "\x00",
			"\xef\xbb\xbf{\"topic\":\"%s\"}", `{"topic":"%s","title":[]}`, `{"topic":"%s","title":{}}`, `{"topic":"%s","message":["a"]}`, `{"topic":"%s","message":{}}`,
			`{"topic":"%s","tags":{}}`, `{"topic":"%s","tags":[["a"]]}`, `{"topic":"%s","tags":[{}]}`, `{"topic":"%s","priority":[1]}`, `{"topic":"%s","priority":{}}`,
			`{"topic":"%s","cache":[]}`, `{"topic":"%s","delay":{}}`, `{"topic":["%s"]}`, `{"topic":"%s","message":"a` + "\n" + `b"}`, `{"topic":"%s","x":nul}`,
			`{"topic":"%s","x":` + strings.Repeat("[", 30_000), `{"topic":"%s","x":` + strings.Repeat(`{"a":`, 10_000),
			`{"topic":"%s","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
		} {
			for _, method := range []string{"POST", "PUT"} {
				c.Do(method, "/", strings.ReplaceAll(body, "%s", w.topic)).Refused(40024)
			}
		}
		for _, topic := range []string{
			`""`, "null", `" "`, `"a.b"`, `"a/b"`, `"a,b"`, `"ä"`, `"` + strings.Repeat("x", 65) + `"`, "5.5", "-1.5", `"%00"`, `"\u0000"`, `" ` + w.topic + `"`, `"..\/x"`,
		} {
			c.Post("/", `{"topic":`+topic+`,"message":"m"}`).Refused(40009)
		}
		c.Post("/", `{"message":"m"}`).Refused(40009)
		c.Post("/", "{}").Refused(40009)
		c.Post("/", "null").Refused(40009)
		for _, word := range []string{"docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1", "message", "application", "stream", "user", "version"} {
			c.Post("/", object{"topic": word, "message": "m"}).Refused(40010)
		}
		for fields, code := range map[string]int{
			`"priority":6`: 40007, `"priority":-1`: 40007, `"priority":"x"`: 40007, `"priority":1.5`: 40007, `"priority":true`: 40007, `"priority":1e400`: 40007,
			`"priority":` + strings.Repeat("9", 1000): 40007,
			`"delay":"x"`: 40004, `"delay":5`: 40004, `"delay":true`: 40004, `"delay":"5s"`: 40005, `"delay":"4d"`: 40006, `"delay":99999999999`: 40006,
			`"delay":"1h","timezone":"Nowhere/None"`: 40004,
			`"icon":"x"`:                             40021, `"attach":"x"`: 40013, `"sequence_id":"a b"`: 40049, `"sequence_id":"` + strings.Repeat("x", 65) + `"`: 40049,
			`"email":"a@b"`: 40001, `"call":"yes"`: 40032, `"cache":"no","delay":"1h"`: 40002,
			`"title":"` + strings.Repeat("x", 1025) + `"`: 40057, `"tags":["` + strings.Repeat("x", 513) + `"]`: 40058,
			`"actions":[null]`: 40018, `"actions":{}`: 40018, `"actions":5`: 40018, `"actions":[5]`: 40018, `"actions":"x"`: 40018, `"actions":[[]]`: 40018,
			`"actions":{"action":"view","label":"L","url":"https://x"}`: 40018,
		} {
			c.Post("/", `{"topic":"`+w.topic+`","message":"m",`+fields+`}`).Refused(code)
		}
		w.silent()
		// Who may not publish is refused like elsewhere.
		Anonymous(t, s).Post("/", object{"topic": w.topic, "message": "m"}).Refused(40301)
		w.Authorization("Bearer wrong").Post("/", object{"topic": w.topic}).Refused(40101)
	})
}

func TestLargeJSON(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		head := `{"topic":"` + w.topic + `","message":"m","x":"`
		for size, fits := range map[int]bool{64 << 10: true, 64<<10 + 1: false, 1 << 20: false} {
			body := head + strings.Repeat("x", size-len(head)-2) + `"}`
			require.Len(t, body, size)
			for _, sent := range []any{body, ioReader(body)} {
				answer := w.Loose().Post("/", sent)
				if fits {
					require.Equal(t, "m", w.heard(answer).Message)
				} else {
					answer.Refused(41303, "65536")
				}
			}
		}
		// Up to there, a text that is too long for one is a file.
		long := strings.Repeat("ü", 30_000)
		require.Equal(t, long, string(w.file(w.json(`{"topic":"%s","message":"`+long+`"}`)).Body))
		w.raw(t, "POST /\nContent-Length: 1000000000\nExpect: 100-continue", "").Refused(41303)
		w.silent()
	})
}
