package database_test

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

func TestNodesThatStartAtTheSameTimeAllSucceed(t *testing.T) {
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		for range 3 {
			_, connection := d.Fresh(t)
			const starters = 4
			var wg sync.WaitGroup
			for range starters {
				wg.Go(func() {
					db, err := database.Open(t.Context(), database.Options{Dialect: d.Name, Connection: connection})
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := db.LatestMessageID(t.Context()); err != nil {
						t.Error(err)
					}
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			done(t, &wg)
		}
	})
}

func TestWhatWasStoredIsThereAfterAnotherStart(t *testing.T) {
	each(t, func(s *suite) {
		u := s.admin("u")
		a := s.application(u)
		m := s.message(a)
		require.NoError(s, s.Close())
		again := on(s.T, s.dialect, s.connection)
		require.Equal(s, []*model.Message{stored(m)}, again.history(a))
		require.Equal(s, m.ID+1, again.message(a).ID)
		created, err := again.CreateFirstUser(s.ctx, &model.User{Name: "second", CreatedAt: model.Now()})
		require.NoError(s, err)
		require.False(s, created)
	})
}

func TestADatabaseOfANewerVersionIsRefused(t *testing.T) {
	each(t, func(s *suite) {
		s.exec("INSERT INTO migrations (id) VALUES ('9999-from-the-future')")
		_, err := database.Open(s.ctx, database.Options{Dialect: s.dialect.Name, Connection: s.connection})
		requireKind(s, model.Conflict, err)
		require.ErrorContains(s, err, "newer version of Carillon")
		s.exec("DELETE FROM migrations WHERE id = '9999-from-the-future'")
		on(s.T, s.dialect, s.connection)
	})
}

// On MySQL every CREATE TABLE stands alone: a node that dies during a migration
// leaves a part of it.
func TestAnInterruptedMigrationIsFinished(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		s.exec("DROP TABLE sequences")
		s.exec("DROP TABLE messages")
		s.exec("DROP TABLE counters")
		s.exec("DELETE FROM migrations")
		again := on(s.T, s.dialect, s.connection)
		require.EqualValues(s, 1, again.message(again.application(u)).ID)
	})
}

// A database of the version before topics keeps what it holds, also when a node dies
// in the midst of the upgrade.
func TestUpgradeToTopics(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a, b := s.application(u), s.application(u)
		first := s.message(a)
		for _, table := range []string{"sequences", "notices", "scheduled_messages", "attachments", "access_rules", "access_tokens"} {
			s.exec("DROP TABLE " + table)
		}
		if s.dialect.Name == "mysql" {
			s.exec("DROP INDEX idx_applications_topic ON applications")
		} else {
			s.exec("DROP INDEX idx_applications_topic")
		}
		s.exec("ALTER TABLE messages DROP COLUMN details")
		s.exec("ALTER TABLE applications DROP COLUMN topic")
		s.exec("DELETE FROM migrations WHERE id = '0002-topics'")
		again := on(s.T, s.dialect, s.connection)
		require.Equal(s, []*model.Message{stored(first)}, again.history(a))
		without, err := again.TopiclessApplications(s.ctx, 10)
		require.NoError(s, err)
		require.Len(s, without, 2)
		topic := "mine"
		require.NoError(s, again.UpdateApplication(s.ctx, u.ID, a.ID, database.ApplicationChange{Topic: &topic}))
		requireKind(s, model.Conflict, again.UpdateApplication(s.ctx, u.ID, b.ID, database.ApplicationChange{Topic: &topic}))
		require.NoError(s, again.notice(&model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: first.Key}))
		require.Empty(s, again.history(a))

		s.exec("DROP TABLE access_tokens")
		s.exec("DELETE FROM migrations WHERE id = '0002-topics'")
		require.NoError(s, on(s.T, s.dialect, s.connection).CreateAccessToken(s.ctx, &model.AccessToken{UserID: u.ID, TokenHash: hash(), CreatedAt: model.Now()}))
	})
}

