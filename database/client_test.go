package database_test

import (
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/stretchr/testify/require"
)

func TestClients(t *testing.T) {
	each(t, func(s *suite) {
		u, stranger := s.user("u"), s.user("stranger")
		at := func(text string) *time.Time {
			moment, err := time.Parse(time.RFC3339Nano, text)
			require.NoError(s, err)
			return &moment
		}

		s.sub("what was created is found, to the microsecond", func(s *suite) {
			c := &model.Client{
				UserID: u.ID, TokenHash: []byte("\x00\xff'\\\"%_ a hash is any 32 bytes"), Name: "📱 '\\", Session: true,
				CreatedAt: *at("2026-02-28T23:59:59.999999Z"), LastUsed: at("1969-12-31T23:59:59.000001Z"),
				ElevatedUntil: at("2262-04-12T00:00:00.123456Z"), ExpiresAfterInactivitySeconds: 0,
			}
			require.NoError(s, s.CreateClient(s.ctx, c))
			byHash, err := s.ClientByTokenHash(s.ctx, c.TokenHash)
			require.NoError(s, err)
			require.Equal(s, c, byHash)
			byID, err := s.ClientByID(s.ctx, u.ID, c.ID)
			require.NoError(s, err)
			require.Equal(s, c, byID)
			ofUser, err := s.ClientsByUser(s.ctx, u.ID, model.Now())
			require.NoError(s, err)
			require.Equal(s, []*model.Client{c}, ofUser)
			require.NoError(s, s.DeleteClient(s.ctx, u.ID, c.ID))
		})

		s.sub("what is nobody's or somebody else's is not found", func(s *suite) {
			c := s.client(u)
			_, err := s.ClientByTokenHash(s.ctx, hash())
			requireKind(s, model.NotFound, err)
			_, err = s.ClientByTokenHash(s.ctx, nil)
			requireKind(s, model.NotFound, err)
			for _, tried := range []struct{ user, id int64 }{{stranger.ID, c.ID}, {u.ID, 0}, {u.ID, 1 << 62}, {0, c.ID}} {
				_, err := s.ClientByID(s.ctx, tried.user, tried.id)
				requireKind(s, model.NotFound, err)
				requireKind(s, model.NotFound, s.DeleteClient(s.ctx, tried.user, tried.id))
				requireKind(s, model.NotFound, s.UpdateClient(s.ctx, tried.user, tried.id, database.ClientChange{Name: new(string)}))
				requireKind(s, model.NotFound, s.UpdateClient(s.ctx, tried.user, tried.id, database.ClientChange{}))
			}
			found, err := s.ClientByID(s.ctx, u.ID, c.ID)
			require.NoError(s, err)
			require.Equal(s, c, found)
			requireKind(s, model.NotFound, s.CreateClient(s.ctx, &model.Client{UserID: 1 << 40, TokenHash: hash(), CreatedAt: model.Now()}))
		})

		s.sub("a token is one client's", func(s *suite) {
			c := s.client(u)
			requireKind(s, model.Conflict, s.CreateClient(s.ctx, &model.Client{UserID: stranger.ID, TokenHash: c.TokenHash, CreatedAt: model.Now()}))
		})

		s.sub("only named columns change", func(s *suite) {
			c := s.client(u)
			name, inactivity, until := "renamed", int64(60), model.Now().Add(time.Hour)
			require.NoError(s, s.UpdateClient(s.ctx, u.ID, c.ID, database.ClientChange{Name: &name}))
			require.NoError(s, s.UpdateClient(s.ctx, u.ID, c.ID, database.ClientChange{ExpiresAfterInactivitySeconds: &inactivity}))
			require.NoError(s, s.UpdateClient(s.ctx, u.ID, c.ID, database.ClientChange{Elevate: true, ElevatedUntil: &until}))
			require.NoError(s, s.UpdateClient(s.ctx, u.ID, c.ID, database.ClientChange{}))
			c.Name, c.ExpiresAfterInactivitySeconds, c.ElevatedUntil = name, inactivity, &until
			found, err := s.ClientByID(s.ctx, u.ID, c.ID)
			require.NoError(s, err)
			require.Equal(s, c, found)
			require.NoError(s, s.UpdateClient(s.ctx, u.ID, c.ID, database.ClientChange{Elevate: true}))
			found, err = s.ClientByID(s.ctx, u.ID, c.ID)
			require.NoError(s, err)
			require.Nil(s, found.ElevatedUntil)
		})

		s.sub("sessions end, but not the one kept", func(s *suite) {
			owner := s.user("of sessions")
			var sessions []*model.Client
			for range 3 {
				c := &model.Client{UserID: owner.ID, TokenHash: hash(), Session: true, CreatedAt: model.Now()}
				require.NoError(s, s.CreateClient(s.ctx, c))
				sessions = append(sessions, c)
			}
			device := s.client(owner)
			other := &model.Client{UserID: stranger.ID, TokenHash: hash(), Session: true, CreatedAt: model.Now()}
			require.NoError(s, s.CreateClient(s.ctx, other))
			require.NoError(s, s.DeleteSessions(s.ctx, owner.ID, sessions[1].ID))
			left, err := s.ClientsByUser(s.ctx, owner.ID, model.Now())
			require.NoError(s, err)
			require.Equal(s, []*model.Client{sessions[1], device}, left)
			_, err = s.ClientByID(s.ctx, stranger.ID, other.ID)
			require.NoError(s, err)
		})

		s.sub("those that exist are told", func(s *suite) {
			a, b := s.client(u), s.client(stranger)
			asked := []int64{a.ID, 0, 1 << 62}
			for i := range int64(2000) {
				asked = append(asked, 1<<50+i)
			}
			there, err := s.ExistingClients(s.ctx, append(asked, b.ID))
			require.NoError(s, err)
			require.ElementsMatch(s, []int64{a.ID, b.ID}, there)
			there, err = s.ExistingClients(s.ctx, nil)
			require.NoError(s, err)
			require.Empty(s, there)
		})
	})
}

