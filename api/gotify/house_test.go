package gotify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// house is a Face with all that stands below it, on a database of its own.
type house struct {
	*Face
	t      *testing.T
	engine *gin.Engine
	db     *database.DB
	hub    *hub.Hub
	log    *bytes.Buffer
}

// authOptions are the options of what decides who may.
type authOptions = auth.Options

// newHouse returns a house whose options change may set.
func newHouse(t *testing.T, change func(*Options, *auth.Options)) *house {
	t.Helper()
	gin.SetMode(gin.TestMode)
	h := &house{t: t, hub: hub.New(hub.Options{}), log: new(bytes.Buffer)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	readers := func(topic string, owner int64) []int64 { return h.Auth.Readers(topic, owner) }
	db, err := database.Open(t.Context(), database.Options{
		Dialect: database.DialectSQLite, Connection: filepath.Join(t.TempDir(), "gotify.db"), Log: log,
		Committed: func(events []*model.Event) { broker.Announce(h.hub, readers, events) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	h.db = db
	below := auth.Options{
		DB: db, Passwords: auth.NewPasswords(1), Sealer: auth.NewSealer([]byte("the secret of the tests")),
		Throttle: auth.NewThrottle(3, 1, model.Now), Elevation: auth.ElevateSessions, Revoked: func(int64, int64) {},
		EndWhere:  func(match func(model.Feed) bool) { h.hub.EndWhere(match, hub.ReasonRevoked) },
		Streaming: h.hub.Clients, Now: model.Now, Log: log,
	}
	o := Options{
		Reader: db.Reader, Pumps: stream.New(stream.Options{Log: log}), Build: Build{Version: "1.2.3", Commit: "c", Date: "d"},
		Exempt: func(netip.Addr) bool { return false }, Now: model.Now, Log: log,
	}
	if change != nil {
		change(&o, &below)
	}
	o.Auth = auth.New(below)
	require.NoError(t, o.Auth.LoadRules(t.Context()))
	o.Broker = broker.New(broker.Options{
		DB: db, Hub: h.hub, Auth: o.Auth, Now: model.Now, Log: log,
		Reserved: func(topic string) bool { return topic == "message" || topic == "stream" },
		Limits:   broker.Limits{ExtrasDepth: 32, Streams: 10, Image: broker.ImageLimits{Bytes: 1 << 20, Pixels: 1 << 20}},
	})
	h.Face, err = New(o)
	require.NoError(t, err)
	h.engine = gin.New()
	h.Mount(h.engine)
	h.engine.NoRoute(h.noRoute)
	return h
}

// newFrame returns a house of which nothing stands but the face: enough for what
// asks neither auth nor the database.
func newFrame(t *testing.T, o Options) *house {
	t.Helper()
	gin.SetMode(gin.TestMode)
	h := &house{t: t, engine: gin.New(), log: new(bytes.Buffer)}
	o.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	h.Face, err = New(o)
	require.NoError(t, err)
	h.Mount(h.engine)
	h.engine.NoRoute(h.noRoute)
	return h
}

// noRoute does what the router does for paths that the face has no route for.
func (h *house) noRoute(c *gin.Context) {
	if c.Request.Method == http.MethodOptions {
		h.Preflight(c)
		return
	}
	h.NotFound(c)
}

// resident is a user with a way to make requests.
type resident struct {
	*house
	user *model.User
	pass string
}

// newPerson makes a user and the identity of their password.
func (h *house) newPerson(name string, admin bool) *resident {
	h.t.Helper()
	u, err := h.Auth.CreateUser(h.t.Context(), auth.UserEdit{Name: name, Password: "password of " + name, Admin: admin})
	require.NoError(h.t, err)
	return &resident{house: h, user: u, pass: "password of " + name}
}

func (p *resident) basic() []string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(p.user.Name, p.pass)
	return []string{"Authorization", r.Header.Get("Authorization")}
}

func (p *resident) newClient() (client *model.Client, token string) {
	p.t.Helper()
	client, token, err := p.Auth.CreateClient(p.t.Context(), p.user.ID, "client", 0)
	require.NoError(p.t, err)
	return client, token
}

// newSession returns a web session that is not elevated any more.
func (p *resident) newSession() (session *model.Client, token string) {
	p.t.Helper()
	session, token, err := p.Auth.Login(p.t.Context(), &model.Identity{User: p.user}, "browser")
	require.NoError(p.t, err)
	require.NoError(p.t, p.Auth.Elevate(p.t.Context(), p.user.ID, session.ID, -1))
	return session, token
}

func (p *resident) newApplication() (application *model.Application, token string) {
	p.t.Helper()
	application, err := p.Broker.CreateApplication(p.t.Context(), p.user, broker.ApplicationEdit{Name: "app", DefaultPriority: 4})
	require.NoError(p.t, err)
	return application, p.Broker.Token(application)
}

// do makes a request with a JSON body, "" for none, and headers in pairs. The
// host is example.com.
func (h *house) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.serve1(r)
}

func (h *house) serve1(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.engine.ServeHTTP(answer, r)
	return answer
}

// refused checks that an answer is an error in Gotify's shape, and returns its
// text.
func refused(t *testing.T, answer *httptest.ResponseRecorder, status int) string {
	t.Helper()
	require.Equal(t, status, answer.Code, "%s", answer.Body)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	var body wireError
	in := json.NewDecoder(answer.Body)
	in.DisallowUnknownFields()
	require.NoError(t, in.Decode(&body))
	require.Equal(t, status, body.ErrorCode)
	require.Equal(t, http.StatusText(status), body.Error)
	require.NotEmpty(t, body.ErrorDescription)
	return body.ErrorDescription
}

// fields decodes an answer with status 200.
func fields[T any](t *testing.T, answer *httptest.ResponseRecorder) T {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	var into T
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &into))
	return into
}

// decoded runs decode on a request with the body.
func decoded(ctx context.Context, contentType, query string, body io.Reader, into fromForm) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://example.com/", body)
	if err != nil {
		return err
	}
	r.URL.RawQuery = query
	r.Header.Set("Content-Type", contentType)
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
	return decode(&gin.Context{Request: r}, into)
}

// visitorAt returns what is made of a peer's address.
func (h *house) visitorAt(remote string) auth.Visitor {
	return h.visitor(&gin.Context{Request: &http.Request{RemoteAddr: remote}})
}
