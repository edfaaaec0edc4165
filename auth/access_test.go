package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

var (
	nothing   = model.Permission{}
	reads     = model.Permission{Read: true}
	writes    = model.Permission{Write: true}
	both      = model.Permission{Read: true, Write: true}
	unlimited = AccessTokenEdit{}
)

func (h *house) rule(user *model.User, pattern string, p model.Permission) {
	h.t.Helper()
	rule := model.AccessRule{Pattern: pattern, CanRead: p.Read, CanWrite: p.Write}
	if user != nil {
		rule.UserID = &user.ID
	}
	require.NoError(h.t, h.PutAccessRule(h.ctx(), rule))
}

func (h *house) topic(user *model.User, topic string) (*model.Application, string) {
	h.t.Helper()
	a, token := h.newApplication(user)
	require.NoError(h.t, h.DB.UpdateApplication(h.ctx(), user.ID, a.ID, database.ApplicationChange{Topic: &topic}))
	h.ForgetApplication(h.ctx(), a.ID)
	a.Topic = topic
	return a, token
}

func (h *house) byAccessToken(token string) *model.Identity {
	h.t.Helper()
	who, err := h.ByAccessToken(h.ctx(), token, "192.0.2.1")
	require.NoError(h.t, err)
	return who
}

func TestMayByCredential(t *testing.T) {
	h := newHouse(t)
	ada, bob, admin := h.newUser("ada", false), h.newUser("bob", false), h.newUser("root", true)
	door, doorToken := h.topic(ada, "door")
	push, _ := h.topic(ada, "upAbCdEfGh1234")
	_, clientToken := h.newClient(ada)
	_, sessionToken := h.newSession(ada)
	token, _, err := h.CreateAccessToken(h.ctx(), ada.ID, unlimited)
	require.NoError(t, err)
	limited, topics := reads, "do*,x"
	limitedToken, _, err := h.CreateAccessToken(h.ctx(), ada.ID, AccessTokenEdit{Permission: &limited, Topics: &topics})
	require.NoError(t, err)
	other := &model.Application{ID: 1 << 40, UserID: bob.ID, Topic: "other"}

	for _, c := range []struct {
		who                         string
		identity                    *model.Identity
		own, foreign, hidden, fresh model.Permission
	}{
		{"a stranger", nil, nothing, nothing, writes, nothing},
		{"the application's token", h.byToken(doorToken), writes, nothing, nothing, nothing},
		{"a client token", h.byToken(clientToken), reads, nothing, reads, nothing},
		{"a web session", h.byToken(sessionToken), both, nothing, both, nothing},
		{"a password", h.byPassword(ada), both, nothing, both, nothing},
		{"an access token", h.byAccessToken(token), both, nothing, both, nothing},
		{"a limited access token", h.byAccessToken(limitedToken), reads, nothing, nothing, nothing},
		{"somebody else", h.byPassword(bob), nothing, both, writes, nothing},
		{"an admin", h.byPassword(admin), both, both, both, both},
	} {
		require.Equal(t, c.own, h.May(c.identity, "door", door), "%s: own", c.who)
		require.Equal(t, c.foreign, h.May(c.identity, "other", other), "%s: foreign", c.who)
		require.Equal(t, c.hidden, h.May(c.identity, push.Topic, push), "%s: UnifiedPush", c.who)
		require.Equal(t, c.fresh, h.May(c.identity, "new", nil), "%s: not there", c.who)
	}
}

