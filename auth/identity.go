package auth

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carillon-push/carillon/model"
)

// touchEvery is how long a noted use of an application token is good enough.
const touchEvery = 5 * time.Minute

type tokenKey [sha256.Size]byte

// holder is a cached identity and when its last use was noted.
type holder struct {
	identity *model.Identity
	// used is in microseconds since the epoch, 0 when it never was used.
	used atomic.Int64
}

// Vanished turns the NotFound of a change for a user who was deleted meanwhile
// into Unauthenticated, which is what that user's next request gets.
func Vanished(err error) error {
	if model.KindOf(err) == model.NotFound {
		return Unauthenticated()
	}
	return err
}

// Visitor is where credentials come from.
type Visitor struct {
	// Address is the client's IP address.
	Address string
	// Exempt lifts the limit on failed logins.
	Exempt bool
}

// Unauthenticated returns the error for a caller nobody knows.
func Unauthenticated() error {
	return model.Errorf(model.Unauthenticated, "you need to provide a valid access token or user credentials to access this api")
}

// ByToken returns the identity behind an application or client token. It fails
// with Unauthenticated when the token is not known or its client has expired.
func (a *Auth) ByToken(ctx context.Context, token string) (*model.Identity, error) {
	if LooksLikeAccessToken(token) {
		return nil, Unauthenticated() // even when it is known: it is of no use here
	}
	key := tokenKey(sha256.Sum256([]byte(token)))
	load := func() (*holder, error) { return a.readHolder(ctx, token) }
	h, err := a.tokens.get(key, load)
	if err == nil && h.expired(a.Now()) {
		// An open stream, or another node, may have noted a use since.
		a.tokens.drop(key)
		h, err = a.tokens.get(key, load)
	}
	if model.KindOf(err) == model.NotFound {
		return nil, Unauthenticated()
	}
	if err != nil {
		return nil, err
	}
	if h.expired(a.Now()) {
		return nil, Unauthenticated()
	}
	a.touch(ctx, h, "")
	return h.identity, nil
}

// readHolder looks first where a token of its shape belongs.
func (a *Auth) readHolder(ctx context.Context, token string) (*holder, error) {
	kinds := []func(context.Context, []byte) (*holder, error){a.applicationHolder, a.clientHolder}
	if !strings.HasPrefix(token, "A") {
		kinds[0], kinds[1] = kinds[1], kinds[0]
	}
	hash := HashToken(token)
	h, err := kinds[0](ctx, hash)
	if model.KindOf(err) == model.NotFound {
		return kinds[1](ctx, hash)
	}
	return h, err
}

func (a *Auth) applicationHolder(ctx context.Context, hash []byte) (*holder, error) {
	application, err := a.DB.ApplicationByTokenHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	user, err := a.DB.UserByID(ctx, application.UserID)
	if err != nil {
		return nil, err
	}
	return newHolder(&model.Identity{Credential: model.ApplicationToken, User: user, Application: application}, application.LastUsed), nil
}

func (a *Auth) clientHolder(ctx context.Context, hash []byte) (*holder, error) {
	client, err := a.DB.ClientByTokenHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	user, err := a.DB.UserByID(ctx, client.UserID)
	if err != nil {
		return nil, err
	}
	return newHolder(&model.Identity{Credential: model.ClientToken, User: user, Client: client}, client.LastUsed), nil
}

func newHolder(identity *model.Identity, used *time.Time) *holder {
	h := &holder{identity: identity}
	if used != nil {
		h.used.Store(used.UnixMicro())
	}
	return h
}

func (h *holder) expired(now time.Time) bool {
	if t := h.identity.AccessToken; t != nil {
		return t.Expired(now)
	}
	if h.identity.Client == nil {
		return false
	}
	c := *h.identity.Client
	if used := h.used.Load(); used > 0 {
		at := time.UnixMicro(used)
		c.LastUsed = &at
	}
	return c.Expired(now)
}

// interval is how long a noted use of this token is good enough.
func (h *holder) interval() time.Duration {
	if c := h.identity.Client; c != nil && c.ExpiresAfterInactivitySeconds > 0 {
		return min(touchEvery, time.Duration(c.ExpiresAfterInactivitySeconds)*time.Second/10)
	}
	return touchEvery
}

