package dialect

import (
	"fmt"
	"os"
	"testing"
)

// NotRun skips the test because something outside of it is missing, and says so
// where the person who started the tests sees it: on stderr, and in the file
// named by TEST_NOT_RUN, because go test hides the output of packages that
// pass. With CI set it fails the test instead.
func NotRun(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("NOT RUN: %s", why)
	}
	t.Skipf("NOT RUN: %v", reported(fmt.Errorf("%s: %s", t.Name(), why)))
}

// reported tells the person who started the tests what did not run. It returns
// err, which may be nil.
func reported(err error) error {
	if err == nil {
		return nil
	}
	line := "NOT RUN: " + err.Error()
	fmt.Fprintln(os.Stderr, line)
	if path := os.Getenv("TEST_NOT_RUN"); path != "" {
		if failed := appendLine(path, line); failed != nil {
			fmt.Fprintln(os.Stderr, "TEST_NOT_RUN:", failed)
		}
	}
	return err
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