func TestUnusedClientsExpire(t *testing.T) {
	each(t, func(s *suite) {
		u, now := s.user("u"), model.Now()
		create := func(seconds int64, age time.Duration, unused *time.Duration) *model.Client {
			c := &model.Client{UserID: u.ID, TokenHash: hash(), CreatedAt: now.Add(-age), ExpiresAfterInactivitySeconds: seconds}
			if unused != nil {
				used := now.Add(-*unused)
				c.LastUsed = &used
			}
			require.NoError(s, s.CreateClient(s.ctx, c))
			return c
		}
		minute, second := time.Minute, time.Second
		never := create(0, 1000*time.Hour, nil)
		justExpired := create(60, minute, nil)
		almost := create(60, minute-time.Microsecond, nil)
		usedSince := create(60, time.Hour, &second)
		usedLongAgo := create(60, time.Hour, &minute)
		// The longest time that a client may ask for must not overflow.
		longest := create(100*365*24*3600, time.Hour, nil)

		for _, c := range []*model.Client{never, justExpired, almost, usedSince, usedLongAgo, longest} {
			found, err := s.ClientByTokenHash(s.ctx, c.TokenHash)
			require.NoError(s, err)
			require.Equal(s, c, found, "expired clients are found too")
		}
		gone, err := s.DeleteExpiredClients(s.ctx, now)
		require.NoError(s, err)
		require.Equal(s, []*model.Client{justExpired, usedLongAgo}, gone)
		require.True(s, gone[0].Expired(now), "package model says the same")
		require.Equal(s, 4, s.count("SELECT COUNT(*) FROM clients"))
		gone, err = s.DeleteExpiredClients(s.ctx, now)
		require.NoError(s, err)
		require.Empty(s, gone)

		create(60, time.Hour, nil)
		shown, err := s.ClientsByUser(s.ctx, u.ID, model.Now())
		require.NoError(s, err)
		require.NotContains(s, ids2(shown), justExpired.ID)
		require.LessOrEqual(s, len(shown), 4)
	})
}

func ids2(clients []*model.Client) (ids []int64) {
	for _, c := range clients {
		ids = append(ids, c.ID)
	}
	return ids
}

func TestUseIsNotedNowAndThen(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		now := model.Now()
		lasting, short, other := s.client(u), s.client(u), s.client(u)
		minute := int64(60)
		require.NoError(s, s.UpdateClient(s.ctx, u.ID, short.ID, database.ClientChange{ExpiresAfterInactivitySeconds: &minute}))
		used := func(c *model.Client) *time.Time {
			found, err := s.ClientByID(s.ctx, u.ID, c.ID)
			require.NoError(s, err)
			return found.LastUsed
		}
		touch := func(at time.Time) {
			require.NoError(s, s.TouchClients(s.ctx, []int64{lasting.ID, short.ID, 1 << 50}, at))
		}
		touch(now)
		require.Equal(s, &now, used(lasting))
		require.Equal(s, &now, used(short))
		require.Nil(s, used(other))

		soon := now.Add(10 * time.Second)
		touch(soon)
		require.Equal(s, &now, used(lasting), "noted a moment ago")
		require.Equal(s, &soon, used(short), "but this one expires in a minute")

		later := now.Add(10 * time.Minute)
		touch(later)
		require.Equal(s, &later, used(lasting))
		touch(now)
		require.Equal(s, &later, used(lasting), "a late note does not turn back the time")
		require.Equal(s, &later, used(short))
		require.NoError(s, s.TouchClients(s.ctx, nil, now))
	})
}
