package ntfy

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// tokenLife is how long an access token lives when nobody says: ntfy's number.
const tokenLife = 72 * time.Hour

// token is an access token as its owner sees it: whole when it was just made, later
// its beginning only.
type token struct {
	Token      string `json:"token"`
	Label      string `json:"label,omitempty"`
	LastAccess int64  `json:"last_access,omitempty"`
	LastOrigin string `json:"last_origin,omitempty"`
	// Expires is in seconds since 1970, 0 for never.
	Expires int64 `json:"expires,omitempty"`
	// Permission and Topics are ours; both are left out for a token that may do all.
	Permission string   `json:"permission,omitempty"`
	Topics     []string `json:"topics,omitempty"`
}

func toToken(t *model.AccessToken, text string) token {
	told := token{Token: text, Label: t.Label, LastOrigin: t.LastOrigin}
	if t.LastUsed != nil {
		told.LastAccess = t.LastUsed.Unix()
	}
	if t.ExpiresAt != nil {
		told.Expires = t.ExpiresAt.Unix()
	}
	if p := (model.Permission{Read: t.CanRead, Write: t.CanWrite}); p != (model.Permission{Read: true, Write: true}) {
		told.Permission = permissionName(p)
	}
	if t.Topics != "" {
		told.Topics = strings.Split(t.Topics, ",")
	}
	return told
}

// tokenBody is what is asked of a token. What is absent stays, or is as usual.
type tokenBody struct {
	// Token is whose change is asked for; the one in use when there is none.
	Token      string    `json:"token"`
	Label      *string   `json:"label"`
	Expires    *int64    `json:"expires"`
	Permission *string   `json:"permission"`
	Topics     *patterns `json:"topics"`
}

// patterns are topic patterns, with commas between. Only no list, or a list of
// nothing, is no limit: an empty text in it stays one, and is refused as a pattern.
type patterns looseList

// UnmarshalJSON implements json.Unmarshaler.
func (p *patterns) UnmarshalJSON(raw []byte) error {
	if err := (*looseList)(p).UnmarshalJSON(raw); err != nil {
		return err
	}
	if *p == "" && bytes.ContainsAny(raw, `[`) && bytes.ContainsAny(raw, `"n`) {
		*p = ","
	}
	return nil
}

func (b *tokenBody) edit(now time.Time) (e auth.AccessTokenEdit, err error) {
	e.Label, e.Topics = b.Label, (*string)(b.Topics)
	if b.Permission != nil {
		p, err := parsePermission(*b.Permission)
		if err != nil {
			return e, err
		}
		e.Permission = &p
	}
	if b.Expires != nil {
		at := time.Time{}
		if *b.Expires != 0 {
			at = time.Unix(*b.Expires, 0).UTC()
			if !at.After(now) || at.Year() > 9999 {
				return e, failuref(40000, "expires must be a time in the future, in seconds since 1970, or 0 for never")
			}
		}
		e.ExpiresAt = &at
	}
	return e, nil
}

func (f *Face) createToken(c *gin.Context) error {
	who, err := f.tokenOwner(c)
	if err != nil {
		return err
	}
	var body tokenBody
	if err := readBody(c, &body, true); err != nil {
		return err
	}
	now := f.Now()
	edit, err := body.edit(now)
	if err != nil {
		return err
	}
	if edit.ExpiresAt == nil {
		soon := now.Add(tokenLife)
		edit.ExpiresAt = &soon
	}
	text, made, err := f.Auth.CreateAccessToken(c.Request.Context(), who.User.ID, edit)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, toToken(made, text))
}

// updateToken changes a token, the one in use when none is named. When nothing is
// asked for, its life begins anew.
func (f *Face) updateToken(c *gin.Context) error {
	who, err := f.tokenOwner(c)
	if err != nil {
		return err
	}
	var body tokenBody
	if err := readBody(c, &body, true); err != nil {
		return err
	}
	now := f.Now()
	edit, err := body.edit(now)
	if err != nil {
		return err
	}
	if edit == (auth.AccessTokenEdit{}) {
		soon := now.Add(tokenLife)
		edit.ExpiresAt = &soon
	}
	text := cmp.Or(body.Token, tokenInUse(c.Request, who))
	if text == "" {
		return failuref(40023, "")
	}
	changed, err := f.Auth.UpdateAccessToken(c.Request.Context(), who.User.ID, text, edit)
	if err != nil {
		return missing(err, "there is no such access token")
	}
	return writeJSON(c, http.StatusOK, toToken(changed, text))
}

func (f *Face) deleteToken(c *gin.Context) error {
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	inUse := tokenInUse(c.Request, who)
	text := cmp.Or(newParameters(c.Request).text("x-token"), strings.TrimSpace(c.GetHeader("Token")), inUse)
	if text != inUse || text == "" { // a token may always end itself
		if who, err = f.tokenOwner(c); err != nil {
			return err
		}
	}
	if text == "" {
		return failuref(40023, "")
	}
	return done(c, missing(f.Auth.DeleteAccessToken(c.Request.Context(), who.User.ID, text), "there is no such access token"))
}

// tokenOwner returns who manages their access tokens: by a password, or by such a
// token that may do all that its user may. One that may do less would make
// itself one that may do more.
func (f *Face) tokenOwner(c *gin.Context) (*model.Identity, error) {
	who, err := f.identify(c)
	switch {
	case err != nil:
		return nil, err
	case who == nil:
		return nil, failuref(40101, "")
	case who.Credential == model.Password, who.Credential == model.PersonalToken && hasNoLimits(who.AccessToken):
		return who, nil
	}
	return nil, failuref(40301, "access tokens are managed with a password, or with an access token that has no limits")
}

func hasNoLimits(t *model.AccessToken) bool { return t.CanRead && t.CanWrite && t.Topics == "" }

// tokenInUse returns the access token that the request came with, "" when it came
// with something else.
func tokenInUse(r *http.Request, who *model.Identity) string {
	if who == nil || who.AccessToken == nil {
		return ""
	}
	shown := readCredentials(r)
	for _, text := range []string{shown.key, shown.token, shown.pass} {
		if bytes.Equal(auth.HashToken(text), who.AccessToken.TokenHash) {
			return text
		}
	}
	return ""
}

// missing gives NotFound the words for the thing.
func missing(err error, text string) error {
	if model.KindOf(err) == model.NotFound {
		return failuref(40401, "%s", text)
	}
	return err
}
