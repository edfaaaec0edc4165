package database_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

const benchText = "a message of about a hundred characters that says something about a thing that happened somewhere"

// BenchmarkCreateMessage measures acknowledged messages with 1, 16 and 256 senders
// at a time. Compare it with BenchmarkRawInsert of as many rows as the group commit
// reached for a commit; times on disk are mostly those of fsync, so set TMPDIR to a
// folder in memory to see what SQLite itself and this package cost.
func BenchmarkCreateMessage(b *testing.B) {
	for _, d := range dialect.All() {
		for _, senders := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", d.Name, senders), func(b *testing.B) { benchmarkCreate(b, d, senders) })
		}
	}
}

func benchmarkCreate(b *testing.B, d dialect.Dialect, senders int) {
	ctx := context.Background()
	var commits, next atomic.Int64
	_, _, db, a := benchDatabase(b, d, func([]*model.Event) { commits.Add(1) })
	keys := model.NewKeys()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(ctx) // as a request's context is
			defer cancel()
			for next.Add(1) <= int64(b.N) {
				m := &model.Message{Key: keys.Next(time.Now()), ApplicationID: a, Title: "a title", Message: benchText, Date: model.Now()}
				if err := db.CreateMessage(ctx, m); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(b.N)/float64(commits.Load()), "msg/commit")
}

// BenchmarkRawInsert is the limit: one connection, one prepared INSERT of several
// rows in a transaction that takes its ids from the counter, nobody who waits.
func BenchmarkRawInsert(b *testing.B) {
	for _, d := range dialect.All() {
		for _, rows := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/%d", d.Name, rows), func(b *testing.B) { benchmarkRaw(b, d, rows) })
		}
	}
}

func benchmarkRaw(b *testing.B, d dialect.Dialect, rows int) {
	driver, connection, db, a := benchDatabase(b, d, nil)
	require.NoError(b, db.Close())
	ctx := context.Background()
	pool, err := sql.Open(driver, connection)
	require.NoError(b, err)
	defer pool.Close()
	raw, err := pool.Conn(ctx)
	require.NoError(b, err)
	defer raw.Close()
	const columns = 10
	place, begin := func(int) string { return "?" }, "BEGIN"
	switch d.Name {
	case "postgres":
		place = func(n int) string { return fmt.Sprint("$", n) }
	case "sqlite3":
		begin = "BEGIN IMMEDIATE"
	}
	row := make([]string, rows)
	for i := range row {
		places := make([]string, columns)
		for j := range places {
			places[j] = place(i*columns + j + 1)
		}
		row[i] = "(" + strings.Join(places, ",") + ")"
	}
	insert, err := raw.PrepareContext(ctx, "INSERT INTO messages (id, message_key, application_id, title, title_defaulted, message, priority, "+
		"priority_defaulted, extras, date) VALUES "+strings.Join(row, ","))
	require.NoError(b, err)
	defer insert.Close()
	count, err := raw.PrepareContext(ctx, "UPDATE counters SET value = value + "+place(1)+" WHERE name = 'message'")
	require.NoError(b, err)
	defer count.Close()
	read, err := raw.PrepareContext(ctx, "SELECT value FROM counters WHERE name = 'message'")
	require.NoError(b, err)
	defer read.Close()
	keys := model.NewKeys()
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += rows {
		_, err := raw.ExecContext(ctx, begin)
		require.NoError(b, err)
		_, err = count.Exec(rows)
		require.NoError(b, err)
		var last int64
		require.NoError(b, read.QueryRow().Scan(&last))
		values := make([]any, 0, rows*columns)
		for j := range rows {
			values = append(values, last-int64(j), keys.Next(time.Now()), a, "a title", false, benchText, 0, false, "", time.Now().UnixMicro())
		}
		_, err = insert.Exec(values...)
		require.NoError(b, err)
		_, err = raw.ExecContext(ctx, "COMMIT")
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func benchDatabase(b *testing.B, d dialect.Dialect, committed func([]*model.Event)) (driver, connection string, db *database.DB, application int64) {
	_, connection = d.Fresh(b)
	db, err := database.Open(b.Context(), database.Options{Dialect: d.Name, Connection: connection, Committed: committed})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	u := &model.User{Name: "u", CreatedAt: model.Now()}
	require.NoError(b, db.CreateUser(b.Context(), u))
	a := newApplication(u)
	require.NoError(b, db.CreateApplication(b.Context(), a))
	if d.Name == "sqlite3" {
		connection = "file:" + connection + "?_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_txlock=immediate"
	}
	return map[string]string{"sqlite3": "sqlite3", "postgres": "pgx", "mysql": "mysql"}[d.Name], connection, db, a.ID
}

// BenchmarkMessagesBefore measures a page of the newest and of a deep place in a
// history, for a user of 1, 20 and 200 applications among messages of others.
func BenchmarkMessagesBefore(b *testing.B) {
	for _, d := range dialect.All() {
		for _, applications := range []int{1, 20, 200} {
			b.Run(fmt.Sprintf("%s/%d", d.Name, applications), func(b *testing.B) { benchmarkPage(b, d, applications) })
		}
	}
}

func benchmarkPage(b *testing.B, d dialect.Dialect, applications int) {
	_, _, db, other := benchDatabase(b, d, nil)
	ctx := context.Background()
	u := &model.User{Name: "reader", CreatedAt: model.Now()}
	require.NoError(b, db.CreateUser(ctx, u))
	owned := make([]int64, applications)
	for i := range owned {
		a := newApplication(u)
		require.NoError(b, db.CreateApplication(ctx, a))
		owned[i] = a.ID
	}
	keys := model.NewKeys()
	var wg sync.WaitGroup
	const senders, each = 250, 40
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				m := &model.Message{Key: keys.Next(time.Now()), ApplicationID: other, Title: "a title", Message: benchText, Date: model.Now()}
				if j%2 == 0 {
					m.ApplicationID = owned[(i+j)%len(owned)]
				}
				if err := db.CreateMessage(ctx, m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for name, before := range map[string]int64{"newest": 1 << 60, "deep": senders * each / 3} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, _, err := db.MessagesBefore(ctx, owned, before, 100)
				require.NoError(b, err)
				require.Len(b, page, 100)
			}
		})
	}
}
