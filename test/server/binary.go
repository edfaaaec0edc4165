package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"sync"
)

// Binary returns the path of the binary under test: the one TEST_CARILLON names,
// or one that is built now, once per test process, with the tags of the tests
// and with the race detector when the tests have it.
func Binary() (string, error) { return built() }

// built remembers the binary for the whole test process.
var built = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TEST_CARILLON"); path != "" {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir, err := folder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "carillon")
	arguments := append([]string{"build", "-buildvcs=false", "-o", path}, flags()...)
	cmd := exec.Command("go", append(arguments, ".")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// flags returns the build flags that the test binary itself was built with.
func flags() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var flags []string
	for _, setting := range info.Settings {
		if setting.Key == "-race" || setting.Key == "-tags" {
			flags = append(flags, setting.Key+"="+setting.Value)
		}
	}
	return flags
}

// Raced reports whether the tests and the binary run with the race detector,
// which makes everything several times slower.
func Raced() bool {
	for _, flag := range flags() {
		if flag == "-race=true" {
			return true
		}
	}
	return false
}

// Root returns the folder of the repository: the nearest one upwards that holds
// go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the tests")
		}
		dir = filepath.Dir(dir)
	}
}

// folder returns a folder that lives as long as the test process; Main removes it.
var folder = sync.OnceValues(func() (string, error) {
	return os.MkdirTemp("", "carillon-test-")
})
