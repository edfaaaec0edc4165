package gotify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// A new application comes last, after keys as Gotify's clients make them.
func TestNewApplicationsComeLast(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for _, key := range []string{"a0", "Zz", "a0V", "az", "b00", "bzz", "Xzzz"} {
			user := NewPerson(t, s)
			user.NewSenderWith(object{"name": "first", "sortKey": key})
			for i := range 3 {
				user.NewSender(fmt.Sprint(i))
			}
			require.Equal(t, []string{"first", "0", "1", "2"}, names(user), "after %q", key)
		}
	})
}

// No sort key, however strange, may keep an application without one from being
// created later.
func TestAnySortKeyLeavesRoom(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for _, key := range []string{
			"~~~", "b", "A", "0", "é", "😀", "zzzzzzzzzz", "\u00ff\u00ff", "-", "/", "a0000000000001", "z", "a 0", "\U0010ffff",
			"z" + strings.Repeat("z", 26), "A" + strings.Repeat("0", 26), "a", "aé",
		} {
			user := NewPerson(t, s)
			require.Equal(t, key, user.NewSenderWith(object{"name": "strange", "sortKey": key}).SortKey)
			for i := range 3 {
				user.NewSender(fmt.Sprint(i))
			}
			made := slices.DeleteFunc(names(user), func(name string) bool { return name == "strange" })
			require.Equal(t, []string{"0", "1", "2"}, made, "with %q", key)
		}
	})
}

// Keys that are too strange are refused, and then they leave no trace.
func TestHugeSortKeys(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		for _, key := range []string{strings.Repeat("z", 5000), strings.Repeat("😀", 300), strings.Repeat("~", 100_000)} {
			answer := user.Loose().Post("/application", object{"name": "huge", "sortKey": key})
			if answer.Status != 200 {
				answer.ClientError()
			}
			user.NewSender("later")
			require.Contains(t, names(user), "later")
		}
	})
}

func TestSortKeysAreUniquePerUser(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		one := user.NewSenderWith(object{"name": "one", "sortKey": "k"})
		two := user.NewSender("two")
		other.NewSenderWith(object{"name": "not the same user", "sortKey": "k"})
		user.Post("/application", object{"name": "x", "sortKey": "k"}).Refused(400, "sort key is not unique")
		user.Put(fmt.Sprintf("/application/%d", two.ID), object{"name": "two", "sortKey": "k"}).Refused(400, "sort key is not unique")
		user.Put(fmt.Sprintf("/application/%d", one.ID), object{"name": "one", "sortKey": "k"}).Want(200)
		// A key differs from another one by case, accents and spaces.
		for _, key := range []string{"K", "k ", " k", "ḱ"} {
			user.NewSenderWith(object{"name": key, "sortKey": key})
		}
	})
}

// The order is that of the bytes, on every database.
func TestApplicationsAreSorted(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		keys := []string{"a1", "A1", "a0", "Zz", "b", "B", "é", "z", "~", "0", "a0V", "a0v", "a-1", "😀"}
		for _, key := range keys {
			user.NewSenderWith(object{"name": key, "sortKey": key})
		}
		slices.Sort(keys)
		require.Equal(t, keys, names(user))
		// Dragging one between two others.
		first := As[[]Application](user.Get("/application"))[0]
		user.Put(fmt.Sprintf("/application/%d", first.ID), object{"name": "moved", "sortKey": "a0Z"}).Want(200)
		at := slices.Index(names(user), "moved")
		require.Equal(t, []string{"a0V", "moved", "a0v"}, names(user)[at-1:at+2])
	})
}

// Applications that are created at once all find a place.
func TestCreatingApplicationsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		const n = 12
		failed := make(chan error, n)
		for i := range n {
			go func() {
				failed <- status(200)(user.Try(t.Context(), "POST", "/application", object{"name": fmt.Sprint(i)}))
			}()
		}
		for range n {
			require.NoError(t, <-failed)
		}
		seen := map[string]bool{}
		for _, application := range As[[]Application](user.Get("/application")) {
			seen[application.SortKey] = true
		}
		require.Len(t, seen, n)
	})
}

// names returns the names of the user's applications in their order.
func names(user *Person) []string {
	user.T.Helper()
	var all []string
	for _, application := range As[[]Application](user.Get("/application")) {
		all = append(all, application.Name)
	}
	return all
}

// status returns a check of an attempt: an error unless it was answered with the
// status.
func status(want int) func(*Answer, error) error {
	return func(answer *Answer, err error) error {
		if err == nil && answer.Status != want {
			err = fmt.Errorf("status %d instead of %d: %.500s", answer.Status, want, answer.Body)
		}
		return err
	}
}
