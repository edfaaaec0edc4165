package database_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/stretchr/testify/require"
)

func TestUsers(t *testing.T) {
	each(t, func(s *suite) {
		has, err := s.HasUsers(s.ctx)
		require.NoError(s, err)
		require.False(s, has)
		admin := s.admin("admin")

		s.sub("what was created is found", func(s *suite) {
			u := s.user("Zoë 🦊 \\ ' \" %")
			byID, err := s.UserByID(s.ctx, u.ID)
			require.NoError(s, err)
			require.Equal(s, u, byID)
			byName, err := s.UserByName(s.ctx, u.Name)
			require.NoError(s, err)
			require.Equal(s, u, byName)
			has, err := s.HasUsers(s.ctx)
			require.NoError(s, err)
			require.True(s, has)
			users, err := s.Users(s.ctx)
			require.NoError(s, err)
			require.Equal(s, []*model.User{admin, u}, users)
			some, err := s.UsersByID(s.ctx, []int64{u.ID, 1 << 62})
			require.NoError(s, err)
			require.Equal(s, []*model.User{u}, some)
		})

		s.sub("nobody is found", func(s *suite) {
			for _, id := range []int64{0, -1, 1 << 62} {
				u, err := s.UserByID(s.ctx, id)
				requireKind(s, model.NotFound, err)
				require.Nil(s, u)
				requireKind(s, model.NotFound, s.DeleteUser(s.ctx, id))
				requireKind(s, model.NotFound, s.UpdateUser(s.ctx, id, database.UserChange{Name: new(string)}))
				requireKind(s, model.NotFound, s.UpdateUser(s.ctx, id, database.UserChange{}))
			}
			_, err := s.UserByName(s.ctx, "nobody")
			requireKind(s, model.NotFound, err)
			_, err = s.UserByName(s.ctx, "")
			requireKind(s, model.NotFound, err)
		})

		s.sub("a name is taken once", func(s *suite) {
			s.user("taken")
			requireKind(s, model.Conflict, s.CreateUser(s.ctx, &model.User{Name: "taken", Password: "x", CreatedAt: model.Now()}))
			name := "taken"
			requireKind(s, model.Conflict, s.UpdateUser(s.ctx, admin.ID, database.UserChange{Name: &name}))
		})

		// Whatever a database holds for equal by default, these names are different.
		s.sub("names are exact", func(s *suite) {
			names := []string{"bob", "Bob", "bob ", "bób", "bo\u0301b", "böb", "strasse", "straße", "🦊", "🐺", "ﬀ", "ff"}
			for _, name := range names {
				s.user(name)
			}
			for _, name := range names {
				u, err := s.UserByName(s.ctx, name)
				require.NoError(s, err)
				require.Equal(s, name, u.Name)
			}
			for _, name := range []string{"BOB", "bob  ", " bob", "b%b", "b_b", "🦝"} {
				_, err := s.UserByName(s.ctx, name)
				requireKind(s, model.NotFound, err)
			}
		})

		s.sub("the longest name fits", func(s *suite) {
			u := s.user(strings.Repeat("🦊", model.MaxNameLength))
			found, err := s.UserByName(s.ctx, u.Name)
			require.NoError(s, err)
			require.Equal(s, u.ID, found.ID)
		})

		s.sub("only named columns change", func(s *suite) {
			u := s.user("before")
			name, password, admin := "after", "better", true
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{Name: &name}))
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{Password: &password}))
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{Admin: &admin}))
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{Admin: &admin}), "a change that changes nothing")
			require.NoError(s, s.UpdateUser(s.ctx, u.ID, database.UserChange{}))
			u.Name, u.Password, u.Admin = name, password, admin
			found, err := s.UserByID(s.ctx, u.ID)
			require.NoError(s, err)
			require.Equal(s, u, found)
		})

		s.sub("a hash is replaced when the password is still the same", func(s *suite) {
			u := s.user("rehashed")
			require.NoError(s, s.RehashPassword(s.ctx, u.ID, "hash", "better"))
			require.NoError(s, s.RehashPassword(s.ctx, u.ID, "hash", "worse"))
			found, err := s.UserByID(s.ctx, u.ID)
			require.NoError(s, err)
			require.Equal(s, "better", found.Password)
		})
	})
}

