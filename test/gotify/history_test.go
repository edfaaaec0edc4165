package gotify

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestPagesOfMessages(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		one, two := user.NewSender("one"), user.NewSender("two")
		var ids []int64 // newest first
		for i := range 5 {
			sender := []*Sender{one, two}[i%2]
			ids = append([]int64{sender.Send(fmt.Sprint(i)).ID}, ids...)
			if i > 0 {
				require.Greater(t, ids[0], ids[1])
			}
		}
		walk := func(path string, limit int) (seen []int64) {
			for next := fmt.Sprintf("%s?limit=%d", path, limit); next != ""; {
				page := As[Page](user.Get(next))
				require.Equal(t, limit, page.Paging.Limit)
				require.Equal(t, len(page.Messages), page.Paging.Size)
				for _, message := range page.Messages {
					seen = append(seen, message.ID)
				}
				next = page.Paging.Next
				if next == "" {
					require.Zero(t, page.Paging.Since)
					continue
				}
				require.Equal(t, seen[len(seen)-1], page.Paging.Since)
				at, err := url.Parse(next)
				require.NoError(t, err)
				require.Equal(t, path, at.Path, "paging.next is a path: %s", next)
				require.Equal(t, url.Values{"limit": {fmt.Sprint(limit)}, "since": {fmt.Sprint(page.Paging.Since)}}, at.Query())
			}
			return seen
		}
		for _, limit := range []int{1, 2, 5, 200} {
			require.Equal(t, ids, walk("/message", limit))
		}
		app := fmt.Sprintf("/application/%d/message", one.ID)
		require.Equal(t, []int64{ids[0], ids[2], ids[4]}, walk(app, 2))
		require.Equal(t, []int64{ids[0], ids[2], ids[4]}, walk(app, 3))
	})
}

func TestPageDefaults(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		empty := As[object](user.Get("/message"))
		require.Equal(t, []any{}, empty["messages"])
		require.Equal(t, object{"size": 0.0, "since": 0.0, "limit": 100.0}, empty["paging"])

		sender := user.NewSender("many")
		for i := range 101 {
			sender.Send(fmt.Sprint(i))
		}
		page := As[Page](user.Get("/message"))
		require.Equal(t, 100, page.Paging.Limit)
		require.Len(t, page.Messages, 100)
		require.Len(t, As[Page](user.Get(page.Paging.Next)).Messages, 1)
		require.Equal(t, page.Messages, As[Page](user.Get("/message?since=0")).Messages)
		require.Len(t, As[Page](user.Get("/message?limit=200")).Messages, 101)
	})
}

func TestWrongPages(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		app := user.NewSender("app")
		c := user.Loose()
		for _, path := range []string{"/message", fmt.Sprintf("/application/%d/message", app.ID)} {
			c.Get(path+"?limit=201").Refused(400, "Field 'limit' must be less or equal to 200")
			c.Get(path+"?limit=0").Refused(400, "Field 'limit' must be more or equal to 1")
			c.Get(path+"?limit=-5").Refused(400, "Field 'limit' must be more or equal to 1")
			for _, query := range []string{
				"limit=", "limit=ten", "limit=1.5", "limit=99999999999999999999", "since=x", "since=-1", "since=1.5",
				"since=18446744073709551616", "since=9223372036854775808", "since=%00", "limit=%ff",
			} {
				c.Get(path + "?" + query).Refused(400)
			}
		}
	})
}

func TestDeleteMessages(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		one, two, foreign := user.NewSender("one"), user.NewSender("two"), other.NewSender("foreign")
		first, second, third := one.Send("1"), two.Send("2"), one.Send("3")
		kept := foreign.Send("kept")

		path := fmt.Sprintf("/message/%d", first.ID)
		other.Delete(path).Refused(404, "message does not exist")
		user.Delete(path).Empty(http.StatusOK)
		user.Delete(path).Refused(404, "message does not exist")
		require.Equal(t, []Message{second, third}, user.History())

		app := fmt.Sprintf("/application/%d/message", one.ID)
		other.Delete(app).Refused(404, "application does not exist")
		other.Get(app).Refused(404, "application does not exist")
		user.NewDevice("phone").Delete(app).Empty(http.StatusOK)
		require.Equal(t, []Message{second}, user.History())

		user.Delete("/message").Empty(http.StatusOK)
		user.Delete("/message").Empty(http.StatusOK)
		require.Empty(t, user.History())
		require.Equal(t, []Message{kept}, other.History())
		require.Greater(t, one.Send("later").ID, kept.ID)
	})
}

// Ids are never given twice, also when the newest messages are gone.
func TestIDsAreNeverReused(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		last := sender.Send("last")
		user.Delete("/message").Empty(http.StatusOK)
		s.Restart(t)
		require.Greater(t, sender.Send("next").ID, last.ID)
	})
}
