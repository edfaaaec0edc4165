package database_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

func TestAFullDisk(t *testing.T) {
	for _, d := range dialect.All() {
		if d.Remote {
			continue // no test may fill the disk of a database server
		}
		folder := t.TempDir()
		if err := syscall.Mount("carillon-test", folder, "tmpfs", 0, "size=2m"); err != nil {
			dialect.NotRun(t, "mounting a small disk: "+err.Error()+" (it needs root)")
		}
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, 0)) })
		s := on(t, d, filepath.Join(folder, "x.db"))
		a := s.application(s.user("u"))
		first := s.message(a)

		ballast := filepath.Join(folder, "ballast")
		fill(t, ballast)
		var acknowledged []int64
		for range 2000 {
			m := s.newMessage(a)
			m.Message = strings.Repeat("x", 4000)
			err := s.CreateMessage(s.ctx, m)
			if err != nil {
				requireKind(t, model.Unavailable, err)
				break
			}
			acknowledged = append(acknowledged, m.ID)
		}
		require.Less(t, len(acknowledged), 2000, "the disk never was full")
		requireKind(t, model.Unavailable, s.CreateMessage(s.ctx, s.newMessage(a)))
		requireKind(t, model.Unavailable, s.CreateUser(s.ctx, &model.User{Name: strings.Repeat("x", 100_000), CreatedAt: model.Now()}))
		require.Equal(t, append([]int64{first.ID}, acknowledged...), ids(s.history(a)), "reading goes on")

		require.NoError(t, os.Remove(ballast))
		last := s.message(a)
		require.Equal(t, upTo(1, last.ID), ids(s.history(a)))
		require.Equal(t, upTo(1, last.ID), s.log.ids())
		require.NoError(t, s.Close())
		again, err := database.Open(s.ctx, database.Options{Dialect: d.Name, Connection: s.connection})
		require.NoError(t, err)
		require.NoError(t, again.Close())
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	block := make([]byte, 4096)
	for started := time.Now(); ; {
		if _, err := file.Write(block); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			return
		}
		require.Less(t, time.Since(started), patience)
	}
}