func TestWhichRuleCounts(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules func(h *house, bob *model.User)
		want  model.Permission
	}{
		{"none", func(*house, *model.User) {}, nothing},
		{"a user's", func(h *house, bob *model.User) { h.rule(bob, "door", reads) }, reads},
		{"everyone's", func(h *house, _ *model.User) { h.rule(nil, "d*", both) }, both},
		{"a user's before everyone's, however long", func(h *house, bob *model.User) {
			h.rule(nil, "door", both)
			h.rule(bob, "*", nothing)
		}, nothing},
		{"the longer pattern", func(h *house, bob *model.User) {
			h.rule(bob, "d*", both)
			h.rule(bob, "doo*", reads)
			h.rule(bob, "*", both)
		}, reads},
		{"one that lets write", func(h *house, bob *model.User) {
			h.rule(bob, "doo*", reads)
			h.rule(bob, "*oor", both)
		}, both},
		{"case matters", func(h *house, bob *model.User) { h.rule(bob, "DOOR", both) }, nothing},
		{"somebody else's", func(h *house, _ *model.User) { h.rule(h.newUser("eve", false), "door", both) }, nothing},
		{"a rule that is gone", func(h *house, bob *model.User) {
			h.rule(bob, "door", both)
			require.NoError(h.t, h.DeleteAccessRules(h.ctx(), &bob.ID, "door"))
		}, nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			require.NoError(t, h.LoadRules(t.Context()))
			ada, bob := h.newUser("ada", false), h.newUser("bob", false)
			door, token := h.topic(ada, "door")
			c.rules(h, bob)
			require.Equal(t, c.want, h.May(h.byPassword(bob), "door", door))
			require.Equal(t, both, h.May(h.byPassword(ada), "door", door), "the owner")
			require.Equal(t, writes, h.May(h.byToken(token), "door", door), "the application")
			require.Equal(t, c.want.Read, h.SharedWith(bob.ID, door))
			require.False(t, h.SharedWith(ada.ID, door))
			require.Equal(t, c.want.Write, h.MayPost(h.byPassword(bob), door))
		})
	}
}

func TestWhatTheServerAllowsToEverybody(t *testing.T) {
	h := newHouse(t)
	ada, bob := h.newUser("ada", false), h.newUser("bob", false)
	door, _ := h.topic(ada, "door")
	h.Default = both
	require.Equal(t, both, h.May(nil, "door", door))
	require.False(t, h.SharedWith(bob.ID, door), "it stands in nobody's lists")
	require.False(t, h.MayPost(h.byPassword(bob), door))
	h.rule(nil, "door", nothing)
	require.Equal(t, nothing, h.May(nil, "door", door))
}

func TestReaders(t *testing.T) {
	h := newHouse(t)
	require.NoError(t, h.LoadRules(t.Context()))
	ada, bob, eve := h.newUser("ada", false), h.newUser("bob", false), h.newUser("eve", false)
	require.Empty(t, h.Readers("door", ada.ID))
	h.rule(nil, "d*", reads)
	require.Equal(t, []int64{bob.ID, eve.ID}, h.Readers("door", ada.ID))
	h.rule(bob, "door", writes)
	require.Equal(t, []int64{eve.ID}, h.Readers("door", ada.ID))
	require.Equal(t, []int64{ada.ID, eve.ID}, h.Readers("door", 99))
	mel := h.newUser("mel", false)
	require.Equal(t, []int64{eve.ID, mel.ID}, h.Readers("door", ada.ID), "a new user is one of everyone")
	require.NoError(t, h.DeleteUser(h.ctx(), eve.ID))
	require.Equal(t, []int64{mel.ID}, h.Readers("door", ada.ID))
	require.Empty(t, h.Readers("upAbCdEfGh1234", ada.ID))
	require.Empty(t, h.Readers("", ada.ID))
}

func TestStreamsEndWithTheirRight(t *testing.T) {
	h := newHouse(t)
	require.NoError(t, h.LoadRules(t.Context()))
	bob, eve := h.newUser("bob", false), h.newUser("eve", false)
	h.rule(bob, "door", reads)
	h.rule(nil, "bell*", reads)
	h.rule(eve, "door", reads)
	all := []model.Feed{
		{UserID: bob.ID, Topics: []string{"door"}}, {UserID: eve.ID, Topics: []string{"door"}},
		{Topics: []string{"bell1"}}, {UserID: bob.ID, Topics: []string{"bell2", "x"}}, {UserID: bob.ID, Topics: []string{"x"}},
	}
	listen := func() { h.listen(append([]model.Feed(nil), all...)...) }

	listen()
	h.rule(bob, "door", both)
	require.Len(t, h.listening(), 5, "more rights end nothing")
	h.rule(bob, "door", writes)
	require.Equal(t, []string{"door", "bell1", "bell2", "x"}, h.listening())
	listen()
	require.NoError(t, h.DeleteAccessRules(h.ctx(), nil, "bell*"))
	require.Equal(t, []string{"door", "door", "x"}, h.listening())
	listen()
	h.rule(eve, "*", nothing)
	require.Len(t, h.listening(), 5, "what counts less ends nothing")
	h.rule(eve, "door", nothing)
	require.Equal(t, []string{"door", "bell1", "bell2", "x"}, h.listening())
	h.rule(eve, "door", reads)
	listen()
	h.EndTopics("x")
	require.Equal(t, []string{"door", "door", "bell1"}, h.listening())

	// What another process changes takes effect here with the next look.
	listen()
	other := openHouse(t, h.file, h.clock)
	require.NoError(t, h.follow(h.ctx()))
	require.Len(t, h.listening(), 5)
	require.NoError(t, other.LoadRules(t.Context()))
	require.NoError(t, other.DeleteAccessRules(h.ctx(), &eve.ID, ""))
	require.NoError(t, h.follow(h.ctx()))
	require.Equal(t, []string{"door", "bell1", "bell2", "x"}, h.listening())
}

