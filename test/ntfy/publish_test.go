package ntfy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// ways are all ways to publish without JSON.
var ways = []struct{ method, suffix string }{{"PUT", ""}, {"POST", ""}, {"GET", "/publish"}, {"GET", "/send"}, {"GET", "/trigger"}}

// said is a parameter of a publish under all its names, in ntfy's order, with what
// it makes of a message.
type said struct {
	names []string
	value string
	makes func(m *Message)
}

func parametersOfMessages() []said {
	const page = "https://example.com/page?a=b&c=d#e"
	return []said{
		{[]string{"x-message", "message", "m"}, `one\ntwo 🔔`, func(m *Message) { m.Message = "one\ntwo 🔔" }},
		{[]string{"x-title", "title", "t"}, "A title: 𝕬", func(m *Message) { m.Title = "A title: 𝕬" }},
		{[]string{"x-priority", "priority", "prio", "p"}, "high", func(m *Message) { m.Priority = 4 }},
		{[]string{"x-tags", "tags", "tag", "ta"}, " warning,, skull ,größe", func(m *Message) { m.Tags = []string{"warning", "skull", "größe"} }},
		{[]string{"x-click", "click"}, "geo:0,0?q=x", func(m *Message) { m.Click = "geo:0,0?q=x" }},
		{[]string{"x-icon", "icon"}, page, func(m *Message) { m.Icon = page }},
		{[]string{"x-attach", "attach", "a"}, "https://example.com/a/b%20c.jpg?x=y", func(m *Message) {
			m.Attachment = &Attachment{Name: "b c.jpg", URL: "https://example.com/a/b%20c.jpg?x=y"}
			m.Message = "You received a file: b c.jpg"
		}},
		{[]string{"x-markdown", "markdown", "md"}, "yes", func(m *Message) { m.ContentType = "text/markdown" }},
		{[]string{"x-actions", "actions", "action"}, "view, Open, " + page, func(m *Message) {
			m.Actions = []Action{{Action: "view", Label: "Open", URL: page}}
		}},
		{[]string{"x-sequence-id", "sequence-id", "sid"}, "seq-1_A", func(m *Message) { m.SequenceID = "seq-1_A" }},
		{[]string{"x-unifiedpush", "unifiedpush", "up"}, "1", func(*Message) {}},
		{[]string{"x-template", "template", "tpl"}, "no", func(*Message) {}},
		{[]string{"x-firebase", "firebase"}, "no", func(*Message) {}},
		{[]string{"x-cache", "cache"}, "yes", func(*Message) {}},
	}
}

// Every parameter under each of its names, as a header and in the query, in every
// way to publish: the message is what was said and nothing else.
func TestParametersUnderEveryName(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, p := range parametersOfMessages() {
			for i, name := range p.names {
				for j, way := range ways {
					path := "/" + w.topic + way.suffix
					header := []func(string) string{strings.ToUpper, strings.ToLower, http.CanonicalHeaderKey}[(i+j)%3](name)
					query := path + "?" + name + "=" + url.QueryEscape(p.value)
					for what, answer := range map[string]*Answer{
						"header": w.Loose().With(header, p.value).Do(way.method, path, nil),
						"query":  w.Loose().Do(way.method, query, nil),
					} {
						m := w.heardLater(answer)
						want := w.plain(m, "triggered")
						p.makes(&want)
						for k := range want.Actions {
							require.Regexp(t, `^[0-9A-Za-z]{10}$`, m.Actions[k].ID)
							want.Actions[k].ID = m.Actions[k].ID
						}
						require.Equal(t, want, m, "%s %s as %s of %s", name, p.value, what, path)
						require.Regexp(t, `^[0-9A-Za-z]{12}$`, m.ID)
						require.WithinDuration(t, time.Now(), time.Unix(m.Time, 0), Patience)
					}
				}
			}
		}
		w.caughtUp()
		w.stored()
	})
}

