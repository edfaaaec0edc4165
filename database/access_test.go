package database_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

func TestAccessRules(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		put := func(user *int64, pattern string, read, write bool) {
			s.Helper()
			require.NoError(s, s.PutAccessRule(s.ctx, &model.AccessRule{UserID: user, Pattern: pattern, CanRead: read, CanWrite: write}, 0))
		}
		rules := func() map[string]model.Permission {
			s.Helper()
			all, err := s.AccessRules(s.ctx)
			require.NoError(s, err)
			found := map[string]model.Permission{}
			for _, r := range all {
				who := "everyone "
				if r.UserID != nil {
					who = "u "
				}
				found[who+r.Pattern] = r.Permission()
			}
			require.Len(s, found, len(all), "no rule twice")
			return found
		}
		put(&u.ID, "a*", true, false)
		put(&u.ID, "A*", false, true)
		put(nil, "a*", true, true)
		put(nil, "a*", false, true)
		put(&u.ID, "a*", false, false)
		require.Equal(s, map[string]model.Permission{
			"u a*": {}, "u A*": {Write: true}, "everyone a*": {Write: true},
		}, rules())
		requireKind(s, model.NotFound, s.DeleteAccessRules(s.ctx, nil, "A*"))
		require.NoError(s, s.DeleteAccessRules(s.ctx, nil, "a*"))
		require.NoError(s, s.DeleteAccessRules(s.ctx, &u.ID, "A*"))
		require.Len(s, rules(), 1)
		put(nil, "b", true, true)
		require.NoError(s, s.DeleteAccessRules(s.ctx, &u.ID, ""))
		require.Len(s, rules(), 1)
		put(&u.ID, "c", true, true)
		require.NoError(s, s.DeleteUser(s.ctx, u.ID))
		require.Len(s, rules(), 1)
		requireKind(s, model.NotFound, s.PutAccessRule(s.ctx, &model.AccessRule{UserID: &u.ID, Pattern: "x"}, 0))
		a := s.application(s.user("v"))
		require.NoError(s, s.PutAccessRule(s.ctx, &model.AccessRule{Pattern: a.Topic, CanRead: true}, a.ID))
		requireKind(s, model.NotFound, s.PutAccessRule(s.ctx, &model.AccessRule{Pattern: "elsewhere", CanRead: true}, a.ID))
		requireKind(s, model.NotFound, s.PutAccessRule(s.ctx, &model.AccessRule{Pattern: a.Topic, CanRead: true}, a.ID+1))
	})
}

func TestAccessTokens(t *testing.T) {
	each(t, func(s *suite) {
		u, v := s.user("u"), s.user("v")
		soon := model.Now().Add(time.Minute)
		token := &model.AccessToken{UserID: u.ID, TokenHash: hash(), Hint: "tk_abcd", Label: "öüä 🔑", CanRead: true, Topics: "a*,b", CreatedAt: model.Now(), ExpiresAt: &soon}
		stays := &model.AccessToken{UserID: u.ID, TokenHash: hash(), Hint: "tk_efgh", CanWrite: true, CreatedAt: model.Now()}
		require.NoError(s, s.CreateAccessToken(s.ctx, token))
		require.NoError(s, s.CreateAccessToken(s.ctx, stays))
		found, err := s.AccessTokenByHash(s.ctx, token.TokenHash)
		require.NoError(s, err)
		require.Equal(s, token, found)

		used := model.Now()
		require.NoError(s, s.TouchAccessToken(s.ctx, token.ID, used, "192.0.2.1"))
		token.Label, token.ExpiresAt, token.CanRead, token.CanWrite, token.Topics = "l", nil, false, true, ""
		require.NoError(s, s.UpdateAccessToken(s.ctx, u.ID, token.ID, database.AccessTokenChange{
			Label: &token.Label, Topics: &token.Topics, CanRead: &token.CanRead, CanWrite: &token.CanWrite, ExpiresAt: &time.Time{},
		}))
		require.NoError(s, s.UpdateAccessToken(s.ctx, u.ID, token.ID, database.AccessTokenChange{}), "nothing to change")
		requireKind(s, model.NotFound, s.UpdateAccessToken(s.ctx, v.ID, token.ID, database.AccessTokenChange{Label: &token.Label}))
		token.LastUsed, token.LastOrigin = &used, "192.0.2.1"
		all, err := s.AccessTokensByUser(s.ctx, u.ID)
		require.NoError(s, err)
		require.Equal(s, []*model.AccessToken{token, stays}, all)

		require.NoError(s, s.UpdateAccessToken(s.ctx, u.ID, token.ID, database.AccessTokenChange{ExpiresAt: &soon}))
		gone, err := s.DeleteExpiredAccessTokens(s.ctx, soon.Add(-time.Microsecond))
		require.NoError(s, err)
		require.Empty(s, gone)
		gone, err = s.DeleteExpiredAccessTokens(s.ctx, soon)
		require.NoError(s, err)
		require.Equal(s, []int64{token.ID}, gone)
		there, err := s.AccessTokensByID(s.ctx, []int64{token.ID, stays.ID})
		require.NoError(s, err)
		require.Equal(s, []*model.AccessToken{stays}, there)
		requireKind(s, model.NotFound, s.DeleteAccessToken(s.ctx, v.ID, stays.ID))
		require.NoError(s, s.DeleteAccessToken(s.ctx, u.ID, stays.ID))
		requireKind(s, model.NotFound, s.UpdateAccessToken(s.ctx, u.ID, stays.ID, database.AccessTokenChange{Label: &stays.Label}))
		require.NoError(s, s.DeleteUser(s.ctx, v.ID))
		requireKind(s, model.NotFound, s.CreateAccessToken(s.ctx, &model.AccessToken{UserID: v.ID, TokenHash: hash(), CreatedAt: model.Now()}))
	})
}

