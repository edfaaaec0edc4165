package ntfy

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
)

// program is a running program of somebody else's, whose output a test waits for.
type program struct {
	t     *testing.T
	lines chan string // closed at the end of its output
}

// run starts a program and ends it with the test.
func run(t *testing.T, name string, arguments ...string) *program {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		dialect.NotRun(t, err.Error())
	}
	cmd := exec.Command(path, arguments...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p := &program{t: t, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		for text := bufio.NewScanner(out); text.Scan(); {
			p.lines <- text.Text()
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		cmd.Wait()         //nolint:errcheck // it was killed
		if t.Failed() && complaints.Len() > 0 {
			t.Logf("%s wrote: %s", name, &complaints)
		}
	})
	return p
}

// next returns the next line of the output.
func (p *program) next() string {
	p.t.Helper()
	select {
	case line, open := <-p.lines:
		require.True(p.t, open, "the program has ended")
		return line
	case <-time.After(Patience):
		p.t.Fatalf("no output within %s", Patience)
	}
	return ""
}

// event returns the next line as an event.
func (p *program) event() Message {
	p.t.Helper()
	line := p.next()
	m, err := parse([]byte(line))
	require.NoError(p.t, err, line)
	return m
}

// is returns the next event other than a keepalive, which has to be the named one.
func (p *program) is(event string) Message {
	p.t.Helper()
	for {
		if m := p.event(); m.Event != KeepaliveEvent || event == KeepaliveEvent {
			require.Equal(p.t, event, m.Event)
			return m
		}
	}
}

// rest returns what the program writes until it ends by itself.
func (p *program) rest() []Message {
	p.t.Helper()
	events := []Message{}
	for deadline := time.After(Patience); ; {
		select {
		case line, open := <-p.lines:
			if !open {
				return events
			}
			m, err := parse([]byte(line))
			require.NoError(p.t, err, line)
			events = append(events, m)
		case <-deadline:
			p.t.Fatalf("the program did not end within %s", Patience)
		}
	}
}

// curl runs an example of a page, which names the server in the first way of those
// that it has. What the page has on a terminal comes without delay: -N.
func curl(c *Caller, t *testing.T, command string) *program {
	t.Helper()
	arguments := []string{"-N"}
	for word := range strings.FieldsSeq(command) {
		word = strings.Trim(word, `"`)
		for _, server := range []string{"https://ntfy.example.com", "ntfy.sh"} {
			word = strings.Replace(word, server, c.Server.URL(), 1)
		}
		arguments = append(arguments, word)
	}
	return run(t, "curl", arguments...)
}