// heardLater is heard for those who look at the stream when all is said.
func (w *witness) heardLater(answer *Answer) Message {
	w.T.Helper()
	m := answer.Message()
	w.said = append(w.said, m)
	return m
}

// caughtUp compares the stream with what was heard later. A map's elements were
// published in no certain order.
func (w *witness) caughtUp() {
	w.T.Helper()
	var heard []Message
	for range w.said {
		heard = append(heard, w.stream.Next().Message)
	}
	require.ElementsMatch(w.T, w.said, heard)
	w.said = heard
}

// The parameters that make something other than a stored message, under every name.
func TestOtherParametersUnderEveryName(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.Loose()
		both := func(name, value string) []*Answer {
			return []*Answer{
				c.With(name, value).Put("/"+w.topic, "text"), c.Post("/"+w.topic+"?"+name+"="+url.QueryEscape(value), "text"),
				c.With(strings.ToUpper(name), value, "m", "text").Get("/" + w.topic + "/trigger"),
				c.Get("/" + w.topic + "/send?message=text&" + name + "=" + url.QueryEscape(value)),
			}
		}
		for _, name := range []string{"x-delay", "delay", "x-at", "at", "x-in", "in"} {
			for _, answer := range both(name, "2h") {
				m := answer.Message()
				require.WithinDuration(t, time.Now().Add(2*time.Hour), time.Unix(m.Time, 0), Patience, name)
				require.Equal(t, w.plain(m, "text"), m)
			}
		}
		for _, name := range []string{"x-poll-id", "poll-id"} {
			for _, answer := range both(name, "abcdefghijkl") {
				m := answer.Message()
				require.Equal(t, m, w.stream.NextEvent(PollRequestEvent))
				require.Equal(t, "abcdefghijkl", m.PollID)
				require.NotEqual(t, "text", m.Message, "the body is dropped")
			}
		}
		for _, name := range []string{"x-cache", "cache"} {
			for _, answer := range both(name, "no") {
				m := answer.Message()
				require.Equal(t, w.plain(m, "text"), m)
				require.Equal(t, m, w.stream.NextMessage())
			}
		}
		for _, name := range []string{"x-email", "x-e-mail", "email", "e-mail", "mail", "e"} {
			for _, answer := range both(name, "phil@example.com") {
				answer.Refused(40001)
			}
		}
		for _, name := range []string{"x-call", "call"} {
			for _, answer := range both(name, "+12223334444") {
				answer.Refused(40032)
			}
		}
		for _, name := range []string{"x-filename", "filename", "file", "f"} {
			for i, answer := range both(name, "flower.txt") {
				m := w.heard(answer)
				require.Equal(t, "flower.txt", m.Attachment.Name)
				if i < 2 { // the body is the file
					require.Equal(t, []any{"You received a file: flower.txt", int64(4)}, []any{m.Message, m.Attachment.Size})
				} else {
					require.Equal(t, []any{"text", int64(0)}, []any{m.Message, m.Attachment.Size})
				}
			}
		}
		for _, name := range []string{"x-timezone", "timezone", "tz"} {
			m := c.With(name, "Asia/Kolkata", "At", "tomorrow, 10am").Put("/"+w.topic, "text").Message()
			zone, err := time.LoadLocation("Asia/Kolkata")
			require.NoError(t, err)
			require.Equal(t, "10:00:00", time.Unix(m.Time, 0).In(zone).Format(time.TimeOnly))
		}
		for _, name := range []string{"x-template", "template", "tpl"} {
			m := w.heard(c.With(name, "yes", "m", "{{.a}}").Put("/"+w.topic, `{"a":"filled"}`))
			require.Equal(t, "filled", m.Message)
		}
		w.silent()
	})
}