// A migration may take longer than any statement of the server, and so may the
// wait for another node's.
func TestAMigrationWaitsForAnotherNode(t *testing.T) {
	eachServer(t, func(s *suite) {
		lock := map[string]string{
			"postgres": "SELECT pg_advisory_lock(4846917)",
			"mysql":    "SELECT GET_LOCK(CONCAT('carillon ', MD5(DATABASE())), 0)",
		}[s.dialect.Name]
		waiting := map[string]string{
			"postgres": "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' " +
				"AND clock_timestamp() - query_start > interval '500 milliseconds'",
			"mysql": "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User lock' AND time >= 1",
		}[s.dialect.Name]
		impatient := map[string]string{"postgres": "statement_timeout=100", "mysql": "readTimeout=100ms"}[s.dialect.Name]

		pool := s.raw()
		other, err := pool.Conn(s.ctx)
		require.NoError(s, err)
		_, err = other.ExecContext(s.ctx, lock)
		require.NoError(s, err)
		opened := make(chan error, 1)
		go func() {
			db, err := database.Open(context.Background(), database.Options{
				Dialect: s.dialect.Name, Connection: with(s.dialect, s.connection, impatient),
			})
			if err == nil {
				err = db.Close()
			}
			opened <- err
		}()
		require.Eventually(s, func() bool { return s.count(waiting) == 1 }, patience, 20*time.Millisecond)
		select {
		case err := <-opened:
			s.Fatal("it did not wait", err)
		default:
		}
		require.NoError(s, other.Close())
		require.NoError(s, pool.Close()) // and with it the connection that holds the lock
		select {
		case err := <-opened:
			require.NoError(s, err)
		case <-time.After(patience):
			s.Fatal("it still waits")
		}
	})
}

// While nodes are upgraded one after the other, the old ones live with a schema
// that has grown.
func TestTheSchemaGrowsUnderARunningNode(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a := s.application(u)
		for range 3 {
			s.message(a)
			require.NotEmpty(s, s.history(a))
			for _, table := range []string{"users", "applications", "messages"} {
				s.exec("ALTER TABLE " + table + " ADD COLUMN c" + strings.ToLower(rand.Text()) + " INTEGER")
			}
			found, err := s.UserByName(s.ctx, u.Name)
			require.NoError(s, err)
			require.Equal(s, u, found)
			_, err = s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
		}
	})
}

func TestTheMigrationLeavesNoSettingsBehind(t *testing.T) {
	each(t, func(s *suite) {
		for setting, want := range map[string]map[string]string{
			"postgres": {
				"current_setting('statement_timeout')":                   "30s",
				"current_setting('lock_timeout')":                        "10s",
				"current_setting('idle_in_transaction_session_timeout')": "30s",
			},
			"mysql": {"@@innodb_lock_wait_timeout": "10", "@@wait_timeout": "30"},
		}[s.dialect.Name] {
			require.Equal(s, want, s.Setting(setting), setting)
		}
	})
}

func TestWrongOptionsAreRefused(t *testing.T) {
	folder := t.TempDir()
	for name, o := range map[string]database.Options{
		"dialect":            {Dialect: "oracle", Connection: "x"},
		"no dialect":         {},
		"no file":            {Dialect: "sqlite3"},
		"memory":             {Dialect: "sqlite3", Connection: ":memory:"},
		"memory URI":         {Dialect: "sqlite3", Connection: "file:x?mode=memory"},
		"a folder":           {Dialect: "sqlite3", Connection: folder},
		"not escaped":        {Dialect: "sqlite3", Connection: "file:%zz"},
		"no parameters":      {Dialect: "sqlite3", Connection: folder + "/x.db?%zz"},
		"no MySQL string":    {Dialect: "mysql", Connection: "localhost"},
		"no MySQL database":  {Dialect: "mysql", Connection: "root@tcp(127.0.0.1:3306)/"},
		"no Postgres string": {Dialect: "postgres", Connection: "host=127.0.0.1 port=many"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := database.Open(t.Context(), o)
			requireKind(t, model.Invalid, err)
			require.Nil(t, db)
			require.True(t, strings.HasPrefix(err.Error(), "database."), "%v", err)
		})
	}
}