func TestTheOwnerOfATopicIsChangedByAnotherProcess(t *testing.T) {
	h := newHouse(t)
	require.NoError(t, h.LoadRules(t.Context()))
	ada := h.newUser("ada", false)
	door, _ := h.topic(ada, "door")
	h.topic(ada, "bell")
	require.NoError(t, h.StillReads(h.ctx(), h.byPassword(ada), []string{"door", "bell"}))
	requireKind(t, model.Forbidden, h.StillReads(h.ctx(), nil, []string{"door"}))
	h.listen(model.Feed{UserID: ada.ID, Topics: []string{"door"}}, model.Feed{UserID: ada.ID, Topics: []string{"bell"}})
	require.NoError(t, h.follow(h.ctx()))
	require.NoError(t, openHouse(t, h.file, h.clock).DB.DeleteApplication(h.ctx(), ada.ID, door.ID))
	_, err := h.DB.Revise(h.ctx())
	require.NoError(t, err)
	require.NoError(t, h.follow(h.ctx()))
	require.Equal(t, []string{"bell"}, h.listening())
	_, err = h.ApplicationByTopic(h.ctx(), "door")
	requireKind(t, model.NotFound, err)
}

func TestAccessTokens(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	label, soon := "phone", h.now().Add(time.Hour)
	token, made, err := h.CreateAccessToken(h.ctx(), ada.ID, AccessTokenEdit{Label: &label, ExpiresAt: &soon})
	require.NoError(t, err)
	require.True(t, LooksLikeAccessToken(token))
	require.True(t, strings.HasPrefix(token, made.Hint))
	require.NotContains(t, string(made.TokenHash), token)
	who := h.byAccessToken(token)
	require.Equal(t, ada.ID, who.User.ID)
	require.Equal(t, model.PersonalToken, who.Credential)
	h.noToken(token) // on Gotify's face it is nothing
	stored, err := h.DB.AccessTokensByUser(h.ctx(), ada.ID)
	require.NoError(t, err)
	require.Equal(t, "192.0.2.1", stored[0].LastOrigin)
	require.NotNil(t, stored[0].LastUsed)

	for _, bad := range []string{"", "tk_", token + "x", token[:31], "TK_" + token[3:], token[:31] + "!", "tk_" + strings.Repeat("a", 29)} {
		_, err := h.ByAccessToken(h.ctx(), bad, "")
		requireKind(t, model.Unauthenticated, err)
	}
	requireKind(t, model.NotFound, h.DeleteAccessToken(h.ctx(), ada.ID+1, token))

	h.listen(model.Feed{UserID: ada.ID, TokenID: made.ID, Topics: []string{"mine"}}, model.Feed{UserID: ada.ID, Topics: []string{"other"}})
	never := time.Time{}
	changed, err := h.UpdateAccessToken(h.ctx(), ada.ID, token, AccessTokenEdit{ExpiresAt: &never})
	require.NoError(t, err)
	require.Nil(t, changed.ExpiresAt)
	require.Equal(t, "phone", changed.Label)
	require.Equal(t, []string{"other"}, h.listening(), "streams rest on what it was")

	h.listen(model.Feed{UserID: ada.ID, TokenID: made.ID, Topics: []string{"mine"}})
	require.NoError(t, h.Still(h.ctx(), h.byAccessToken(token)))
	other := openHouse(t, h.file, h.clock)
	require.NoError(t, other.DeleteAccessToken(h.ctx(), ada.ID, token))
	require.NoError(t, h.follow(h.ctx()))
	require.Empty(t, h.listening())
	_, err = h.ByAccessToken(h.ctx(), token, "")
	requireKind(t, model.Unauthenticated, err)
	requireKind(t, model.Unauthenticated, h.Still(h.ctx(), who))
}