// A header goes before the query, and a name before those that stand after it.
func TestWhichNameCounts(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		for _, p := range []struct {
			names []string
			value func(i int) string
			of    func(m Message) string
		}{
			{[]string{"x-message", "message", "m"}, numbered("text"), func(m Message) string { return m.Message }},
			{[]string{"x-title", "title", "t"}, numbered("title"), func(m Message) string { return m.Title }},
			{[]string{"x-priority", "priority", "prio", "p"}, func(i int) string { return fmt.Sprint(i%5 + 1) }, func(m Message) string { return fmt.Sprint(m.Priority) }},
			{[]string{"x-tags", "tags", "tag", "ta"}, numbered("tag"), func(m Message) string { return strings.Join(m.Tags, "|") }},
			{[]string{"x-delay", "delay", "x-at", "at", "x-in", "in"}, func(i int) string { return fmt.Sprint(i+1, "h") }, func(m Message) string {
				return fmt.Sprint(int(time.Until(time.Unix(m.Time, 0)).Round(time.Hour).Hours()), "h")
			}},
			{[]string{"x-actions", "actions", "action"}, numbered("copy,L,"), func(m Message) string { return "copy,L," + m.Actions[0].Value }},
			{[]string{"x-click", "click"}, numbered("click"), func(m Message) string { return m.Click }},
			{[]string{"x-icon", "icon"}, numbered("http://icon/"), func(m Message) string { return m.Icon }},
			{[]string{"x-attach", "attach", "a"}, numbered("http://attach/"), func(m Message) string { return m.Attachment.URL }},
			{[]string{"x-filename", "filename", "file", "f"}, numbered("file"), func(m Message) string { return m.Attachment.Name }},
			{[]string{"x-sequence-id", "sequence-id", "sid"}, numbered("sequence"), func(m Message) string { return m.SequenceID }},
		} {
			// All names say something, first in headers and then in the query: one
			// after the other falls silent.
			for silent := range 2 * len(p.names) {
				var headers, query []string
				for i, name := range p.names {
					if i >= silent {
						headers = append(headers, name, p.value(i))
					} else if i%2 == 0 {
						headers = append(headers, name, "  ") // blank says nothing
					}
					if i+len(p.names) >= silent {
						query = append(query, name+"="+url.QueryEscape(p.value(i+len(p.names))))
					}
				}
				m := user.Loose().With(headers...).Put("/"+topic+"?"+strings.Join(query, "&"), nil).Message()
				require.Equal(t, p.value(silent), p.of(m), "%s: %q %q", p.names[0], headers, query)
			}
		}
	})
}

func numbered(text string) func(int) string { return func(i int) string { return fmt.Sprint(text, i) } }

// A header is ASCII, UTF-8 as it is, or encoded words; the query is never encoded
// twice.
func TestEncodedHeaders(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for value, want := range map[string]string{
			"plain":                                         "plain",
			"Grüße 🔔 𝕬 钟":                                   "Grüße 🔔 𝕬 钟",
			"=?UTF-8?B?8J+UlCBCZWxs?=":                      "🔔 Bell",
			"=?utf-8?q?caf=C3=A9_=C3=BC?=":                  "café ü",
			"=?ISO-8859-1?Q?caf=E9?=":                       "café",
			"=?us-ascii?Q?a=20b?=":                          "a b",
			"=?UTF-8?Q?=F0=9F=94=94?= =?UTF-8?B?8J+UlA==?=": "🔔🔔",
			"before =?UTF-8?Q?=C3=A4?= after":               "before ä after",
			"  spaces around  ":                             "spaces around",
			"a\tb":                                          "a\tb",
			// What is no encoded word is what it says.
			"=?":                        "=?",
			"=?UTF-8?B?####?=":          "=?UTF-8?B?####?=",
			"=?UTF-8?X?abc?=":           "=?UTF-8?X?abc?=",
			"=?UTF-8?Q?unfinished":      "=?UTF-8?Q?unfinished",
			"=?nosuchcharset?Q?abc?=":   "=?nosuchcharset?Q?abc?=",
			"a=?UTF-8?Q?b?=c":           "abc",
			"1 + 1 =? 2":                "1 + 1 =? 2",
			"=?UTF-8?Q?line=0Abreak?=":  "line\nbreak",
			"=?UTF-8?Q?nul=00bell=07?=": "nulbell",
		} {
			for _, name := range []string{"Title", "Message"} {
				m := w.put(nil, name, value)
				got := m.Title
				if name == "Message" {
					got = m.Message
				}
				require.Equal(t, want, got, "%s: %s", name, value)
			}
			query := w.heard(w.Put("/"+w.topic+"?title="+url.QueryEscape(value), nil))
			require.Equal(t, strings.TrimSpace(value), query.Title)
		}
		m := w.put(nil, "Tags", "=?UTF-8?Q?=C3=A4,_b?=", "Click", "=?UTF-8?Q?https://example.com/=C3=A4?=")
		require.Equal(t, []any{[]string{"ä", "b"}, "https://example.com/ä"}, []any{m.Tags, m.Click})
		w.stored()
	})
}

