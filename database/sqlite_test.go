package database_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carillon-push/carillon/database"
	"github.com/stretchr/testify/require"
)

func TestSQLiteSettings(t *testing.T) {
	folder := t.TempDir()
	for name, connection := range map[string]string{
		"a plain path":               "plain.db",
		"a folder that is not there": "new/folder/x.db",
		"signs in the path":          "a b%20c#ä;&.db",
		"a URI":                      "file:uri%20x.db",
		"settings that are not for choice": "choice.db?_journal_mode=DELETE&_sync=OFF&_fk=off&_txlock=deferred&_query_only=false" +
			"&_busy_timeout=1&cache=shared&_journal=OFF&_timeout=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(folder)
			db, err := database.Open(t.Context(), database.Options{Dialect: "sqlite3", Connection: connection})
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			for pragma, want := range map[string][2]string{
				"journal_mode": {"wal", "wal"}, "synchronous": {"2", "2"}, "foreign_keys": {"1", "1"}, "query_only": {"0", "1"},
			} {
				require.Equal(t, want[0], db.WriterSetting(pragma+" FROM pragma_"+pragma), "the writer's %s", pragma)
				require.Equal(t, want[1], db.Setting(pragma+" FROM pragma_"+pragma), "the readers' %s", pragma)
			}
			require.Equal(t, "5000", db.WriterSetting("timeout FROM pragma_busy_timeout"))
		})
	}
	for path, mode := range map[string]os.FileMode{
		"plain.db": 0o600, "new": 0o700 | os.ModeDir, "new/folder": 0o700 | os.ModeDir, "new/folder/x.db": 0o600,
		"a b%20c#ä;&.db": 0o600, "uri x.db": 0o600, "choice.db": 0o600,
	} {
		info, err := os.Stat(filepath.Join(folder, path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), path)
	}
}
