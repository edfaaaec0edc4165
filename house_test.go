package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// output is what a program writes, for a test to read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await returns what the pattern's group matches as soon as it was written.
func (o *output) await(t *testing.T, pattern string) string {
	t.Helper()
	expression, limit := regexp.MustCompile(pattern), time.After(patience)
	for {
		if found := expression.FindStringSubmatch(o.String()); found != nil {
			return found[1]
		}
		select {
		case <-o.more:
		case <-limit:
			t.Fatalf("%q is not in %q", pattern, o)
		}
	}
}

// house is a place for the program to run in.
type house struct {
	t   *testing.T
	dir string
	// environ holds settings by their variables, without CARILLON_.
	environ map[string]string
}

// newHouse makes an empty folder the current one. Settings are "NAME=value".
func newHouse(t *testing.T, settings ...string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), environ: map[string]string{}}
	t.Chdir(h.dir)
	h.set("SERVER_LISTENADDR=127.0.0.1", "SERVER_PORT=0", "DEFAULTUSER_PASS=the first password", "SERVER_TIMEOUTS_SHUTDOWN=5s")
	h.set(settings...)
	return h
}

func (h *house) set(settings ...string) {
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		h.environ["CARILLON_"+name] = value
	}
}

func (h *house) variables() (all []string) {
	for name, value := range h.environ {
		all = append(all, name+"="+value)
	}
	return all
}

// call is a call of the program that has ended.
type call struct {
	out, log string
	err      error
}

// run runs the program to its end; input is what is typed.
func (h *house) run(input string, args ...string) call {
	h.t.Helper()
	out, log := newOutput(), newOutput()
	err := run(h.t.Context(), args, h.variables(), h.file(input), out, log)
	return call{out.String(), log.String(), err}
}

// file returns an open file with the text.
func (h *house) file(text string) *os.File {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "input")
	require.NoError(h.t, os.WriteFile(path, []byte(text), 0o600))
	file, err := os.Open(path)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { file.Close() })
	return file
}

// process is a server that runs in this process.
type process struct {
	*house
	out, log *output
	ended    chan error
	stop     context.CancelFunc
}

// start runs the server and stops it at the end of the test.
func (h *house) start(args ...string) *process {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{house: h, out: newOutput(), log: newOutput(), ended: make(chan error, 1), stop: cancel}
	in, environ := h.file(""), h.variables()
	go func() { p.ended <- run(ctx, args, environ, in, p.out, p.log) }()
	h.t.Cleanup(cancel)
	return p
}

// end stops the server and checks that it ended well.
func (p *process) end() {
	p.t.Helper()
	p.stop()
	select {
	case err := <-p.ended:
		require.NoError(p.t, err, "%s", p.log)
	case <-time.After(patience):
		p.t.Fatalf("the server does not stop: %s", p.log)
	}
}

// unixClient returns a client that connects to a socket.
func unixClient(path string) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// get returns the status and the body of an answer.
func get(t *testing.T, client *http.Client, url string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body), response.Header
}

// plainClient returns a client that keeps no connections and follows no
// redirects.
func plainClient() *http.Client {
	return &http.Client{
		Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