// The text and the file that are made of a body.
func TestBody(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for body, want := range map[string]string{
			"text": "text", "": "triggered", " \n\t ": "triggered", "  trimmed \r\n": "trimmed", "inside  it\n\nstays": "inside  it\n\nstays",
			`\n stays`: `\n stays`, "a\x00b": "ab", "\x00": "triggered", "tab\tbell": "tab\tbell",
			`{"topic":"x"}`: `{"topic":"x"}`, "a=b&c=%20": "a=b&c=%20", "\ufeffmark": "\ufeffmark", "<b> & \u2028.": "<b> & \u2028.",
			strings.Repeat("x", 4096): strings.Repeat("x", 4096), strings.Repeat("🔔", 1024): strings.Repeat("🔔", 1024),
			strings.Repeat(" ", 4095) + "x": "x",
		} {
			m := w.put(body)
			require.Equal(t, w.plain(m, want), m, "%.20q", body)
			chunked := w.put(ioReader(body))
			require.Equal(t, w.plain(chunked, want), chunked, "%.20q", body)
		}
		// A parameter is the text when there is no body, and \n in it a line break.
		for body, want := range map[string]string{"": "a\nb", " ": "a\nb", "body": "body", "0": "0"} {
			require.Equal(t, want, w.put(body, "X-Message", `a\nb`).Message)
			require.Equal(t, want, w.heard(w.Post("/"+w.topic+"?m="+url.QueryEscape("a\nb"), body)).Message)
		}
		require.Equal(t, "trimmed", w.put(nil, "X-Message", "  trimmed ").Message)
		// A content type says nothing, save that of markdown.
		for kind, want := range map[string]string{
			"application/json": "", "application/x-www-form-urlencoded": "", "multipart/form-data; boundary=b": "", "text/html": "", ";;": "",
			"text/markdown": "text/markdown", "text/markdown; charset=utf-8": "text/markdown", "TEXT/Markdown;variant=GFM": "text/markdown", "text/markdownx": "",
		} {
			require.Equal(t, want, w.heard(w.Loose().With("Content-Type", kind).Put("/"+w.topic, "**bold**")).ContentType, kind)
		}
		w.stored()
	})
}

