package database_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/stretchr/testify/require"
)

func TestManySendersAtOnce(t *testing.T) {
	each(t, func(s *suite) {
		const senders, each = 64, 200
		u := s.user("u")
		applications := []*model.Application{s.application(u), s.application(u), s.application(u)}
		sent := make([][]*model.Message, senders)
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				for j := range each {
					m := s.newMessage(applications[(i+j)%3])
					m.Message = fmt.Sprint(i, " ", j)
					if err := s.CreateMessage(s.ctx, m); err != nil {
						s.Error(err)
						return
					}
					if !s.log.heard(m.ID) {
						s.Error("answered before it was announced", m.ID)
					}
					sent[i] = append(sent[i], m)
				}
			})
		}
		done(s, &wg)
		byID := make(map[int64]*model.Message)
		for _, of := range sent {
			requireRising(s, ids(of))
			for _, m := range of {
				byID[m.ID] = m
			}
		}
		require.Len(s, byID, senders*each, "ids are unique")
		require.Equal(s, upTo(1, senders*each), s.log.ids(), "ids are dense and announced in their order")
		for _, a := range applications {
			for _, m := range s.history(a) {
				require.Equal(s, stored(byID[m.ID]), m)
				delete(byID, m.ID)
			}
		}
		require.Empty(s, byID, "everything acknowledged is stored")
	})
}

func TestMoreSendersThanAGroupOrTheQueueHolds(t *testing.T) {
	each(t, func(s *suite) {
		const senders = 6000
		a := s.application(s.user("u"))
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				<-start
				if err := s.CreateMessage(s.ctx, s.newMessage(a)); err != nil {
					s.Error(err)
				}
			})
		}
		close(start)
		done(s, &wg)
		require.Equal(s, upTo(1, senders), s.log.ids())
		require.Equal(s, upTo(1, senders), ids(s.history(a)))
	})
}

func TestLargeMessagesAtOnce(t *testing.T) {
	each(t, func(s *suite) {
		const senders = 12
		a := s.application(s.user("u"))
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				m := s.newMessage(a)
				m.Message = strings.Repeat(fmt.Sprint(i%10), 400_000)
				if err := s.CreateMessage(s.ctx, m); err != nil {
					s.Error(err)
				}
			})
		}
		done(s, &wg)
		require.Equal(s, upTo(1, senders), ids(s.history(a)))
	})
}

func TestAMessageAtFaultSpoilsNoOther(t *testing.T) {
	each(t, func(s *suite) {
		const senders, each = 40, 20
		u := s.user("u")
		good, gone := s.application(u), s.application(u)
		taken := s.message(good)
		require.NoError(s, s.DeleteApplication(s.ctx, u.ID, gone.ID))
		var wg sync.WaitGroup
		var accepted atomic.Int64
		for i := range senders {
			wg.Go(func() {
				for range each {
					m, want := s.newMessage(good), model.Kind(0)
					switch i % 10 {
					case 3:
						m.ApplicationID, want = gone.ID, model.NotFound
					case 7:
						m.Key, want = taken.Key, model.Conflict
					}
					err := s.CreateMessage(s.ctx, m)
					s.checkKind(want, err)
					if err == nil {
						accepted.Add(1)
						if !s.log.heard(m.ID) {
							s.Error("answered before it was announced")
						}
					}
				}
			})
		}
		done(s, &wg)
		require.EqualValues(s, senders*each*8/10, accepted.Load())
		require.Equal(s, upTo(1, accepted.Load()+1), ids(s.history(good)), "refused messages leave no gaps")
		require.Equal(s, upTo(1, accepted.Load()+1), s.log.ids())
	})
}

func TestASenderWhoGaveUpBeforeTheCommitStoresNothing(t *testing.T) {
	each(t, func(s *suite) {
		require.NoError(s, s.Close())
		// Who holds up the announcements holds up the commits after three groups.
		hold, first := make(chan struct{}), make(chan struct{}, 10)
		db, err := database.Open(s.ctx, database.Options{
			Dialect: s.dialect.Name, Connection: s.connection,
			Committed: func([]*model.Event) { first <- struct{}{}; <-hold },
		})
		require.NoError(s, err)
		s.DB = db
		defer func() { require.NoError(s, db.Close()) }()
		a := s.application(s.user("u"))

		gone, cancel := context.WithCancel(s.ctx)
		cancel()
		requireKind(s, model.Unavailable, s.CreateMessage(gone, s.newMessage(a)))

		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if err := s.CreateMessage(s.ctx, s.newMessage(a)); err != nil {
					s.Error(err)
				}
			})
			require.Eventually(s, func() bool { return len(s.history(a)) == i+1 }, patience, time.Millisecond)
			if i == 0 {
				<-first
			}
		}
		ctx, cancel := context.WithCancel(s.ctx)
		answer := make(chan error, 1)
		go func() { answer <- s.CreateMessage(ctx, s.newMessage(a)) }()
		require.Eventually(s, func() bool { return s.Waiting() == 1 }, patience, time.Millisecond)
		cancel()
		requireKind(s, model.Unavailable, <-answer)
		close(hold)
		done(s, &wg)
		require.Equal(s, int64(5), s.message(a).ID)
		require.Len(s, s.history(a), 5)
	})
}

func TestCloseWhileWriting(t *testing.T) {
	each(t, func(s *suite) {
		const senders = 32
		a := s.application(s.user("u"))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var acknowledged []int64
		enough := make(chan struct{})
		for range senders {
			wg.Go(func() {
				for {
					m := s.newMessage(a)
					if err := s.CreateMessage(context.Background(), m); err != nil {
						s.checkKind(model.Unavailable, err)
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, m.ID)
					if len(acknowledged) == 500 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		require.NoError(s, s.Close())
		done(s, &wg)
		requireKind(s, model.Unavailable, s.CreateMessage(context.Background(), s.newMessage(a)))
		require.Len(s, s.log.ids(), len(acknowledged))
		again := on(s.T, s.dialect, s.connection)
		require.ElementsMatch(s, acknowledged, ids(again.history(a)), "acknowledged and stored are the same")
	})
}

// Another process, such as a backup or a second node, holds the lock for a while.
func TestALockThatIsHeldShortlyIsWaitedFor(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		other, err := s.raw().Conn(s.ctx)
		require.NoError(s, err)
		statements := []string{"BEGIN", "UPDATE counters SET value = value WHERE name = 'message'"}
		if !s.dialect.Remote {
			statements = []string{"BEGIN IMMEDIATE"}
		}
		for _, statement := range statements {
			_, err := other.ExecContext(s.ctx, statement)
			require.NoError(s, err)
		}
		answer := make(chan error, 1)
		go func() { answer <- s.CreateMessage(s.ctx, s.newMessage(a)) }()
		require.Eventually(s, func() bool {
			// As soon as one waits in the queue, the one before it is being committed.
			ctx, cancel := context.WithTimeout(s.ctx, 20*time.Millisecond)
			defer cancel()
			go func() { _ = s.CreateMessage(ctx, s.newMessage(a)) }()
			return s.Waiting() > 0
		}, patience, time.Millisecond)
		select {
		case err := <-answer:
			s.Fatal("it did not wait", err)
		default:
		}
		_, err = other.ExecContext(s.ctx, "ROLLBACK")
		require.NoError(s, err)
		require.NoError(s, other.Close())
		require.NoError(s, <-answer)
	})
}
