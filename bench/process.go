package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second
	stopLimit  = 15 * time.Second
)

// process is something that listens: the server, or this program in one of its
// other roles. Each has a process of its own, so that they compare.
type process struct {
	name    string
	cmd     *exec.Cmd
	address string // host:port
	log     string // the file with its stderr
	ended   chan struct{}
	err     error // set before ended is closed
}

// The administrator of the servers that are measured.
const (
	adminName     = "admin"
	adminPassword = "the admin of the benchmark"
)

// carillon starts the server in a folder of its own.
func (b *bench) carillon(ctx context.Context, connection string) (*process, error) {
	cmd := exec.Command(b.binary, "serve")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "TMPDIR=" + b.dir,
		"CARILLON_SERVER_LISTENADDR=127.0.0.1", "CARILLON_SERVER_PORT=0",
		"CARILLON_DATABASE_DIALECT=" + b.dialect.Name, "CARILLON_DATABASE_CONNECTION=" + connection,
		"CARILLON_DEFAULTUSER_NAME=" + adminName, "CARILLON_DEFAULTUSER_PASS=" + adminPassword,
		"CARILLON_LIMITS_EXEMPTHOSTS=127.0.0.0/8",
	}
	return b.start(ctx, "carillon", cmd)
}

// self starts this program in another role.
func (b *bench) self(ctx context.Context, args ...string) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.start(ctx, args[0], exec.Command(program, args...))
}

var listening = regexp.MustCompile(`listening on http://(\S+)`)

func (b *bench) start(ctx context.Context, name string, cmd *exec.Cmd) (*process, error) {
	log, err := os.CreateTemp(b.dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// The folder keeps what the server puts into ./data apart from everybody else.
	cmd.Dir = strings.TrimSuffix(log.Name(), filepath.Ext(log.Name()))
	if err := os.Mkdir(cmd.Dir, 0o700); err != nil {
		return nil, err
	}
	cmd.Stderr = log
	out, in := io.Pipe()
	cmd.Stdout = in
	p := &process{name: name, cmd: cmd, log: log.Name(), ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; \"make bench\" builds the server first", err)
	}
	go func() {
		p.err = cmd.Wait()
		in.Close()
		close(p.ended)
	}()
	address := make(chan string, 1)
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
	case p.address = <-address:
		b.say("%s runs as process %d at %s", name, p.pid(), p.address)
		return p, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-p.ended:
		err = fmt.Errorf("%s ended before it listened: %w", name, p.err)
	case <-time.After(startLimit):
		err = fmt.Errorf("%s did not listen within %s", name, startLimit)
	}
	return nil, errors.Join(err, p.stop())
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process and reports it when it did not end well.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill() // it may have ended by itself
		<-p.ended
		return fmt.Errorf("%s did not end within %s\n%s", p.name, stopLimit, p.tail())
	}
	if p.err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, p.err, p.tail())
	}
	return nil
}

// tail is the end of what the process has logged.
func (p *process) tail() []byte {
	const enough = 4 << 10
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(len(text)-enough, 0):]
}

// stopAll ends processes, of which some may be nil, and adds what went wrong.
func stopAll(err *error, all ...*process) {
	for _, p := range all {
		if p != nil {
			*err = errors.Join(*err, p.stop())
		}
	}
}
