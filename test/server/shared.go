package server

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/carillon-push/carillon/test/dialect"
)

// shared holds the servers that many tests of this process use at once, one per
// dialect. It is state of the package because a test process has no other place
// that outlives a test.
var shared struct {
	sync.Mutex
	servers map[string]*sharedServer
}

type sharedServer struct {
	start sync.Once
	*Server
	err  error
	drop func() error
}

// Shared returns the dialect's server that all tests of the process share. Tests
// that use it make their own users and need no special settings. Main stops it.
func Shared(t testing.TB, d dialect.Dialect) *Server {
	t.Helper()
	d.Need(t)
	shared.Lock()
	if shared.servers == nil {
		shared.servers = map[string]*sharedServer{}
	}
	one := shared.servers[d.Name]
	if one == nil {
		one = &sharedServer{}
		shared.servers[d.Name] = one
	}
	shared.Unlock()
	one.start.Do(func() { one.Server, one.drop, one.err = startShared(d) })
	if one.err != nil {
		t.Fatalf("the shared server on %s: %v", d.Name, one.err)
	}
	return one.Server
}

func startShared(d dialect.Dialect) (*Server, func() error, error) {
	base, err := folder()
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(base, d.Name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, nil, err
	}
	connection, drop, err := d.Create(base)
	if err != nil {
		return nil, nil, err
	}
	s := &Server{Place: newPlace(d, connection, dir, nil)}
	if err := s.start(); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return s, drop, nil
}

// Main runs the tests of a package and then stops the shared servers. A package
// that uses Shared calls it from its TestMain.
func Main(m *testing.M) {
	// The tests mostly wait for other processes, so more of them run at once
	// than there are processors. A flag on the command line wins.
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	os.Exit(code)
}

func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	var all error
	for name, one := range shared.servers {
		if one.err != nil || one.Server == nil {
			continue
		}
		if err := one.stop(); err != nil {
			all = errors.Join(all, fmt.Errorf("the shared server on %s: %w", name, err))
		}
		all = errors.Join(all, one.drop())
	}
	dir, err := folder()
	if err != nil {
		return errors.Join(all, err)
	}
	return errors.Join(all, os.RemoveAll(dir))
}
