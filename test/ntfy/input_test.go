package ntfy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// nasty are values that nobody should send.
func nasty() []string {
	return []string{
		"\xff", "a\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "a\tb", "🔔", "𝕬\u0301", "\u202ea", "\u2028", "\ufeff", "\ufffd", strings.Repeat("x", 9000), strings.Repeat("🔔", 3000),
		"=?UTF-8?B?/w==?=", "=?UTF-8?Q?=00?=", "=?UTF-8?Q?=FF?=", "=?UTF-8?B?", "=?x?", strings.Repeat("=?UTF-8?Q?a?= ", 500), strings.Repeat("=?", 3000), "=?ISO-8859-1?Q?=E9=00=1F?=",
		"%", "%zz", "%00", "+", "{{.}}", "{{", "[null]", "[", "{", "[[]]", "null", `"`, `\`, "'; DROP TABLE messages; --", "\\u0000", "../../../etc/passwd", "<script>",
		strings.Repeat("9", 1000), "-1", "-9223372036854775809", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e999", "NaN", "Infinity", "0x7f", "1_000", "٣", ",", ";", strings.Repeat(",", 5000),
		strings.Repeat("a,", 4000), strings.Repeat("[", 5000), strings.Repeat(`{"a":`, 1000), "http://", "https://\xff", "http://[::1", "http://%zz", "https://" + strings.Repeat("x", 8000), "true", "yes",
	}
}

// parameterNames are one name of every parameter of a publish.
func parameterNames() []string {
	return []string{
		"X-Message", "X-Title", "X-Priority", "X-Tags", "X-Delay", "X-Timezone", "X-Actions", "X-Click", "X-Icon", "X-Attach", "X-Filename", "X-Markdown", "X-Firebase", "X-Email", "X-Call",
		"X-Template", "X-UnifiedPush", "X-Poll-ID", "X-Sequence-ID", "Content-Type", "Content-Encoding", "Priority", "Range", "If-None-Match", "Last-Event-ID", "X-Request-Id", "Accept", "Origin", "X-Forwarded-For",
	}
}

// decent fails the test when an answer is neither a message nor a refusal in ntfy's
// shape, and reports whether it is a message.
func decent(t *testing.T, answer *Answer) bool {
	t.Helper()
	if answer.Status == http.StatusOK {
		answer.Message()
		return true
	}
	var refusal Refusal
	err := strictly(answer.Body, &refusal)
	if answer.Status < 400 || answer.Status > 499 || err != nil || refusal.HTTP != answer.Status || refusal.Code/100 != answer.Status || refusal.Error == "" {
		t.Errorf("%s: status %d: %.300q", answer.what, answer.Status, answer.Body)
	}
	return false
}

// Whatever stands in a parameter, the answer is a message or says what is wrong;
// and a message is the same for everybody.
func TestNastyParameters(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path := "/" + w.topic
		for _, name := range parameterNames() {
			for i, value := range nasty() {
				var answer *Answer
				switch field := strings.ToLower(strings.TrimPrefix(name, "X-")); {
				case i%3 == 0 && strings.HasPrefix(name, "X-"):
					answer = w.Loose().Post(path+"?"+escaped(name, value+"\x00"), "body")
				case i%3 == 1 && strings.HasPrefix(name, "X-"):
					answer = w.Loose().Post("/", object{"topic": w.topic, field: value, strings.ReplaceAll(field, "-", "_"): value})
				default:
					answer = w.Loose().With(name, value).Put(path, "body")
				}
				if !decent(t, answer) {
					continue
				}
				if m := answer.Message(); m.Event != MessageEvent { // is not stored
					require.Equal(t, m, w.stream.NextEvent(m.Event), answer.what)
				} else {
					w.heard(answer)
				}
			}
		}
		for _, value := range nasty() {
			m := w.With("X-Cache", value).Put(path, "stored or not").Message()
			require.Equal(t, m, w.stream.NextMessage())
			if len(w.Poll(w.topic, "id="+m.ID)) == 1 {
				w.said = append(w.said, m)
			}
		}
		w.silent()
		require.Equal(t, w.said, w.Poll(w.topic, "sched=1"), "nothing waits")
	})
}

// The parameters of streams, the same way.
func TestNastyParametersOfStreams(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		sent := user.Publish(topic, "text")
		c := user.Loose()
		for _, name := range []string{"X-Since", "X-Poll", "X-Scheduled", "X-ID", "X-Message", "X-Title", "X-Priority", "X-Tags", "Last-Event-ID"} {
			for i, value := range nasty() {
				path := "/" + topic + "/" + []string{"json", "raw", "sse"}[i%3] + "?po=1"
				if name == "X-Poll" { // which may make it a stream without end
					path += "&si=nonsense"
				}
				for _, answer := range []*Answer{c.With(name, value).Get(path), c.Get(path + "&" + escaped(name, value+"\x00"))} {
					if answer.Status != http.StatusOK {
						require.False(t, decent(t, answer))
					}
				}
			}
		}
		for _, value := range nasty() {
			for _, answer := range []*Answer{
				c.Get("/" + topic + "/json?po=1&" + escaped("auth", value)), c.Authorization("Bearer " + value).Get("/" + topic + "/json?poll=1"), c.Authorization("Basic "+value).Put("/"+topic, "m"),
				c.Authorization(value).Get("/" + topic + "/auth"), c.Get("/" + topic + "/auth?" + escaped("token", value)),
			} {
				if answer.Status != http.StatusOK {
					require.False(t, decent(t, answer))
				}
			}
		}
		require.Equal(t, []Message{sent}, user.Poll(topic, ""))
	})
}

// What is not HTTP is refused before anybody looks at it.
func TestNastyRequests(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		put := "PUT /" + w.topic + "\n"
		for _, head := range []string{
			put + "Title: a\x00b", put + "Title: a\x01b", put + "Title: a\x7fb", put + "Title: a\rb", put + "Ti\x00tle: a", put + "Title : a", put + "Ti tle: a", put + "Titel\xff: a", put + ": a",
			put + "Content-Length: -1", put + "Content-Length: x", put + "Content-Length: 99999999999999999999999", put + "Content-Length: 5\nContent-Length: 6", put + "Content-Length: +5",
			put + "Transfer-Encoding: gzip", put + "Host: y", "PUT /" + w.topic + "?title=a b", "PUT /%zz", "P\x00T /" + w.topic, "/" + w.topic, "PUT",
		} {
			answer := w.raw(t, head, "")
			require.GreaterOrEqual(t, answer.Status, 400, "%q", head)
			require.NotEqual(t, 500, answer.Status, "%q", head)
			require.Contains(t, []int{400, 404, 405, 501, 505}, answer.Status, "%q", head)
		}
		for _, head := range []string{"PUT /" + w.topic + "\nExpect: nonsense", "PUT http://[::1/" + w.topic} {
			require.Equal(t, 4, w.raw(t, head, "").Status/100, "%q", head)
		}
		// A body that does not come, or not as it was announced.
		for head, body := range map[string]string{
			"Transfer-Encoding: chunked":                 "zz\r\nnot a chunk",
			"Transfer-Encoding: chunked\nFilename: f":    "5\r\nhelloXX",
			"Transfer-Encoding: chunked\nX-Template: 1":  "ffffffffffffffffffff\r\n",
			"Transfer-Encoding: chunked\nUp: 1":          "-5\r\nhello",
			"Transfer-Encoding: chunked\nAttach: http:/": "x",
		} {
			answer := w.raw(t, put+head, body)
			require.False(t, decent(t, answer), head)
			require.Equal(t, 400, answer.Status)
		}
		w.silent()
		require.Empty(t, w.Poll(w.topic, "sched=1&since="+w.said[len(w.said)-1].ID))
	})
}

func TestNastyPaths(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.Loose()
		var paths []string
		for _, part := range []string{
			"%00", "%ff", "%ed%a0%80", "%F0%9F%94%94", "a.b", "a,b", ",", "~", "*", "a%20b", "%20", "a%2Fb", "..%2f", "%2e%2e", "a:b", "a;b", "a@b", "(", "[", "|", strings.Repeat("x", 65), strings.Repeat("x", 10_000),
			strings.Repeat("x,", 2000), strings.Repeat("%00", 2000), strings.Repeat("/x", 3000), "-", "_",
		} {
			for _, way := range []string{"/PART", "/PART/seq", "/TOPIC/PART", "/TOPIC/PART/clear", "/PART/publish", "/PART/x/y/z"} {
				paths = append(paths, strings.NewReplacer("TOPIC", w.topic, "PART", part).Replace(way))
			}
		}
		for _, path := range paths {
			for _, method := range []string{"PUT", "GET", "DELETE"} {
				answer := c.Do(method, path, "m")
				if method == "GET" && answer.Status == http.StatusOK {
					continue // a message, or the page of a topic
				}
				decent(t, answer)
			}
		}
		for _, method := range []string{"PATCH", "TRACE", "PROPFIND", "MKCOL", "FOO", "put", "X-Y", "LINK", strings.Repeat("M", 1000)} {
			for _, path := range []string{"/" + w.topic, "/", "/" + w.topic + "/publish", "/" + w.topic + "/seq", "/v1/health", "/file/x"} {
				answer := c.Do(method, path, "m")
				require.False(t, decent(t, answer), "%s %s", method, path)
				answer.Refused(40401)
			}
		}
		c.Do("HEAD", "/"+w.topic, nil).Empty(404)
		c.Do("HEAD", "/"+w.topic+"/publish", nil).Empty(404)
		for _, m := range w.Poll(w.topic, "") {
			require.Contains(t, []string{"m", ""}, m.Message, "a path that is one")
		}
	})
}

func TestNastyQueries(t *testing.T) {
	Long(t)
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for query, title := range map[string]string{
			"title=%zz": "", "title=%": "", "title": "", "title=": "", "=x": "", "&&&&": "", "title=a&title=b": "a", "title[]=x": "", "title=a;tags=b": "", "%74itle=x": "x", "TITLE=x&title=y": "y",
			"title=%ff": "\ufffd", "title=%00a": "a", "title=a%0Ab": "a\nb", "title=a+b%2Bc": "a b+c", strings.Repeat("&", 15_000): "", strings.Repeat("q=1&", 3500) + "t=x": "x", "t=" + strings.Repeat("%20", 4000): "",
			strings.Repeat("t=&", 4000) + "title=x": "x", "title=x#fragment": "x",
		} {
			m := w.heard(w.Loose().Put("/"+w.topic+"?"+query, "m"))
			require.Equal(t, title, m.Title, "%.100s", query)
		}
		w.Loose().Put("/"+w.topic+"?x="+strings.Repeat("x", 20_000), "m").Refused(41401)
		w.Loose().Get("/" + w.topic + "/publish?message=" + strings.Repeat("x", 20_000)).Refused(41401)
		w.Loose().With("X-Message", strings.Repeat("x", 70_000)).Put("/"+w.topic, nil).Refused(43101)
		many := w.Loose()
		for i := range 3000 {
			many = many.With(fmt.Sprintf("X-Header-%d", i), strings.Repeat("x", 20))
		}
		many.Put("/"+w.topic, "m").Refused(43101)
		w.silent()
	})
}

// A text with whatever in it is stored, or a file, on every database.
func TestTextThatIsHardToStore(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		texts := []string{
			"🔔𝕬钟", "\u0301combining", "\U0010ffff", "\ufffe\uffff", "\x01\x02\x1f\x7f", "\u0085\u00a0x", "a\x00b", `\x00 \u0000`, "\\", "'\"`;--", "%s%n%d", "${x}$(y)", "{{.}}", "</script>", "\r", "a\r\nb", "\u202e\u2066x",
			"--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nx\r\n--b--", strings.Repeat("\\", 4096), strings.Repeat("\x01", 4096), strings.Repeat("<", 4096), strings.Repeat("\u2028", 1365),
			strings.Repeat("\n", 100) + "x", "x" + strings.Repeat("\u200b", 1000),
		}
		for _, text := range texts {
			want := strings.TrimSpace(strings.ReplaceAll(text, "\x00", ""))
			if want == "" {
				want = "triggered"
			}
			for _, kind := range []string{"text/plain", "multipart/form-data; boundary=b", "multipart/form-data", "application/x-www-form-urlencoded", "application/json", "\xff", "a/b; charset=latin1"} {
				m := w.heard(w.Loose().With("Content-Type", kind).Put("/"+w.topic, text))
				require.Equal(t, w.plain(m, want), m)
			}
		}
		for value, code := range map[string]int{
			strings.Repeat("t,", 10_000): 40058, strings.Repeat("🔔,", 129): 40058, strings.Repeat("t", 513): 40058, strings.Repeat("t,", 512): 0, strings.Repeat("🔔,", 128): 0, "a\x00b": 0, "\x00": 0, "\xff,\xfe": 0,
			"𝕬,🔔": 0, "a\nb": 0,
		} {
			answer := w.Loose().Post("/", object{"topic": w.topic, "tags": strings.Split(value, ",")})
			if code != 0 {
				answer.Refused(code)
				continue
			}
			tags := strings.Join(w.heard(answer).Tags, ",")
			require.Equal(t, strings.Trim(strings.ToValidUTF8(strings.ReplaceAll(value, "\x00", ""), "\ufffd"), ","), tags)
		}
		w.stored()
	})
}