func TestTopicsAreUnique(t *testing.T) {
	each(t, func(s *suite) {
		u, v := s.user("u"), s.user("v")
		a := s.application(u)
		twin := newApplication(v)
		twin.Topic = a.Topic
		requireKind(s, model.Conflict, s.CreateApplication(s.ctx, twin))
		// What is older than topics has none, any number of them.
		for range 2 {
			old := newApplication(v)
			old.Topic = ""
			require.NoError(s, s.CreateApplication(s.ctx, old))
			require.Empty(s, old.Topic)
		}
		some, err := s.TopiclessApplications(s.ctx, 10)
		require.NoError(s, err)
		require.Len(s, some, 2)
		require.Empty(s, some[0].Topic)
		found, err := s.ApplicationByTopic(s.ctx, a.Topic)
		require.NoError(s, err)
		require.Equal(s, a, found)
		_, err = s.ApplicationByTopic(s.ctx, "")
		requireKind(s, model.NotFound, err)
	})
}

// A rule for one topic was made for the application that has it.
func TestRulesFollowTheApplication(t *testing.T) {
	each(t, func(s *suite) {
		u, v := s.user("u"), s.user("v")
		a, b := s.application(u), s.application(u)
		for _, rule := range []*model.AccessRule{
			{UserID: &v.ID, Pattern: a.Topic, CanRead: true}, {Pattern: a.Topic}, {UserID: &v.ID, Pattern: b.Topic, CanWrite: true},
			{UserID: &v.ID, Pattern: a.Topic + "*", CanRead: true}, {UserID: &u.ID, Pattern: a.Topic, CanWrite: true}, {UserID: &u.ID, Pattern: "new"},
		} {
			require.NoError(s, s.PutAccessRule(s.ctx, rule, 0))
		}
		rules := func() (all []string) {
			s.Helper()
			rules, err := s.AccessRules(s.ctx)
			require.NoError(s, err)
			for _, r := range rules {
				who := "everyone"
				if r.UserID != nil {
					who = map[int64]string{u.ID: "u", v.ID: "v"}[*r.UserID]
				}
				all = append(all, fmt.Sprint(who, " ", r.Pattern, " ", r.CanRead, " ", r.CanWrite))
			}
			return all
		}
		to := "new"
		moved := []string{
			"v " + b.Topic + " false true", "v " + a.Topic + "* true false", "everyone " + a.Topic + " false false",
			"u new false false", "v new true false", "everyone new false false",
		}
		for range 2 { // the second time, it has the topic already
			require.NoError(s, s.UpdateApplication(s.ctx, u.ID, a.ID, database.ApplicationChange{Topic: &to}))
			require.ElementsMatch(s, moved, rules())
		}
		requireKind(s, model.NotFound, s.UpdateApplication(s.ctx, v.ID, a.ID, database.ApplicationChange{Topic: &to}))
		require.NoError(s, s.DeleteApplication(s.ctx, u.ID, a.ID))
		require.ElementsMatch(s, []string{
			"v " + b.Topic + " false true", "v " + a.Topic + "* true false", "everyone " + a.Topic + " false false",
			"u new false false", "everyone new false false",
		}, rules(), "what allows nothing harms nobody")
		require.NoError(s, s.DeleteUser(s.ctx, u.ID))
		require.ElementsMatch(s, []string{"v " + a.Topic + "* true false", "everyone " + a.Topic + " false false", "everyone new false false"}, rules())
	})
}
