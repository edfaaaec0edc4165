package ntfy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// witness is a user who publishes to a topic, listens to it, and compares: the
// answer to a publish is what streams carry and what is stored.
type witness struct {
	*User
	topic  string
	stream *Stream
	said   []Message
}

func newWitness(t *testing.T, s *server.Server) *witness {
	t.Helper()
	w := &witness{User: NewUser(t, s), topic: NewTopic()}
	w.stream = w.Subscribe("/" + w.topic + "/json")
	return w
}

// heard fails the test when the stream does not carry the message in the answer,
// and returns it.
func (w *witness) heard(answer *Answer) Message {
	w.T.Helper()
	m := answer.Message()
	require.Equal(w.T, m, w.stream.NextEvent(m.Event), answer.what)
	w.said = append(w.said, m)
	return m
}

// put publishes by PUT; see Publish for the headers.
func (w *witness) put(body any, headers ...string) Message {
	w.T.Helper()
	return w.heard(w.With(headers...).Put("/"+w.topic, body))
}

// stored fails the test when something else is stored than what was heard.
func (w *witness) stored() {
	w.T.Helper()
	require.Equal(w.T, w.said, w.Poll(w.topic, ""))
	w.said = w.said[:len(w.said):len(w.said)]
}

// silent fails the test when something was published since the last message that
// was heard, or is stored beside those that were.
func (w *witness) silent() {
	w.T.Helper()
	w.put("nothing was in between")
	w.stored()
}

// plain is a message with nothing but a text.
func (w *witness) plain(m Message, text string) Message {
	return Message{ID: m.ID, Time: m.Time, Event: MessageEvent, Topic: w.topic, Message: text}
}

// connection is one to the server on which the test says what it likes.
type connection struct {
	net.Conn
	t      testing.TB
	reader *bufio.Reader
}

// dial opens a connection that ends with the test.
func dial(t testing.TB, s *server.Server) *connection {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(3*Patience)))
	return &connection{Conn: conn, t: t, reader: bufio.NewReader(conn)}
}

// say sends a text. Who is refused early may not get rid of all of it.
func (c *connection) say(format string, values ...any) *connection {
	_, _ = fmt.Fprintf(c.Conn, format, values...)
	return c
}

// answer reads an answer to its end.
func (c *connection) answer(what string) *Answer {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, nil)
	require.NoError(c.t, err, what)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err, what)
	return &Answer{t: c.t, what: what, Status: response.StatusCode, Header: response.Header, Body: body}
}

// raw sends the head of a request with the user's token, and what follows it, and
// returns the answer. The head is lines without the version and the line ends.
func (u *User) raw(t testing.TB, head, body string) *Answer {
	t.Helper()
	lines := strings.Split(head, "\n")
	c := dial(t, u.Server)
	go c.say("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n%s", lines[0], u.Token, strings.Join(lines[1:], "\r\n"), body)
	return c.answer(fmt.Sprintf("%.200q", head))
}

// processMemory returns the most memory that the server's process has had so far,
// in bytes.
func processMemory(t testing.TB, s *server.Server) int64 {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(t, err)
	dir, err := filepath.EvalSymlinks(s.Dir)
	require.NoError(t, err)
	for _, folder := range folders {
		if at, err := os.Readlink(folder); err != nil || at != dir {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(folder), "status"))
		require.NoError(t, err)
		for line := range strings.Lines(string(status)) {
			if name, value, _ := strings.Cut(line, ":"); name == "VmHWM" {
				kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
				require.NoError(t, err)
				return kilobytes << 10
			}
		}
	}
	dialect.NotRun(t, "the memory of a process is not to be seen here: there is no /proc")
	return 0
}

// growth is how much more memory a server may take under attack, in bytes. The race
// detector multiplies what a program takes.
func growth() int64 {
	if server.Raced() {
		return 800 << 20
	}
	return 80 << 20
}

// file downloads what a message tells of, without credentials.
func (w *witness) file(m Message) *Answer {
	w.T.Helper()
	return Anonymous(w.T, w.Server).Get(w.path(m)).Want(http.StatusOK)
}

// path returns where the file of a message is.
func (w *witness) path(m Message) string {
	w.T.Helper()
	require.NotNil(w.T, m.Attachment)
	path, ours := strings.CutPrefix(m.Attachment.URL, w.Server.URL())
	require.True(w.T, ours, m.Attachment.URL)
	require.Regexp(w.T, `^/file/[0-9A-Za-z]{28}(\.[0-9A-Za-z]{1,16})?$`, path)
	return path
}