// Many large requests at once: each is refused, everybody else is served, and the
// memory stays.
func TestFloods(t *testing.T) {
	Long(t)
	Own(t, nil, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		other, topic := NewUser(t, s), NewTopic()
		c := w.Loose()
		path := "/" + w.topic
		c.With("Filename", "f").Put(path, noise(16<<20)).Refused(41301)
		before := processMemory(t, s)
		topics := strings.Repeat("topic,", 100_000) + "topic"
		requests := []func(ctx context.Context) (*Answer, error){
			func(ctx context.Context) (*Answer, error) { return c.Try(ctx, "PUT", "/"+topics, "m") },
			func(ctx context.Context) (*Answer, error) { return c.Try(ctx, "GET", "/"+topics+"/json", nil) },
			func(ctx context.Context) (*Answer, error) {
				return c.Try(ctx, "POST", "/", `{"topic":"`+w.topic+`","x":`+strings.Repeat("[", 60_000)+"}")
			},
			func(ctx context.Context) (*Answer, error) {
				return c.Try(ctx, "POST", "/", strings.Repeat(" ", 10<<20))
			},
			func(ctx context.Context) (*Answer, error) {
				return c.With("X-Template", "yes", "X-Message", "{{.}}").Try(ctx, "POST", path, `{"a":`+strings.Repeat("[", 120_000))
			},
			func(ctx context.Context) (*Answer, error) {
				return c.With("X-Template", "yes", "X-Message", "{{.}}").Try(ctx, "POST", path, ioReader(strings.Repeat("[", 10<<20)))
			},
			func(ctx context.Context) (*Answer, error) {
				return c.With("X-Actions", "["+strings.Repeat(`{"action":"copy","label":"L","value":"v"},`, 1000)+"null]").Try(ctx, "PUT", path, "m")
			},
			func(ctx context.Context) (*Answer, error) {
				return c.Try(ctx, "GET", path+"/json?poll=1&tags="+url.QueryEscape(strings.Repeat(",", 5000))+"&since=x", nil)
			},
			func(ctx context.Context) (*Answer, error) {
				return c.Try(ctx, "PUT", path, ioReader(strings.Repeat("x", 16<<20)))
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
		defer cancel()
		var flood sync.WaitGroup
		for i, request := range requests {
			for range 6 {
				flood.Go(func() {
					answer, err := request(ctx)
					if err != nil {
						// Who is refused while sending may see nothing but the end of the connection.
						if ctx.Err() != nil {
							t.Errorf("request %d: %v", i, err)
						}
						return
					}
					if answer.Status/100 != 4 {
						t.Errorf("request %d: status %d: %.300s", i, answer.Status, answer.Body)
					}
				})
			}
		}
		served := 0
		for ; served < 20; served++ {
			if _, err := other.TryPublish(ctx, topic, fmt.Sprint(served)); err != nil {
				t.Errorf("another user is not served: %v", err)
				break
			}
		}
		flood.Wait()
		require.Len(t, other.Poll(topic, ""), served)
		require.Less(t, processMemory(t, s)-before, growth())
		require.Empty(t, files(t, s))
		w.silent()
		require.JSONEq(t, `{"healthy":true}`, string(w.Get("/v1/health").Want(200).Body))
	})
}