// touch notes the use of a token, unless one was noted not long ago. A request
// does not fail because of it. origin is noted for access tokens only.
func (a *Auth) touch(ctx context.Context, h *holder, origin string) {
	now := a.Now()
	used := h.used.Load()
	if now.UnixMicro()-used < h.interval().Microseconds() || !h.used.CompareAndSwap(used, now.UnixMicro()) {
		return
	}
	var err error
	switch {
	case h.identity.Client != nil:
		err = a.DB.TouchClients(ctx, []int64{h.identity.Client.ID}, now)
	case h.identity.AccessToken != nil:
		err = a.DB.TouchAccessToken(ctx, h.identity.AccessToken.ID, now, origin)
	default:
		err = a.DB.TouchApplication(ctx, h.identity.Application.ID, now)
	}
	if err != nil {
		h.used.CompareAndSwap(now.UnixMicro(), used)
		a.Log.Warn("the last use of a token was not noted", "error", err)
	}
}

// Still fails with Unauthenticated when the identity was revoked since it was
// made. From then on its streams end when another process revokes it. A stream
// asks when it has subscribed: who is revoked later ends it, who was revoked
// before is found out here.
func (a *Auth) Still(ctx context.Context, who *model.Identity) error {
	_, err := a.fresh(ctx, who)
	return err
}

// fresh returns the identity as it is in the database now, and watches what it
// rests on. It fails with Unauthenticated when it was revoked.
func (a *Auth) fresh(ctx context.Context, who *model.Identity) (*model.Identity, error) {
	now := *who
	err := a.reread(ctx, &now)
	if model.KindOf(err) == model.NotFound {
		return nil, Unauthenticated()
	}
	if err != nil {
		return nil, err
	}
	a.watched.ContainsOrAdd(now.User.ID, standingOf(now.User))
	if t := now.AccessToken; t != nil {
		a.accessTokens.ContainsOrAdd(t.ID, limitsOf(t))
	}
	return &now, nil
}

func (a *Auth) reread(ctx context.Context, who *model.Identity) (err error) {
	before := who.User
	if who.User, err = a.DB.UserByID(ctx, before.ID); err != nil {
		return err
	}
	switch who.Credential {
	case model.ClientToken:
		who.Client, err = a.DB.ClientByID(ctx, before.ID, who.Client.ID)
	case model.PersonalToken:
		who.AccessToken, err = a.DB.AccessTokenByHash(ctx, who.AccessToken.TokenHash)
	default:
		if who.User.Password != before.Password {
			err = Unauthenticated()
		}
	}
	return err
}

// limits are what the streams of an access token rest on.
type limits struct {
	permission model.Permission
	topics     string
}

func limitsOf(t *model.AccessToken) limits {
	return limits{model.Permission{Read: t.CanRead, Write: t.CanWrite}, t.Topics}
}

// standing is what the streams of a user rest on.
type standing struct {
	password string
	admin    bool
}

func standingOf(u *model.User) standing { return standing{u.Password, u.Admin} }

func (a *Auth) forgetUser(ctx context.Context, id int64) {
	a.tokens.forget(func(h *holder) bool { return h.identity.User.ID == id })
	a.users.forget(func(u *model.User) bool { return u.ID == id })
	a.topics.forget(func(known *model.Application) bool { return known.UserID == id })
	a.revise(ctx)
}

func (a *Auth) forgetClients(ctx context.Context, ids ...int64) {
	forgotten := setOf(ids)
	a.tokens.forget(func(h *holder) bool { return h.identity.Client != nil && forgotten[h.identity.Client.ID] })
	a.revise(ctx)
}

func setOf(ids []int64) map[int64]bool {
	set := make(map[int64]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// ForgetApplication forgets the cached identity of an application. Who changes
// or deletes one calls it after the change has committed.
func (a *Auth) ForgetApplication(ctx context.Context, id int64) {
	a.topics.forget(func(known *model.Application) bool { return known.ID == id })
	a.tokens.forget(func(h *holder) bool { return h.identity.Application != nil && h.identity.Application.ID == id })
	a.revise(ctx)
}
