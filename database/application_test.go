package database_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/stretchr/testify/require"
)

func TestApplications(t *testing.T) {
	each(t, func(s *suite) {
		u, stranger := s.user("u"), s.user("stranger")

		s.sub("what was created is found", func(s *suite) {
			used := model.Now()
			a := &model.Application{
				UserID: u.ID, TokenHash: hash(), TokenSealed: []byte("\x00\xff'\\"), Name: "🔔 '\\\" %", Description: strings.Repeat("🦊", 20_000),
				Internal: true, DefaultPriority: -2147483648, SortKey: "a0", CreatedAt: model.Now(), LastUsed: &used,
			}
			require.NoError(s, s.CreateApplication(s.ctx, a))
			byHash, err := s.ApplicationByTokenHash(s.ctx, a.TokenHash)
			require.NoError(s, err)
			require.Equal(s, a, byHash)
			byID, err := s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
			require.Equal(s, a, byID)
			ofUser, err := s.ApplicationsByUser(s.ctx, u.ID)
			require.NoError(s, err)
			require.Equal(s, []*model.Application{a}, ofUser)
			ids, err := s.ApplicationIDs(s.ctx, u.ID)
			require.NoError(s, err)
			require.Equal(s, []int64{a.ID}, ids)
			require.NoError(s, s.DeleteApplication(s.ctx, u.ID, a.ID))
		})

		s.sub("what is nobody's or somebody else's is not found", func(s *suite) {
			a := s.application(u)
			s.message(a)
			_, err := s.ApplicationByTokenHash(s.ctx, hash())
			requireKind(s, model.NotFound, err)
			for _, tried := range []struct{ user, id int64 }{{stranger.ID, a.ID}, {u.ID, 0}, {u.ID, 1 << 62}, {0, a.ID}} {
				_, err := s.ApplicationByID(s.ctx, tried.user, tried.id)
				requireKind(s, model.NotFound, err)
				requireKind(s, model.NotFound, s.DeleteApplication(s.ctx, tried.user, tried.id))
				requireKind(s, model.NotFound, s.UpdateApplication(s.ctx, tried.user, tried.id, database.ApplicationChange{Name: new(string)}))
				requireKind(s, model.NotFound, s.UpdateApplication(s.ctx, tried.user, tried.id, database.ApplicationChange{}))
				requireKind(s, model.NotFound, s.ReplaceImage(s.ctx, tried.user, &model.Image{ApplicationID: tried.id, Name: "x", Data: []byte("x")}))
				requireKind(s, model.NotFound, s.DeleteImage(s.ctx, tried.user, tried.id))
			}
			found, err := s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
			require.Equal(s, a, found)
			require.Len(s, s.history(a), 1)
			require.Zero(s, s.count("SELECT COUNT(*) FROM images"))
			requireKind(s, model.NotFound, s.CreateApplication(s.ctx, newApplication(&model.User{ID: 1 << 40})))
		})

		s.sub("sort keys are unique among a user's applications, and exact", func(s *suite) {
			a, b := s.application(u), s.application(u)
			a.SortKey, b.SortKey = "aZ", "az" // different, whatever the collation
			require.NoError(s, s.UpdateApplication(s.ctx, u.ID, a.ID, database.ApplicationChange{SortKey: &a.SortKey}))
			require.NoError(s, s.UpdateApplication(s.ctx, u.ID, b.ID, database.ApplicationChange{SortKey: &b.SortKey}))
			requireKind(s, model.Conflict, s.UpdateApplication(s.ctx, u.ID, b.ID, database.ApplicationChange{SortKey: &a.SortKey}))
			c := newApplication(u)
			c.SortKey = a.SortKey
			requireKind(s, model.Conflict, s.CreateApplication(s.ctx, c))
			c = newApplication(stranger)
			c.SortKey = a.SortKey
			require.NoError(s, s.CreateApplication(s.ctx, c))
		})

		s.sub("a token is one application's", func(s *suite) {
			a, b := s.application(u), newApplication(stranger)
			b.TokenHash = a.TokenHash
			requireKind(s, model.Conflict, s.CreateApplication(s.ctx, b))
		})

		s.sub("use is noted", func(s *suite) {
			a, now := s.application(u), model.Now()
			require.NoError(s, s.TouchApplication(s.ctx, a.ID, now))
			found, err := s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
			require.Equal(s, &now, found.LastUsed)
			require.NoError(s, s.TouchApplication(s.ctx, a.ID, now.Add(-time.Second)), "a late note")
			found, err = s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
			require.Equal(s, &now, found.LastUsed)
		})

		s.sub("a deleted application takes its messages and its image with it", func(s *suite) {
			a, b := s.application(u), s.application(u)
			for range 3 {
				s.message(a)
			}
			kept := s.message(b)
			require.NoError(s, s.ReplaceImage(s.ctx, u.ID, &model.Image{ApplicationID: a.ID, Name: "gone.png", Data: []byte("x")}))
			require.NoError(s, s.DeleteApplication(s.ctx, u.ID, a.ID))
			require.Zero(s, s.count(fmt.Sprint("SELECT COUNT(*) FROM messages WHERE application_id = ", a.ID)))
			_, err := s.ImageByName(s.ctx, "gone.png")
			requireKind(s, model.NotFound, err)
			require.Equal(s, []*model.Message{stored(kept)}, s.history(b))
		})
	})
}