// A text that is too long for one, or none at all, is a file.
func TestBodyThatIsAFile(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, body := range []string{
			strings.Repeat("x", 4097), strings.Repeat("x", 4095) + "é", strings.Repeat(" ", 5000), strings.Repeat("🔔", 3000),
			"caf\xe9", "\xff", "\xf0\x9f\x94", "a\xc3", "\xed\xa0\x80", "\x89PNG\r\n\x1a\n",
		} {
			for _, sent := range []any{body, ioReader(body)} {
				m := w.put(sent, "Title", "T")
				require.NotNil(t, m.Attachment, "%.20q", body)
				require.Equal(t, "T", m.Title)
				require.Equal(t, "You received a file: "+m.Attachment.Name, m.Message)
				require.Equal(t, int64(len(body)), m.Attachment.Size)
				require.Equal(t, body, string(w.file(m).Body), "%.20q", body)
			}
		}
		require.Equal(t, "attachment.txt", w.put(strings.Repeat("x", 4097)).Attachment.Name)
		require.Equal(t, "attachment.png", w.put("\x89PNG\r\n\x1a\n").Attachment.Name)
		// With a filename, everything is a file, and a parameter its text.
		m := w.put("short", "Filename", "note.md", "Message", "Read this", "Tags", "a")
		require.Equal(t, []any{"Read this", "note.md", int64(5), []string{"a"}}, []any{m.Message, m.Attachment.Name, m.Attachment.Size, m.Tags})
		require.Equal(t, "short", string(w.file(m).Body))
		empty := w.put(nil, "Filename", "empty.txt")
		require.Equal(t, []any{"empty.txt", int64(0)}, []any{empty.Attachment.Name, empty.Attachment.Size})
		require.Empty(t, w.file(empty).Body)
		// A text that is too long is a file wherever it stands.
		long := strings.Repeat("y", 5000)
		for _, answer := range []*Answer{
			w.With("X-Message", long).Put("/"+w.topic, nil), w.Post("/", object{"topic": w.topic, "message": long}), w.Get("/" + w.topic + "/publish?message=" + long),
		} {
			m := w.heard(answer)
			require.Equal(t, long, string(w.file(m).Body), answer.what)
		}
		w.Loose().With("Filename", "x", "X-Message", long).Put("/"+w.topic, "body").Refused(40000, "4096")
		w.silent()
	})
}

// A file that is elsewhere is named and never fetched; the body is its text.
func TestAttach(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for address, name := range map[string]string{
			"https://example.com/flower.jpg": "flower.jpg", "http://example.com/a/b.tar.gz?download=1#x": "b.tar.gz", "https://example.com": "attachment",
			"https://example.com/": "attachment", "https://example.com/a/": "a", "HTTPS://EXAMPLE.COM/Ä.png": "Ä.png", "https://example.com/%2e%2e": "..",
			"https://example.com/%zz": "attachment", "http://127.0.0.1:1/never": "never", "https://example.com/a%00b%0Ac": "ab\nc", "https://": "attachment",
		} {
			m := w.put("text", "Attach", address)
			require.Equal(t, &Attachment{Name: name, URL: address}, m.Attachment)
			require.Equal(t, "text", m.Message)
			require.Equal(t, "You received a file: "+name, w.put(nil, "Attach", address).Message)
			named := w.put("text", "Attach", address, "Filename", "mine.bin")
			require.Equal(t, &Attachment{Name: "mine.bin", URL: address}, named.Attachment)
		}
		// A text that is too long is cut, at a whole character.
		for body, want := range map[string]string{
			strings.Repeat("x", 9000): strings.Repeat("x", 4096), strings.Repeat("x", 4095) + "é": strings.Repeat("x", 4095), strings.Repeat("🔔", 1025): strings.Repeat("🔔", 1024),
			strings.Repeat("x", 4096): strings.Repeat("x", 4096), " text ": "text",
		} {
			require.Equal(t, want, w.put(body, "Attach", "https://example.com/a").Message)
		}
		for _, body := range []string{"caf\xe9", "\xff\xfe", "a\xf0\x9f\x94", strings.Repeat("x", 100) + "\x80" + strings.Repeat("x", 5000)} {
			w.Loose().With("Attach", "https://example.com/a").Put("/"+w.topic, body).Refused(40011)
		}
		for _, address := range []string{"example.com/a.jpg", "ftp://example.com/a", "javascript:alert(1)", "file:///etc/passwd", "//example.com/a", "http:/example.com", "x", " h ttp://x"} {
			w.Loose().With("Attach", address).Put("/"+w.topic, "text").Refused(40013)
			w.Loose().Post("/", object{"topic": w.topic, "attach": address}).Refused(40013)
		}
		w.silent()
	})
}
