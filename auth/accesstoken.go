package auth

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

const (
	// accessTokenPrefix and accessTokenLength are ntfy's: 32 characters in all.
	accessTokenPrefix   = "tk_"
	accessTokenLength   = 29
	accessTokenAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	// hintLength is how much of a token its owner sees later.
	hintLength = len(accessTokenPrefix) + 4
	// maxAccessTokens is how many a user may have: ntfy's number.
	maxAccessTokens = 60
	maxTokenLabel   = 256
)

// LooksLikeAccessToken reports whether the text has the shape of an access token.
func LooksLikeAccessToken(text string) bool {
	rest, found := strings.CutPrefix(text, accessTokenPrefix)
	return found && len(rest) == accessTokenLength &&
		!strings.ContainsFunc(rest, func(r rune) bool { return !strings.ContainsRune(accessTokenAlphabet, r) })
}

// ByAccessToken returns the identity behind an access token and notes that it was
// used, and from where. It fails with Unauthenticated when the token is not known
// or has expired.
func (a *Auth) ByAccessToken(ctx context.Context, token, origin string) (*model.Identity, error) {
	if !LooksLikeAccessToken(token) {
		return nil, Unauthenticated()
	}
	key := tokenKey(sha256.Sum256([]byte(token)))
	h, err := a.tokens.get(key, func() (*holder, error) { return a.accessHolder(ctx, HashToken(token)) })
	if model.KindOf(err) == model.NotFound || err == nil && h.expired(a.Now()) {
		return nil, Unauthenticated()
	}
	if err != nil {
		return nil, err
	}
	a.touch(ctx, h, origin)
	return h.identity, nil
}

func (a *Auth) accessHolder(ctx context.Context, hash []byte) (*holder, error) {
	token, err := a.DB.AccessTokenByHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	user, err := a.DB.UserByID(ctx, token.UserID)
	if err != nil {
		return nil, err
	}
	return newHolder(&model.Identity{Credential: model.PersonalToken, User: user, AccessToken: token}, token.LastUsed), nil
}

// AccessTokenEdit is what is set of an access token; nil leaves it alone.
type AccessTokenEdit struct {
	Label *string
	// ExpiresAt is the zero time for never.
	ExpiresAt  *time.Time
	Permission *model.Permission
	// Topics are patterns with commas between, "" for everywhere.
	Topics *string
}

func (e AccessTokenEdit) apply(t *model.AccessToken) error {
	if e.Label != nil {
		if len(*e.Label) > maxTokenLabel {
			return model.Errorf(model.Invalid, "the label must not be longer than %d bytes", maxTokenLabel)
		}
		if err := model.CheckText("label", *e.Label); err != nil {
			return err
		}
		t.Label = *e.Label
	}
	if e.ExpiresAt != nil {
		t.ExpiresAt = nil
		if at := e.ExpiresAt.UTC(); !at.IsZero() {
			t.ExpiresAt = &at
		}
	}
	if e.Permission != nil {
		t.CanRead, t.CanWrite = e.Permission.Read, e.Permission.Write
	}
	if e.Topics == nil {
		return nil
	}
	t.Topics = *e.Topics
	if t.Topics == "" {
		return nil
	}
	if len(t.Topics) > 4096 {
		return model.Errorf(model.Invalid, "the topics must not be longer than 4096 bytes")
	}
	for pattern := range strings.SplitSeq(t.Topics, ",") {
		if err := model.CheckPattern(pattern); err != nil {
			return err
		}
	}
	return nil
}

func (e AccessTokenEdit) change() database.AccessTokenChange {
	c := database.AccessTokenChange{Label: e.Label, Topics: e.Topics, ExpiresAt: e.ExpiresAt}
	if e.Permission != nil {
		c.CanRead, c.CanWrite = &e.Permission.Read, &e.Permission.Write
	}
	return c
}

// CreateAccessToken makes an access token for the user and returns it in clear,
// for the only time. It fails with TooMany when the user has maxAccessTokens.
func (a *Auth) CreateAccessToken(ctx context.Context, user int64, e AccessTokenEdit) (string, *model.AccessToken, error) {
	have, err := a.DB.AccessTokensByUser(ctx, user)
	if err != nil {
		return "", nil, err
	}
	if len(have) >= maxAccessTokens {
		return "", nil, model.Errorf(model.TooMany, "a user cannot have more than %d access tokens", maxAccessTokens)
	}
	token := accessTokenPrefix + randomText(accessTokenAlphabet, accessTokenLength)
	t := &model.AccessToken{
		UserID: user, TokenHash: HashToken(token), Hint: token[:hintLength], CanRead: true, CanWrite: true, CreatedAt: a.Now(),
	}
	if err := e.apply(t); err != nil {
		return "", nil, err
	}
	if err := a.DB.CreateAccessToken(ctx, t); err != nil {
		return "", nil, Vanished(err)
	}
	return token, t, nil
}

// UpdateAccessToken edits an access token of the user. Its streams end: they rest
// on what it was.
func (a *Auth) UpdateAccessToken(ctx context.Context, user int64, token string, e AccessTokenEdit) (*model.AccessToken, error) {
	t, err := a.accessTokenOf(ctx, user, token)
	if err != nil {
		return nil, err
	}
	if err := e.apply(t); err != nil {
		return nil, err
	}
	if err := a.DB.UpdateAccessToken(ctx, user, t.ID, e.change()); err != nil {
		return nil, a.Doubt(err)
	}
	a.forgetAccessTokens(ctx, t.ID)
	return t, nil
}

// DeleteAccessToken deletes an access token of the user and ends its streams.
func (a *Auth) DeleteAccessToken(ctx context.Context, user int64, token string) error {
	t, err := a.accessTokenOf(ctx, user, token)
	if err != nil {
		return err
	}
	if err := a.DB.DeleteAccessToken(ctx, user, t.ID); err != nil {
		return a.Doubt(err)
	}
	a.forgetAccessTokens(ctx, t.ID)
	return nil
}

func (a *Auth) accessTokenOf(ctx context.Context, user int64, token string) (*model.AccessToken, error) {
	t, err := a.DB.AccessTokenByHash(ctx, HashToken(token))
	if err == nil && t.UserID != user {
		return nil, model.Errorf(model.NotFound, "the access token does not exist")
	}
	return t, err
}

func (a *Auth) forgetAccessTokens(ctx context.Context, ids ...int64) {
	gone := setOf(ids)
	a.tokens.forget(func(h *holder) bool { return h.identity.AccessToken != nil && gone[h.identity.AccessToken.ID] })
	a.revise(ctx)
	for _, id := range ids {
		a.accessTokens.Remove(id)
	}
	a.endTokens(gone)
}

// endTokens ends the streams of access tokens.
func (a *Auth) endTokens(ids map[int64]bool) {
	if a.EndWhere != nil {
		a.EndWhere(func(f model.Feed) bool { return f.TokenID != 0 && ids[f.TokenID] })
	}
}

// sweepAccessTokens deletes those that have expired and ends their streams.
func (a *Auth) sweepAccessTokens(ctx context.Context, now time.Time) error {
	ids, err := a.DB.DeleteExpiredAccessTokens(ctx, now)
	if err == nil && len(ids) > 0 {
		a.forgetAccessTokens(ctx, ids...)
	}
	return err
}
