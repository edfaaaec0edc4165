package ntfy

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// site is a Face with all that stands below it, on a database of its own. Its clock
// stands still.
type site struct {
	*Face
	t       *testing.T
	db      *database.DB
	handler http.Handler
	now     time.Time
	admin   *model.User
	alice   *model.User
}

func newSite(t *testing.T, limits Limits, attachments broker.AttachmentLimits) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	now := func() time.Time { return s.now }
	log := slog.New(slog.DiscardHandler)
	h := hub.New(hub.Options{})
	db, err := database.Open(t.Context(), database.Options{
		Dialect: database.DialectSQLite, Connection: filepath.Join(t.TempDir(), "ntfy.db"), Log: log,
		Committed: func(events []*model.Event) {
			broker.Announce(h, func(string, int64) []int64 { return nil }, events)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s.db = db
	a := auth.New(auth.Options{
		DB: db, Passwords: auth.NewPasswords(1), Sealer: auth.NewSealer([]byte("the secret of the tests")),
		Throttle: auth.NewThrottle(0, 0, nil), Elevation: auth.ElevateSessions, Now: now, Log: log,
		Revoked: func(int64, int64) {}, Streaming: func() []int64 { return nil },
	})
	require.NoError(t, a.LoadRules(t.Context()))
	if attachments.Folder == "" && attachments.File >= 0 {
		attachments.Folder = filepath.Join(t.TempDir(), "attachments")
	}
	attachments.Expiry = 3 * time.Hour
	base, err := url.Parse("https://push.example.com/sub/")
	require.NoError(t, err)
	s.Face, err = New(Options{
		Auth: a, Reader: db.Reader, Hub: h, Version: "1.2.3", BaseURL: base, Limits: limits, Now: now, Log: log,
		Broker: broker.New(broker.Options{DB: db, Hub: h, Auth: a, Attachments: attachments, AutoCreate: broker.AutoCreateUsers, Now: now, Log: log}),
	})
	require.NoError(t, err)
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false // as the router has it
	s.Mount(engine)
	engine.NoRoute(s.Serve)
	s.handler = engine
	s.admin = s.person("root", true)
	s.alice = s.person("alice", false)
	return s
}

// person creates a user with the password that as knows.
func (s *site) person(name string, admin bool) *model.User {
	s.t.Helper()
	u, err := s.Auth.CreateUser(s.t.Context(), auth.UserEdit{Name: name, Password: "the password of " + name, Admin: admin})
	require.NoError(s.t, err)
	return u
}

func as(name string) string { return basicValue(name, "the password of "+name) }

// call sends a request from 192.0.2.1. Headers are pairs.
func (s *site) call(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, content)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// by is call with the credentials of a person.
func (s *site) by(name, method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.call(method, path, body, "Authorization", as(name))
}

// answered checks that an answer is a refusal with ntfy's code.
func answered(t *testing.T, code int, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, code/100, w.Code, w.Body.String())
	var refused wireError
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &refused))
	require.Equal(t, code, refused.Code, refused.Error)
	if w.Code == http.StatusTooManyRequests {
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	}
}

// failedWith checks that an error has ntfy's code, and returns when to come again.
func failedWith(t *testing.T, code int, err error) (after time.Duration) {
	t.Helper()
	require.Error(t, err)
	refused := asFailure(err)
	require.Equal(t, code, refused.code, refused.text)
	return refused.after
}

// context returns a request of a stranger, or of who.
func (s *site) context() *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(s.t.Context(), http.MethodPut, "/topic", nil)
	return c
}

// files returns what lies in the folder for attachments.
func (s *site) files() []string {
	s.t.Helper()
	entries, err := os.ReadDir(s.Broker.Attachments.Folder)
	if !os.IsNotExist(err) {
		require.NoError(s.t, err)
	}
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
