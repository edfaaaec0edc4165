// Package auth says who may: it turns credentials into an identity, keeps
// users and clients, hashes passwords, makes and seals tokens, and slows down
// those who guess.
//
// The database never holds a usable token. Look-ups go by SHA-256; only
// application tokens are also kept sealed, because their owner may look at them.
// Identities are cached in memory; whatever changes one forgets it here, after
// the change has committed, and then ends the streams that rest on it. A look-up
// that overlaps a change is not cached (cache.go).
//
// It knows nothing of HTTP and of wire formats.
package auth

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// Elevation says which client tokens need to be elevated for destructive
// changes and for administration.
type Elevation string

// The choices for Elevation.
const (
	// ElevateSessions asks it of web sessions; API clients keep their rights.
	ElevateSessions Elevation = "sessions"
	// ElevateAll asks it of all clients, as Gotify 3 does.
	ElevateAll Elevation = "all"
	// ElevateOff asks it of nobody.
	ElevateOff Elevation = "off"
)

// Options are what Auth is made of.
type Options struct {
	DB        *database.DB
	Passwords *Passwords
	Sealer    *Sealer
	Throttle  *Throttle
	Elevation Elevation
	// Registration lets anybody create a user.
	Registration bool
	// Revoked hears that streams lost what they rest on: those of a client, or
	// all of the user's when client is zero.
	Revoked func(user, client int64)
	// EndWhere ends the streams of the feeds that match. May be nil.
	EndWhere func(match func(model.Feed) bool)
	// Default is what anybody may do with applications that no access rule is about.
	Default model.Permission
	// Streaming returns the clients that have a stream open here.
	Streaming func() []int64
	Now       func() time.Time
	Log       *slog.Logger
}

// Auth answers who a request acts for and keeps users and clients. It is safe
// for concurrent use.
type Auth struct {
	Options
	tokens *cache[tokenKey, *holder]
	users  *cache[string, *model.User]
	topics *cache[string, *model.Application]
	// rules is nil until LoadRules; loading is held meanwhile.
	rules   atomic.Pointer[rules]
	loading sync.Mutex
	// watched holds what the streams of users rest on, owners and accessTokens the
	// same of topics and access tokens that somebody listens with, so that streams
	// end when another process changes it.
	watched      *lru.Cache[int64, standing]
	owners       *lru.Cache[string, int64]
	accessTokens *lru.Cache[int64, limits]
	// revision is the database's revision that the caches know of.
	revision atomic.Int64
	// owed says that other processes, and our own caches, were not told of a
	// change that has or may have happened.
	owed atomic.Bool
}

// New returns an Auth over the options.
func New(o Options) *Auth {
	// New fails for a size below 1 only.
	watched, _ := lru.New[int64, standing](cacheSize)
	owners, _ := lru.New[string, int64](cacheSize)
	accessTokens, _ := lru.New[int64, limits](cacheSize)
	return &Auth{
		Options: o,
		tokens:  newCache[tokenKey, *holder](),
		users:   newCache[string, *model.User](),
		topics:  newCache[string, *model.Application](),
		watched: watched, owners: owners, accessTokens: accessTokens,
	}
}

// sweepEvery is how often expired clients are deleted.
const sweepEvery = 30 * time.Second

// Run notes the use of clients with an open stream, deletes clients whose time
// of inactivity has passed, and follows what other processes change, until ctx
// ends.
func (a *Auth) Run(ctx context.Context) error {
	sweep, follow := time.NewTicker(sweepEvery), time.NewTicker(followEvery)
	defer sweep.Stop()
	defer follow.Stop()
	for failing := false; ; {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			err = a.sweep(ctx)
		case <-follow.C:
			err = a.follow(ctx)
		}
		// While the database is away, one line says so.
		if err != nil && ctx.Err() == nil && !failing {
			a.Log.Warn("the work in the background failed", "error", err)
		}
		failing = err != nil
	}
}

func (a *Auth) sweep(ctx context.Context) error {
	now := a.Now()
	if err := a.sweepAccessTokens(ctx, now); err != nil {
		return a.Doubt(err)
	}
	if err := a.DB.TouchClients(ctx, a.Streaming(), now); err != nil {
		return err
	}
	gone, err := a.DB.DeleteExpiredClients(ctx, now)
	if err != nil {
		return a.Doubt(err)
	}
	if len(gone) == 0 {
		return nil
	}
	ids := make([]int64, len(gone))
	for i, c := range gone {
		ids[i] = c.ID
	}
	a.forgetClients(ctx, ids...)
	for _, c := range gone {
		a.Revoked(c.UserID, c.ID)
	}
	return nil
}
