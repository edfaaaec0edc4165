package database_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

// behindProxy opens a fresh database of every server through a proxy.
func behindProxy(t *testing.T, f func(s *suite, p *proxy)) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		_, connection := d.Fresh(t)
		p := newProxy(t, d.Address(connection))
		s := on(t, d, d.Through(connection, p.address))
		s.connection = connection // what the test itself looks at goes straight to the server
		f(s, p)
	})
}

func TestTheDatabaseGoesAwayAndComesBack(t *testing.T) {
	behindProxy(t, func(s *suite, p *proxy) {
		a := s.application(s.user("u"))
		const senders = 16
		var wg sync.WaitGroup
		var sent, refused atomic.Int64
		var mu sync.Mutex
		var acknowledged []int64
		stop := make(chan struct{})
		for range senders {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					m := s.newMessage(a)
					if err := s.CreateMessage(s.ctx, m); err != nil {
						s.checkKind(model.Unavailable, err)
						refused.Add(1)
						continue
					}
					sent.Add(1)
					mu.Lock()
					acknowledged = append(acknowledged, m.ID)
					mu.Unlock()
				}
			})
		}
		until := func(n *atomic.Int64, more int64) {
			s.Helper()
			want := n.Load() + more
			require.Eventually(s, func() bool { return n.Load() >= want }, patience, time.Millisecond)
		}
		for range 3 {
			until(&sent, 50)
			p.cut()
			until(&refused, senders)
			_, err := s.Users(s.ctx)
			requireKind(s, model.Unavailable, err)
			requireKind(s, model.Unavailable, s.Ping(s.ctx))
			requireKind(s, model.Unavailable, s.CreateUser(s.ctx, &model.User{Name: "away", CreatedAt: model.Now()}))
			p.restore()
			until(&sent, 50)
			require.NoError(s, s.Ping(s.ctx))
			_, err = s.Users(s.ctx)
			require.NoError(s, err)
		}
		close(stop)
		done(s, &wg)
		last := s.message(a)
		history := ids(s.history(a))
		require.Subset(s, history, acknowledged, "everything acknowledged is stored")
		require.Equal(s, upTo(1, last.ID), history)
		require.Equal(s, history, s.log.ids(), "everything stored is announced once, in order")
	})
}

// Connections that died are no reason to bother anybody.
func TestLostConnectionsAreReplaced(t *testing.T) {
	behindProxy(t, func(s *suite, p *proxy) {
		u := s.user("u")
		a := s.application(u)
		for range 10 {
			p.drop()
			s.message(a)
			p.drop()
			_, err := s.Users(s.ctx)
			require.NoError(s, err)
			p.drop()
			password := "changed"
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{Password: &password}))
		}
		require.Equal(s, upTo(1, 10), ids(s.history(a)))
	})
}

func TestALostCommit(t *testing.T) {
	for name, fate := range map[string]int32{"before it was carried out": loseRequest, "after it was carried out": loseAnswer} {
		t.Run(name, func(t *testing.T) {
			behindProxy(t, func(s *suite, p *proxy) {
				u := s.user("u")
				a, gone := s.application(u), s.application(u)
				require.NoError(s, s.DeleteApplication(s.ctx, u.ID, gone.ID))
				for round := range int64(3) {
					p.onCommit.Store(fate)
					m := s.newMessage(a)
					require.NoError(s, s.CreateMessage(s.ctx, m))
					require.Equal(s, pass, p.onCommit.Load(), "no commit came by")
					require.Equal(s, round+1, m.ID)
					require.True(s, s.log.heard(m.ID))
				}
				require.Equal(s, upTo(1, 3), ids(s.history(a)), "stored once each")
				require.Equal(s, upTo(1, 3), s.log.ids(), "announced once each")

				// The same for groups, of which some messages are refused.
				const senders, each, good = 20, 20, 20 * 20 * 4 / 5
				commits := p.commits.Load()
				p.onFourth.Store(fate)
				var wg sync.WaitGroup
				for i := range senders {
					wg.Go(func() {
						for range each {
							m, want := s.newMessage(a), model.Kind(0)
							if i%5 == 0 {
								m.ApplicationID, want = gone.ID, model.NotFound
							}
							s.checkKind(want, s.CreateMessage(s.ctx, m))
						}
					})
				}
				done(s, &wg)
				require.Greater(s, p.commits.Load(), commits+4)
				require.Equal(s, upTo(1, 3+good), ids(s.history(a)))
				require.Equal(s, upTo(1, 3+good), s.log.ids())
			})
		})
	}
}

// Nobody can know what became of it: the sender hears Unavailable, and who
// listens hears of the message with the next one.
func TestACommitWhoseAnswerNeverComes(t *testing.T) {
	behindProxy(t, func(s *suite, p *proxy) {
		a := s.application(s.user("u"))
		first := s.message(a)
		p.onCommit.Store(loseAnswerAndStayAway)
		requireKind(s, model.Unavailable, s.CreateMessage(s.ctx, s.newMessage(a)))
		require.Equal(s, []int64{first.ID}, s.log.ids())
		p.restore()
		third := s.message(a)
		require.Equal(s, upTo(1, 3), ids(s.history(a)))
		require.Equal(s, upTo(1, third.ID), s.log.ids())
		require.Equal(s, a.UserID, s.log.events[1].UserID)
	})
}

func TestADatabaseThatHangs(t *testing.T) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		_, connection := d.Fresh(t)
		p := newProxy(t, d.Address(connection))
		connection = d.Through(connection, p.address)
		for _, parameter := range map[string][]string{"postgres": {"connect_timeout=1"}, "mysql": {"timeout=1s", "readTimeout=300ms"}}[d.Name] {
			connection = with(d, connection, parameter)
		}
		s := on(t, d, connection)
		s.Hurry(300 * time.Millisecond)
		a := s.application(s.user("u"))
		s.message(a)

		p.freeze()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { s.checkKind(model.Unavailable, s.CreateMessage(s.ctx, s.newMessage(a))) })
		}
		_, err := s.Users(s.ctx)
		requireKind(s, model.Unavailable, err)
		done(s, &wg)
		p.drop()
		p.thaw()
		require.Eventually(s, func() bool { return s.CreateMessage(s.ctx, s.newMessage(a)) == nil }, patience, 10*time.Millisecond)
		require.Equal(s, ids(s.history(a)), s.log.ids())
	})
}

// All connections are taken: who cannot wait hears Unavailable, and publishing
// goes on, because it has a connection of its own.
func TestNoConnectionIsFree(t *testing.T) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		_, connection := d.Fresh(t)
		s := on(t, d, connection)
		require.NoError(t, s.Close())
		db, err := database.Open(s.ctx, database.Options{Dialect: d.Name, Connection: connection, MaxConnections: 2})
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		s.DB = db
		u := s.user("u")
		a := s.application(u)

		// A change that waits for a row holds the only other connection.
		tx, err := s.raw().BeginTx(s.ctx, nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(s.ctx, "UPDATE users SET password = password")
		require.NoError(t, err)
		changed := make(chan error, 1)
		go func() {
			name := "renamed"
			changed <- s.UpdateUser(s.ctx, u.ID, database.UserChange{Name: &name})
		}()
		require.Eventually(t, func() bool {
			ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
			defer cancel()
			_, err := s.Users(ctx)
			return model.KindOf(err) == model.Unavailable
		}, patience, time.Millisecond)
		s.message(a)
		require.NoError(t, tx.Rollback())
		require.NoError(t, <-changed)
		_, err = s.Users(s.ctx)
		require.NoError(t, err)
	})
}