func TestAccessTokensExpire(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	soon := h.now().Add(time.Minute)
	token, made, err := h.CreateAccessToken(h.ctx(), ada.ID, AccessTokenEdit{ExpiresAt: &soon})
	require.NoError(t, err)
	h.byAccessToken(token)
	h.listen(model.Feed{UserID: ada.ID, TokenID: made.ID, Topics: []string{"mine"}})
	h.advance(time.Minute - time.Microsecond)
	h.byAccessToken(token)
	require.NoError(t, h.sweep(h.ctx()))
	require.Len(t, h.listening(), 1)
	h.advance(time.Microsecond)
	_, err = h.ByAccessToken(h.ctx(), token, "")
	requireKind(t, model.Unauthenticated, err)
	require.NoError(t, h.sweep(h.ctx()))
	require.Empty(t, h.listening())
	all, err := h.DB.AccessTokensByUser(h.ctx(), ada.ID)
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestAccessTokensAreBounded(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	long, wrong, many := strings.Repeat("x", 257), "a b", strings.Repeat("a,", 5000)
	for _, edit := range []AccessTokenEdit{{Label: &long}, {Topics: &wrong}, {Topics: &many}} {
		_, _, err := h.CreateAccessToken(h.ctx(), ada.ID, edit)
		requireKind(t, model.Invalid, err)
	}
	for range maxAccessTokens {
		_, _, err := h.CreateAccessToken(h.ctx(), ada.ID, unlimited)
		require.NoError(t, err)
	}
	_, _, err := h.CreateAccessToken(h.ctx(), ada.ID, unlimited)
	requireKind(t, model.TooMany, err)
}

func TestWrongPatterns(t *testing.T) {
	h := newHouse(t)
	for _, pattern := range []string{"", "a b", "ä", strings.Repeat("a", 129), "a?"} {
		requireKind(t, model.Invalid, h.PutAccessRule(h.ctx(), model.AccessRule{Pattern: pattern}))
	}
}

// A stream rests on what its user and its token are when it opens, not on what they
// were when the request came.
func TestStreamsOfStaleIdentities(t *testing.T) {
	h := newHouse(t)
	require.NoError(t, h.LoadRules(t.Context()))
	ada, root, other := h.newUser("ada", false), h.newUser("root", true), h.newUser("other", true)
	h.topic(ada, "door")
	wasAdmin := h.byPassword(root)
	require.NoError(t, h.StillReads(h.ctx(), wasAdmin, []string{"door"}))
	require.NoError(t, h.UpdateUser(h.ctx(), nil, root.ID, UserEdit{Name: "root"}))
	requireKind(t, model.Forbidden, h.StillReads(h.ctx(), wasAdmin, []string{"door"}))
	require.NotNil(t, other)

	token, made, err := h.CreateAccessToken(h.ctx(), ada.ID, unlimited)
	require.NoError(t, err)
	wasWide := h.byAccessToken(token)
	require.NoError(t, h.StillReads(h.ctx(), wasWide, []string{"door"}))
	h.listen(model.Feed{UserID: ada.ID, TokenID: made.ID, Topics: []string{"door"}})
	elsewhere := openHouse(t, h.file, h.clock)
	require.NoError(t, elsewhere.LoadRules(t.Context()))
	topics := "x"
	_, err = elsewhere.UpdateAccessToken(h.ctx(), ada.ID, token, AccessTokenEdit{Topics: &topics})
	require.NoError(t, err)
	requireKind(t, model.Forbidden, h.StillReads(h.ctx(), wasWide, []string{"door"}))
	require.NoError(t, h.follow(h.ctx()))
	require.Empty(t, h.listening(), "another process has narrowed the token")
}