func TestDeletedUsersTakeEverythingWithThem(t *testing.T) {
	each(t, func(s *suite) {
		gone, stays := s.admin("gone"), s.admin("stays")
		for _, u := range []*model.User{gone, stays} {
			s.client(u)
			for range 2 {
				a := s.application(u)
				require.NoError(s, s.ReplaceImage(s.ctx, u.ID, &model.Image{ApplicationID: a.ID, Name: a.SortKey + ".png", Data: []byte("png")}))
				for range 3 {
					s.message(a)
				}
			}
		}
		require.NoError(s, s.DeleteUser(s.ctx, gone.ID))
		for table, left := range map[string]int{"users": 1, "clients": 1, "applications": 2, "images": 2, "messages": 6} {
			require.Equal(s, left, s.count("SELECT COUNT(*) FROM "+table), table)
		}
		requireKind(s, model.NotFound, s.DeleteUser(s.ctx, gone.ID))

		// The database itself holds this together, whoever deletes.
		if s.dialect.Remote {
			s.exec("DELETE FROM users")
			for _, table := range []string{"clients", "applications", "images", "messages"} {
				require.Zero(s, s.count("SELECT COUNT(*) FROM "+table), table)
			}
		}
	})
}

func TestOneAdminStays(t *testing.T) {
	each(t, func(s *suite) {
		last, other := s.admin("last"), s.user("other")
		no := false
		requireKind(s, model.Invalid, s.DeleteUser(s.ctx, last.ID))
		requireKind(s, model.Invalid, s.UpdateUser(s.ctx, last.ID, database.UserChange{Admin: &no}))
		require.NoError(s, s.UpdateUser(s.ctx, other.ID, database.UserChange{Admin: &no}))

		removals := map[string]func(id int64) error{
			"deleted": func(id int64) error { return s.DeleteUser(s.ctx, id) },
			"demoted": func(id int64) error { return s.UpdateUser(s.ctx, id, database.UserChange{Admin: &no}) },
		}
		for name, remove := range removals {
			for round := range 5 {
				second := s.admin(name + string(rune('a'+round)))
				var wg sync.WaitGroup
				errs := make([]error, 2)
				for i, u := range []*model.User{last, second} {
					wg.Go(func() { errs[i] = remove(u.ID) })
				}
				done(s, &wg)
				require.Equal(s, 1, s.count("SELECT COUNT(*) FROM users WHERE admin"))
				failed := slices.IndexFunc(errs, func(err error) bool { return err != nil })
				require.GreaterOrEqual(s, failed, 0, "both were removed")
				require.NoError(s, errs[1-failed])
				requireKind(s, model.Invalid, errs[failed])
				last = []*model.User{last, second}[failed]
			}
		}
	})
}

func TestTheFirstUserIsCreatedOnce(t *testing.T) {
	each(t, func(s *suite) {
		const starters = 4
		created := make([]bool, starters)
		nodes := make([]*suite, starters)
		for i := range nodes {
			nodes[i] = on(s.T, s.dialect, s.connection)
		}
		var wg sync.WaitGroup
		for i, node := range nodes {
			wg.Go(func() {
				u := &model.User{Name: "admin" + string(rune('0'+i)), Password: "x", Admin: true, CreatedAt: model.Now()}
				var err error
				created[i], err = node.CreateFirstUser(s.ctx, u)
				s.checkKind(0, err)
			})
		}
		done(s, &wg)
		require.Equal(s, 1, s.count("SELECT COUNT(*) FROM users"))
		first := slices.Index(created, true)
		require.GreaterOrEqual(s, first, 0)
		require.NotContains(s, created[first+1:], true)
		u, err := s.UserByName(s.ctx, "admin"+string(rune('0'+first)))
		require.NoError(s, err)
		require.True(s, u.Admin)
	})
}
