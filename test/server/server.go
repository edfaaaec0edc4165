// Package server starts the real Carillon binary for black-box tests.
//
// It builds the binary once per test process, the way the tests themselves were
// built (tags, race detector), starts it as a process of its own in an empty
// folder with settings in its environment, and stops it again. It knows the
// outside of the process only: settings, the line that tells the address, exit
// status, log. It imports no package of the product and speaks no face's language.
//
// Every process has to end well: on cleanup it gets SIGTERM, must exit 0 within
// 15 seconds, and its log must hold neither a panic, nor a data race, nor one of
// the secrets that the test gave to Secret.
package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-push/carillon/test/dialect"
)

const (
	// startLimit is generous: a binary with the race detector on a loaded machine.
	startLimit = 90 * time.Second
	stopLimit  = 15 * time.Second
)

var listening = regexp.MustCompile(`listening on (http://\S+)`)

// Server is a running Carillon process, or one that can be started again in the
// same place.
type Server struct {
	Place

	mu      sync.Mutex
	url     string
	secrets []string
	process *process
}

// process is one run of the binary.
type process struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{} // closed when the process has ended
	err    error         // set before ended is closed
}

// Start starts a server on a fresh database of the dialect and stops it when
// the test ends. The settings are added to the defaults of NewPlace.
func Start(t testing.TB, d dialect.Dialect, settings map[string]string) *Server {
	t.Helper()
	return NewPlace(t, d, settings).Start(t)
}

// Start starts a server in the place and stops it when the test ends.
func (p Place) Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Place: p}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// StartAll starts a server in each of the places at the same moment, and stops
// them when the test ends.
func StartAll(t testing.TB, places ...Place) []*Server {
	t.Helper()
	servers := make([]*Server, len(places))
	failed := make([]error, len(places))
	var wait sync.WaitGroup
	for i, place := range places {
		servers[i] = &Server{Place: place}
		wait.Go(func() { failed[i] = servers[i].start() })
	}
	wait.Wait()
	t.Cleanup(func() {
		for _, s := range servers {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		}
	})
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	return servers
}

// URL returns the address of the running server without a slash at its end,
// like http://127.0.0.1:34567. It changes with every restart.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Secret names a string that must never stand in the log.
func (s *Server) Secret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret)
}

// Stop asks the process to end with SIGTERM and fails the test when it does not
// end well. It does nothing when the process does not run.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
}

// Terminate sends SIGTERM and does not wait.
func (s *Server) Terminate(t testing.TB) {
	t.Helper()
	if err := s.running().cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the process with SIGKILL, the way a power cut would.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p := s.running()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	s.mu.Lock()
	s.process = nil
	s.mu.Unlock()
	if err := s.judge(p); err != nil {
		t.Fatal(err)
	}
}

// Restart stops the process when it runs, and starts it again on the same
// database and in the same folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Output returns what the running process has written to stdout and stderr.
func (s *Server) Output() (stdout, stderr string) {
	p := s.running()
	return p.stdout.String(), p.stderr.String()
}

func (s *Server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

func (s *Server) start() error {
	cmd, err := s.Command("serve")
	if err != nil {
		return err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	address := make(chan string, 1)
	out, in := io.Pipe()
	cmd.Stdout = io.MultiWriter(&p.stdout, in)
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		p.err = cmd.Wait()
		in.Close()
		close(p.ended)
	}()
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
				break
			}
		}
		io.Copy(io.Discard, out) //nolint:errcheck // reads to the end, whatever it is
	}()
	select {
	case url := <-address:
		s.mu.Lock()
		s.url, s.process = url, p
		s.mu.Unlock()
		return nil
	case <-p.ended:
		return fmt.Errorf("the server ended before it listened: %w\n%s", p.err, p.tail())
	case <-time.After(startLimit):
		cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		<-p.ended
		return fmt.Errorf("the server did not listen within %s\n%s", startLimit, p.tail())
	}
}

func (s *Server) stop() error {
	s.mu.Lock()
	p := s.process
	s.process = nil
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		p.cmd.Process.Signal(syscall.SIGQUIT) //nolint:errcheck // shows where it hangs; Kill follows
		select {
		case <-p.ended:
		case <-time.After(time.Second):
			p.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
			<-p.ended
		}
		return fmt.Errorf("the server did not exit within %s of SIGTERM\n%s", stopLimit, p.tail())
	}
	if p.err != nil {
		return fmt.Errorf("the server ended with %w\n%s", p.err, p.tail())
	}
	return s.judge(p)
}