// A rename, a new token, a new image and a note of the last use at the same time
// lose nothing of each other.
func TestConcurrentUpdatesKeepEachOther(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a := s.application(u)
		now := model.Now()
		const rounds = 20
		var wg sync.WaitGroup
		repeat := func(f func(round int) error) {
			wg.Go(func() {
				for round := range rounds {
					if err := f(round); err != nil {
						s.Error(err)
						return
					}
				}
			})
		}
		repeat(func(round int) error {
			name := fmt.Sprint("name ", round)
			return s.UpdateApplication(s.ctx, u.ID, a.ID, database.ApplicationChange{Name: &name})
		})
		repeat(func(round int) error {
			token := bytes.Repeat([]byte{byte(round)}, 32)
			return s.UpdateApplication(s.ctx, u.ID, a.ID, database.ApplicationChange{TokenHash: token, TokenSealed: token})
		})
		repeat(func(round int) error {
			return s.ReplaceImage(s.ctx, u.ID, &model.Image{ApplicationID: a.ID, Name: fmt.Sprint(round, ".png"), Data: []byte{byte(round)}})
		})
		repeat(func(int) error { return s.TouchApplication(s.ctx, a.ID, now) })
		repeat(func(int) error { return s.CreateMessage(s.ctx, s.newMessage(a)) })
		done(s, &wg)

		token := bytes.Repeat([]byte{rounds - 1}, 32)
		a.Name, a.TokenHash, a.TokenSealed, a.Image, a.LastUsed = "name 19", token, token, "19.png", &now
		found, err := s.ApplicationByID(s.ctx, u.ID, a.ID)
		require.NoError(s, err)
		require.Equal(s, a, found)
	})
}

func TestImages(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a, b := s.application(u), s.application(u)
		image := func(of *model.Application, name string, data []byte) *model.Image {
			return &model.Image{ApplicationID: of.ID, Name: name, Data: data}
		}
		all := make([]byte, 1<<20)
		for i := range all {
			all[i] = byte(i * i >> 8)
		}
		first, second := image(a, "first.png", all), image(a, "second.png", []byte("second"))
		require.NoError(s, s.ReplaceImage(s.ctx, u.ID, first))
		found, err := s.ImageByName(s.ctx, "first.png")
		require.NoError(s, err)
		require.Equal(s, first, found)

		require.NoError(s, s.ReplaceImage(s.ctx, u.ID, second))
		_, err = s.ImageByName(s.ctx, "first.png")
		requireKind(s, model.NotFound, err)
		found, err = s.ImageByName(s.ctx, "second.png")
		require.NoError(s, err)
		require.Equal(s, second, found)
		application, err := s.ApplicationByID(s.ctx, u.ID, a.ID)
		require.NoError(s, err)
		require.Equal(s, "second.png", application.Image)

		// A name that is taken leaves the old image in place.
		require.NoError(s, s.ReplaceImage(s.ctx, u.ID, image(b, "b.png", []byte("b"))))
		requireKind(s, model.Conflict, s.ReplaceImage(s.ctx, u.ID, image(b, "second.png", []byte("x"))))
		found, err = s.ImageByName(s.ctx, "b.png")
		require.NoError(s, err)
		require.Equal(s, b.ID, found.ApplicationID)
		application, err = s.ApplicationByID(s.ctx, u.ID, b.ID)
		require.NoError(s, err)
		require.Equal(s, "b.png", application.Image)

		for range 2 { // also when there is none any more
			require.NoError(s, s.DeleteImage(s.ctx, u.ID, a.ID))
			_, err = s.ImageByName(s.ctx, "second.png")
			requireKind(s, model.NotFound, err)
			application, err = s.ApplicationByID(s.ctx, u.ID, a.ID)
			require.NoError(s, err)
			require.Empty(s, application.Image)
		}
		_, err = s.ImageByName(s.ctx, "B.PNG")
		requireKind(s, model.NotFound, err)
	})
}
