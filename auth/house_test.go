package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// house is an Auth on a database, with a clock that the test moves.
type house struct {
	*Auth
	*clock
	t    *testing.T
	file string
	log  *bytes.Buffer

	mu sync.Mutex
	// feeds are what streams listen to: who takes them away ends them.
	feeds     []model.Feed
	ended     []ending
	endings   chan ending
	streaming []int64
}

// ending is a call of Options.Revoked.
type ending struct{ user, client int64 }

func newHouse(t *testing.T) *house {
	t.Helper()
	return openHouse(t, filepath.Join(t.TempDir(), "auth.db"), newClock())
}

// openHouse is one more process on the same database.
func openHouse(t *testing.T, file string, clock *clock) *house {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{Dialect: database.DialectSQLite, Connection: file})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	h := &house{clock: clock, t: t, file: file, log: new(bytes.Buffer), endings: make(chan ending, 100)}
	passwords := NewPasswords(1)
	passwords.idKey = cheap
	h.Auth = New(Options{
		DB: db, Passwords: passwords, Sealer: NewSealer([]byte("the secret of the tests")), Throttle: NewThrottle(3, 1, clock.now),
		Elevation: ElevateSessions, Revoked: h.revoked, Streaming: h.streams, EndWhere: h.endWhere, Now: clock.now,
		Log: slog.New(slog.NewTextHandler(h.log, nil)),
	})
	return h
}

func (h *house) endWhere(match func(model.Feed) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feeds = slices.DeleteFunc(h.feeds, match)
}

// listen opens streams of the feeds, in place of all others.
func (h *house) listen(feeds ...model.Feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feeds = feeds
}

// listening returns the first topics of the streams that are open.
func (h *house) listening() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics := []string{}
	for _, f := range h.feeds {
		topics = append(topics, f.Topics[0])
	}
	return topics
}

// cheap stands for argon2id where its cost does not matter.
func cheap(password, salt []byte, _, _ uint32, _ uint8, keyLen uint32) []byte {
	sum := sha256.Sum256(slices.Concat(salt, password))
	return sum[:keyLen]
}

func (h *house) revoked(user, client int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, ending{user, client})
	h.endings <- ending{user, client}
}

func (h *house) streams() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.streaming)
}

func (h *house) stream(clients ...int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streaming = clients
}

// takeEnded returns what was revoked since the last call.
func (h *house) takeEnded() []ending {
	h.mu.Lock()
	defer h.mu.Unlock()
	ended := h.ended
	h.ended = nil
	return ended
}

func (h *house) ctx() context.Context { return h.t.Context() }

func (h *house) newUser(name string, admin bool) *model.User {
	h.t.Helper()
	u, err := h.CreateUser(h.ctx(), UserEdit{Name: name, Password: "password of " + name, Admin: admin})
	require.NoError(h.t, err)
	return u
}

func (h *house) newClient(user *model.User) (*model.Client, string) {
	h.t.Helper()
	c, token, err := h.CreateClient(h.ctx(), user.ID, "client", 0)
	require.NoError(h.t, err)
	return c, token
}

func (h *house) newSession(user *model.User) (*model.Client, string) {
	h.t.Helper()
	c, token, err := h.Login(h.ctx(), h.byPassword(user), "browser")
	require.NoError(h.t, err)
	return c, token
}

func (h *house) newApplication(user *model.User) (*model.Application, string) {
	h.t.Helper()
	token := NewApplicationToken()
	a := &model.Application{UserID: user.ID, TokenHash: HashToken(token), TokenSealed: []byte("sealed"), Name: "app", SortKey: token, CreatedAt: h.now()}
	require.NoError(h.t, h.DB.CreateApplication(h.ctx(), a))
	return a, token
}

func (h *house) byToken(token string) *model.Identity {
	h.t.Helper()
	who, err := h.ByToken(h.ctx(), token)
	require.NoError(h.t, err)
	return who
}

func (h *house) byPassword(user *model.User) *model.Identity {
	h.t.Helper()
	who, err := h.ByPassword(h.ctx(), user.Name, "password of "+user.Name, Visitor{Address: "192.0.2.1"})
	require.NoError(h.t, err)
	return who
}

func (h *house) noToken(token string) {
	h.t.Helper()
	who, err := h.ByToken(h.ctx(), token)
	requireKind(h.t, model.Unauthenticated, err)
	require.Nil(h.t, who)
}

func requireKind(t *testing.T, want model.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, model.KindOf(err), "%v", err)
}
