package gotify

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// A full disk refuses posts and loses none that was acknowledged; when there is
// space again the server goes on. It is about SQLite, whose file is ours.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, d := range dialect.All() {
		if d.Remote {
			continue
		}
		disk := t.TempDir()
		if err := syscall.Mount("carillon-test", disk, "tmpfs", 0, "size=16m"); err != nil {
			dialect.NotRun(t, "mounting a small disk needs root and the right to mount: "+err.Error())
		}
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
		place := server.NewPlace(t, d, nil)
		place.Settings["database.connection"] = filepath.Join(disk, "carillon.db")
		s := place.Start(t)
		user := NewPerson(t, s)
		sender, book := user.NewSender("app"), newLedger()
		filler := filepath.Join(disk, "filler")
		require.NoError(t, os.WriteFile(filler, make([]byte, 6<<20), 0o600))

		large := strings.Repeat("x", 100_000)
		for i := 0; book.refused == nil; i++ {
			require.Less(t, i, 1000, "the disk does not fill")
			require.NoError(t, book.post(sender, large+strings.Repeat("y", i)))
		}
		require.GreaterOrEqual(t, book.refused.Status, 500)
		book.refused.Refused(book.refused.Status)
		require.NotEmpty(t, book.acked)
		Anonymous(t, s).Get("/version").Want(http.StatusOK)

		require.NoError(t, os.Remove(filler))
		Until(t, "a post after there is space again", func() bool {
			before := len(book.acked)
			require.NoError(t, book.post(sender, "after "+strings.Repeat("z", book.count(book.refused.Status))))
			return len(book.acked) > before
		})
		book.matches(t, user.History())
		s.Restart(t)
		book.matches(t, user.History())
	}
}
