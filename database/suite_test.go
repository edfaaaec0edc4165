package database_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for an event that must come.
const patience = time.Minute

// suite is one fresh database that a test works on.
type suite struct {
	*testing.T
	*database.DB
	ctx        context.Context
	dialect    dialect.Dialect
	connection string
	keys       *model.Keys
	log        *announced
}

// each runs f on a fresh database of every dialect.
func each(t *testing.T, f func(s *suite)) {
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) { f(fresh(t, d)) })
}

// eachServer runs f on a fresh database of every dialect that is a server.
func eachServer(t *testing.T, f func(s *suite)) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) { f(fresh(t, d)) })
}

// eachOf runs f on a fresh database of one dialect, for what others do not have.
func eachOf(t *testing.T, name string, f func(s *suite)) {
	for _, d := range dialect.All() {
		if d.Name == name {
			f(fresh(t, d))
		}
	}
}

func fresh(t *testing.T, d dialect.Dialect) *suite {
	_, connection := d.Fresh(t)
	return on(t, d, connection)
}

// on opens a database that exists, as one more node would.
func on(t *testing.T, d dialect.Dialect, connection string) *suite {
	t.Helper()
	s := &suite{T: t, ctx: t.Context(), dialect: d, connection: connection, keys: model.NewKeys(), log: &announced{}}
	db, err := database.Open(s.ctx, database.Options{Dialect: d.Name, Connection: connection, Committed: s.log.add})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s.DB = db
	return s
}

// sub runs f as a sub-test on the same database.
func (s *suite) sub(name string, f func(s *suite)) {
	s.Helper()
	s.Run(name, func(t *testing.T) {
		inner := *s
		inner.T, inner.ctx = t, t.Context()
		f(&inner)
	})
}

// raw opens the database without Carillon in between.
func (s *suite) raw() *sql.DB {
	s.Helper()
	driver := map[string]string{"sqlite3": "sqlite3", "postgres": "pgx", "mysql": "mysql"}[s.dialect.Name]
	db, err := sql.Open(driver, s.connection)
	require.NoError(s, err)
	s.Cleanup(func() { require.NoError(s, db.Close()) })
	return db
}

// with returns a server's connection string with one more parameter.
func with(d dialect.Dialect, connection, parameter string) string {
	switch {
	case d.Name == "postgres" && !strings.HasPrefix(connection, "postgres"):
		return connection + " " + parameter
	case strings.Contains(connection, "?"):
		return connection + "&" + parameter
	default:
		return connection + "?" + parameter
	}
}

func (s *suite) exec(statement string) {
	s.Helper()
	_, err := s.raw().ExecContext(s.ctx, statement)
	require.NoError(s, err)
}

func (s *suite) count(query string) (n int) {
	s.Helper()
	require.NoError(s, s.raw().QueryRowContext(s.ctx, query).Scan(&n))
	return n
}

func (s *suite) user(name string) *model.User {
	s.Helper()
	u := &model.User{Name: name, Password: "hash", CreatedAt: model.Now()}
	require.NoError(s, s.CreateUser(s.ctx, u))
	return u
}

func (s *suite) admin(name string) *model.User {
	s.Helper()
	u := &model.User{Name: name, Password: "hash", Admin: true, CreatedAt: model.Now()}
	require.NoError(s, s.CreateUser(s.ctx, u))
	return u
}

func (s *suite) client(u *model.User) *model.Client {
	s.Helper()
	c := &model.Client{UserID: u.ID, TokenHash: hash(), Name: "client", CreatedAt: model.Now()}
	require.NoError(s, s.CreateClient(s.ctx, c))
	return c
}

func (s *suite) application(u *model.User) *model.Application {
	s.Helper()
	a := newApplication(u)
	require.NoError(s, s.CreateApplication(s.ctx, a))
	return a
}

func newApplication(u *model.User) *model.Application {
	return &model.Application{
		UserID: u.ID, TokenHash: hash(), TokenSealed: []byte{0, 255, '\'', '\\'}, Name: "application",
		Topic: rand.Text(), SortKey: rand.Text(), CreatedAt: model.Now(),
	}
}

func (s *suite) newMessage(a *model.Application) *model.Message {
	return &model.Message{
		Key: s.keys.Next(time.Now()), ApplicationID: a.ID, UserID: a.UserID,
		Title: "title", Message: "message", Priority: 5, Date: model.Now(),
	}
}

func (s *suite) message(a *model.Application) *model.Message {
	s.Helper()
	m := s.newMessage(a)
	require.NoError(s, s.CreateMessage(s.ctx, m))
	return m
}

func (s *suite) notice(n *model.Notice) error {
	n.Key, n.Date = s.keys.Next(time.Now()), model.Now()
	_, err := s.CreateNotice(s.ctx, n)
	return err
}

// history returns all messages of the application, oldest first.
func (s *suite) history(a *model.Application) (all []*model.Message) {
	s.Helper()
	for after := int64(0); ; {
		page, _, err := s.MessagesAfter(s.ctx, []int64{a.ID}, after, 500)
		require.NoError(s, err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].ID
	}
}

func hash() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

func ids(messages []*model.Message) []int64 {
	out := make([]int64, len(messages))
	for i, m := range messages {
		out[i] = m.ID
	}
	return out
}

// stored is a message as a read finds it: the owner is no column.
func stored(m *model.Message) *model.Message {
	c := *m
	c.UserID = 0
	return &c
}

func requireKind(t testing.TB, kind model.Kind, err error) {
	t.Helper()
	var known *model.Error
	require.ErrorAs(t, err, &known)
	require.Equal(t, kind, known.Kind, "%v", err)
	require.NotEmpty(t, known.Message)
	if kind == model.Unavailable {
		require.Positive(t, known.RetryAfter)
	}
}

// checkKind is for other goroutines than the test's; kind 0 means no error.
func (s *suite) checkKind(kind model.Kind, err error) {
	s.Helper()
	if model.KindOf(err) != kind || (err == nil) != (kind == 0) {
		s.Errorf("want an error of kind %d, got %v", kind, err)
	}
}

// announced collects what Options.Committed hears.
type announced struct {
	mu     sync.Mutex
	events []*model.Event
	known  map[int64]bool
}

func (a *announced) add(some []*model.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil {
		a.known = map[int64]bool{}
	}
	for _, e := range some {
		a.events = append(a.events, e)
		a.known[e.ID] = true
	}
}

func (a *announced) ids() []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]int64, len(a.events))
	for i, e := range a.events {
		ids[i] = e.ID
	}
	return ids
}

func (a *announced) heard(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[id]
}

func requireRising(t testing.TB, ids []int64) {
	t.Helper()
	for i := 1; i < len(ids); i++ {
		require.Greater(t, ids[i], ids[i-1], "place %d", i)
	}
}

// upTo returns the ids from first to last.
func upTo(first, last int64) (ids []int64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

// done waits for wg, but not for ever.
func done(t testing.TB, wg *sync.WaitGroup) {
	t.Helper()
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(patience):
		require.FailNow(t, "still waiting", fmt.Sprint(patience))
	}
}
