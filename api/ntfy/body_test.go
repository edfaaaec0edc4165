package ntfy

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// taken returns what became of a body: the publication and the file.
func taken(t *testing.T, query, content string) (*publication, string, error) {
	t.Helper()
	pub, err := parsePublication(asked(query), noon)
	require.NoError(t, err)
	// How a body arrives must not matter.
	b := body{Reader: iotest.OneByteReader(strings.NewReader(content)), size: -1}
	file, err := pub.take(b, 16, &templates{})
	if file == nil {
		return pub, "", err
	}
	all, readErr := io.ReadAll(file)
	require.NoError(t, readErr)
	return pub, "file:" + string(all), err
}

func TestBodies(t *testing.T) {
	fits, long := strings.Repeat("x", 16), strings.Repeat("x", 17)
	for _, c := range []struct{ name, query, content, message, file string }{
		{"text", "", "hello", "hello", ""},
		{"trimmed", "", " \n hello\r\n", "hello", ""},
		{"empty", "", "", "", ""},
		{"parameter", "m=hello", "", "hello", ""},
		{"body before parameter", "m=hello", "world", "world", ""},
		{"blank body", "m=hello", " \n", "hello", ""},
		{"the longest text", "", fits, fits, ""},
		{"too long", "", long, "", "file:" + long},
		{"too long, but for white space", "", fits + " ", "", "file:" + fits + " "},
		{"too long with a parameter", "m=see+file", long, "see file", "file:" + long},
		{"not UTF-8", "", "caf\xe9", "", "file:caf\xe9"},
		{"NUL", "", "a\x00b", "ab", ""},
		{"line breaks", "", `a\nb`, `a\nb`, ""},
		{"parameter as a file", "m=" + long, "", "", "file:" + long},
		{"body before a long parameter", "m=" + long, "short", "short", ""},
		{"poll", "poll-id=x", "whatever", "New message", ""},
		{"push", "up=1", " a b\n", " a b\n", ""},
		{"empty push", "up=1", "", "", ""},
		{"binary push", "up=1", "\xff\xfe", base64.StdEncoding.EncodeToString([]byte("\xff\xfe")), ""},
		{"push with NUL", "up=1", "a\x00", base64.StdEncoding.EncodeToString([]byte("a\x00")), ""},
		{"long push", "up=1", long + "tail", fits, ""},
		{"push cut within a letter", "up=1", strings.Repeat("x", 15) + "é", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 15) + "\xc3")), ""},
		{"push before file", "up=1&filename=x", "abc", "abc", ""},
		{"poll before push", "up=1&poll-id=x", "abc", "New message", ""},
		{"attached", "attach=https://x/y", " hi ", "hi", ""},
		{"attached, long", "attach=https://x/y", long, fits, ""},
		{"attached, cut within a letter", "attach=https://x/y", strings.Repeat("x", 14) + "😂", strings.Repeat("x", 14), ""},
		{"attached before file", "attach=https://x/y&filename=z", "hi", "hi", ""},
		{"file", "filename=x", "hi", "", "file:hi"},
		{"file with text", "filename=x&m=look", "\xff", "look", "file:\xff"},
		{"empty file", "filename=x", "", "", "file:"},
		{"file before template", "filename=x&template=yes", "{}", "", "file:{}"},
		{"template", "template=yes&m={{.a}}\\n{{.b}}&t=T+{{.a}}", `{"a":1,"b":"c"}`, "1\nc", ""},
		{"template without text", "template=yes", `{"a":1}`, "", ""},
	} {
		pub, file, err := taken(t, c.query, c.content)
		require.NoError(t, err, c.name)
		require.Equal(t, c.message, pub.Message, c.name)
		require.Equal(t, c.file, file, c.name)
		require.Equal(t, strings.HasSuffix(pub.Message, "=") && pub.push, pub.Details.Base64, c.name)
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		query, content string
		code           int
	}{
		{"attach=https://x/y", "\xe9", 40011},
		{"attach=https://x/y", strings.Repeat("x", 15) + "\xff\xff", 40011},
		{"attach=https://x/y&m=" + strings.Repeat("x", 17), "", 40000},
		{"filename=x&m=" + strings.Repeat("x", 17), "abc", 40000},
		{"template=yes", strings.Repeat("x", maxTemplateBody+1), 41303},
		{"template=yes", "not JSON", 40042},
		{"template=yes&m={{", "{}", 40043},
		{"template=yes&m={{template+1}}", "{}", 40043},
		{"template=yes&m={{call+1}}", "{}", 40044},
		{"template=yes&m={{index+1+1}}", "{}", 40045},
		{"template=yes&m=01234567890123456", "{}", 40041},
		{"template=yes&t={{range+2000}}x{{end}}", "{}", 40041},
		{"template=yes&p={{.p}}", `{"p":9}`, 40007},
		{"template=nosuch", "{}", 40047},
		{"template=../x", "{}", 40047},
	} {
		_, _, err := taken(t, c.query, c.content)
		require.Error(t, err, c.query)
		requireRefused(t, c.code, err)
	}
}

