package broker

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// world is a Broker with all that stands below it, on a database of its own.
type world struct {
	*Broker
	t *testing.T
}

func newWorld(t *testing.T, limits Limits) *world {
	t.Helper()
	return newWorldAround(t, limits, hub.New(hub.Options{QueueEvents: 1 << 20, QueueBytes: 1 << 30}))
}

func newWorldAround(t *testing.T, limits Limits, h *hub.Hub) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var a *auth.Auth
	readers := func(topic string, owner int64) []int64 { return a.Readers(topic, owner) }
	db, err := database.Open(t.Context(), database.Options{
		Dialect: database.DialectSQLite, Connection: filepath.Join(t.TempDir(), "broker.db"), Log: log,
		Committed: func(events []*model.Event) { Announce(h, readers, events) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	a = auth.New(auth.Options{
		DB: db, Passwords: auth.NewPasswords(1), Sealer: auth.NewSealer([]byte("the secret of the tests")),
		Throttle: auth.NewThrottle(0, 0, nil), Elevation: auth.ElevateSessions, Now: model.Now, Log: log,
		Revoked: func(user, client int64) {
			if client != 0 {
				h.EndClient(client, hub.ReasonRevoked)
			} else {
				h.EndUser(user, hub.ReasonRevoked)
			}
		},
		EndWhere:  func(match func(model.Feed) bool) { h.EndWhere(match, hub.ReasonRevoked) },
		Streaming: h.Clients,
	})
	require.NoError(t, a.LoadRules(t.Context()))
	return &world{Broker: New(Options{DB: db, Hub: h, Auth: a, Limits: limits, Now: model.Now, Log: log}), t: t}
}

// newPerson returns the identity of a new user's password, without the cost of
// hashing one.
func (w *world) newPerson(name string) *model.Identity {
	w.t.Helper()
	u := &model.User{Name: name, Password: "hash of " + name, CreatedAt: model.Now()}
	require.NoError(w.t, w.DB.CreateUser(w.t.Context(), u))
	return &model.Identity{Credential: model.Password, User: u}
}

func (w *world) newApplication(who *model.Identity, e ApplicationEdit) *model.Application {
	w.t.Helper()
	a, err := w.CreateApplication(w.t.Context(), who.User, e)
	require.NoError(w.t, err)
	return a
}

// sender returns the identity of an application's token.
func (w *world) sender(a *model.Application) *model.Identity {
	w.t.Helper()
	who, err := w.Auth.ByToken(w.t.Context(), w.Token(a))
	require.NoError(w.t, err)
	return who
}

// receiver returns the identity of a new client's token.
func (w *world) receiver(who *model.Identity) *model.Identity {
	w.t.Helper()
	_, token, err := w.Auth.CreateClient(w.t.Context(), who.User.ID, "client", 0)
	require.NoError(w.t, err)
	client, err := w.Auth.ByToken(w.t.Context(), token)
	require.NoError(w.t, err)
	return client
}

func (w *world) publish(who *model.Identity, d model.Draft) *model.Message {
	w.t.Helper()
	m, err := w.Publish(w.t.Context(), who, d)
	require.NoError(w.t, err)
	return m
}

// listen returns what takes the events of a user as they come.
func (w *world) listen(user int64) *listener {
	w.t.Helper()
	s, err := w.Hub.Subscribe(model.Feed{UserID: user})
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	s.Release(0)
	return &listener{s}
}

type listener struct{ *hub.Subscription }

func (l *listener) take() []*model.Event {
	var events []*model.Event
	for _, e := range l.Take(nil) {
		events = append(events, e.Event)
	}
	return events
}

func requireKind(t *testing.T, want model.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, model.KindOf(err), "%v", err)
}