func TestTemplatedPriority(t *testing.T) {
	pub, _, err := taken(t, `template=yes&p={{if+.bad}}high{{end}}`, `{"bad":true}`)
	require.NoError(t, err)
	require.Equal(t, 4, pub.priority)
	pub, _, err = taken(t, `template=yes&p={{if+.bad}}high{{end}}`, `{}`)
	require.NoError(t, err)
	require.Equal(t, 0, pub.priority)
}

func TestKindOfAnnouncedBodies(t *testing.T) {
	for query, want := range map[string]bodyKind{
		"": fileBody, "up=1": pushedBody, "poll-id=1": droppedBody, "attach=http://x": besideBody, "filename=x": fileBody, "template=1": sourceBody,
	} {
		pub, err := parsePublication(asked(query), noon)
		require.NoError(t, err)
		require.Equal(t, want, pub.kind(1<<30, 16), query)
	}
	require.Equal(t, plainBody, (&publication{Draft: model.Draft{Details: &model.Details{}}}).kind(16, 16))
	require.Equal(t, plainBody, (&publication{Draft: model.Draft{Details: &model.Details{}}}).kind(-1, 16))
}

func TestBodiesThatDoNotArrive(t *testing.T) {
	for _, query := range []string{"", "up=1", "attach=https://x/y", "template=yes"} {
		for err, code := range map[error]int{
			io.ErrUnexpectedEOF: 40000, os.ErrDeadlineExceeded: 40800, &http.MaxBytesError{Limit: 5}: 41301,
		} {
			pub, parseErr := parsePublication(asked(query), noon)
			require.NoError(t, parseErr)
			_, got := pub.take(body{Reader: iotest.ErrReader(err), size: -1}, 16, &templates{})
			requireRefused(t, code, got)
		}
	}
	pub, err := parsePublication(asked("poll-id=x"), noon)
	require.NoError(t, err)
	_, err = pub.take(body{Reader: iotest.ErrReader(errors.New("nobody looks at it")), size: -1}, 16, &templates{})
	require.NoError(t, err)
}

func TestPatientReaderMovesTheDeadline(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 100)))
	p := newPatientReader(httptest.NewRecorder(), r) // which has no deadlines, and does not mind
	_, err := p.Read(make([]byte, 1))
	require.NoError(t, err)

	var deadlines []time.Time
	p.deadline = func(at time.Time) error {
		deadlines = append(deadlines, at)
		return nil
	}
	p.start = time.Now().Add(-time.Hour) // it takes much too long
	_, err = p.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, p.start.Add(bodyPause), deadlines[0])

	p.read = 7200 * bodyRate // unless enough has come
	_, err = p.Read(make([]byte, 1))
	require.NoError(t, err)
	require.True(t, deadlines[1].After(time.Now()))
	require.True(t, deadlines[1].Before(p.start.Add(2*time.Hour)))

	_, err = io.ReadAll(p)
	require.NoError(t, err)
	require.True(t, deadlines[len(deadlines)-1].IsZero(), "after the end, nothing is waited for")
}

func FuzzBody(f *testing.F) {
	f.Add("hello", 16)
	f.Add("\xf0\x9f\x98\x82", 2)
	f.Add("a\x00\xff", 0)
	f.Fuzz(func(t *testing.T, content string, limit int) {
		limit = min(max(limit, 0), 64)
		whole := wholeRunes([]byte(content))
		require.True(t, strings.HasPrefix(content, string(whole)))
		require.Less(t, len(content)-len(whole), 4)
		for _, query := range []string{"", "up=1", "attach=https://x", "filename=x"} {
			pub, err := parsePublication(asked(query), noon)
			require.NoError(t, err)
			file, err := pub.take(body{Reader: strings.NewReader(content), size: -1}, limit, &templates{})
			if err != nil {
				requireRefused(t, 40011, err)
				continue
			}
			if file != nil {
				all, err := io.ReadAll(file)
				require.NoError(t, err)
				require.Equal(t, content, string(all))
				continue
			}
			require.NoError(t, model.CheckText("message", pub.Message))
			switch {
			case pub.Details.Base64:
				raw, err := base64.StdEncoding.DecodeString(pub.Message)
				require.NoError(t, err)
				require.Equal(t, content[:min(limit, len(content))], string(raw))
			case pub.push:
				require.Equal(t, content[:min(limit, len(content))], pub.Message)
			default:
				require.LessOrEqual(t, len(pub.Message), limit)
			}
		}
	})
}
