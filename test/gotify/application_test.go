package gotify

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// tokenShape is what shoutrrr, gotify/cli and others check before they send.
var tokenShape = regexp.MustCompile(`^[AC][A-Za-z0-9._-]{14}$`)

func TestNewApplication(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		made := As[object](user.Post("/application", object{"name": "backup"}))
		require.Equal(t, "backup", made["name"])
		require.Equal(t, "", made["description"])
		require.Equal(t, false, made["internal"])
		require.Equal(t, "static/defaultapp.png", made["image"])
		require.EqualValues(t, 0, made["defaultPriority"])
		require.Contains(t, made, "lastUsed")
		require.Nil(t, made["lastUsed"])
		require.NotEmpty(t, made["sortKey"])
		require.Regexp(t, tokenShape, made["token"])
		require.Equal(t, "A", made["token"].(string)[:1])
		_, err := time.Parse(time.RFC3339Nano, made["createdAt"].(string))
		require.NoError(t, err)

		full := user.NewSenderWith(object{"name": "full", "description": "all fields", "defaultPriority": 8, "sortKey": "zz"})
		require.Equal(t, "all fields", full.Description)
		require.EqualValues(t, 8, full.DefaultPriority)
		require.Equal(t, "zz", full.SortKey)
	})
}

// The owner may look at the tokens; they are real ones.
func TestOwnerSeesWorkingTokens(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		require.Equal(t, "[]", trim(user.Get("/application").Want(http.StatusOK).Body))
		made := user.NewSender("backup")
		path := fmt.Sprintf("/application/%d", made.ID)
		for what, seen := range map[string]Application{
			"list":  As[[]Application](user.NewDevice("old Android").Get("/application"))[0],
			"PUT":   As[Application](user.Put(path, object{"name": "renamed"})),
			"image": As[Application](user.Post(path+"/image", upload(t, "file", "a.png", picturePNG(t)))),
			"plain": As[Application](user.Delete(path + "/image")),
		} {
			require.Equal(t, made.Token, seen.Token, what)
			Anonymous(t, s).Key(seen.Token).Post("/message", object{"message": what}).Want(http.StatusOK)
		}
	})
}

func TestChangeApplication(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		made := user.NewSenderWith(object{"name": "a", "description": "d", "defaultPriority": 5, "sortKey": "k"})
		path := fmt.Sprintf("/application/%d", made.ID)

		changed := As[Application](user.Put(path, object{"name": "b", "description": "e", "defaultPriority": 6, "sortKey": "l"}))
		want := made.Application
		want.Name, want.Description, want.DefaultPriority, want.SortKey = "b", "e", 6, "l"
		require.Equal(t, want, changed)

		// What is left out becomes empty, but the sort key stays.
		changed = As[Application](user.Put(path, object{"name": "c", "sortKey": ""}))
		want.Name, want.Description, want.DefaultPriority = "c", "", 0
		require.Equal(t, want, changed)
		require.Equal(t, []Application{want}, As[[]Application](user.Get("/application")))
		require.Equal(t, "c", made.Send("m").Title, "the new name is the new default title")

		c := user.Loose()
		c.Put(path, object{"description": "no name"}).Refused(400, "Field 'name' is required")
		c.Put("/application/987654321", object{"name": "x"}).Refused(404, "app with id 987654321 doesn't exists")
		other.Put(path, object{"name": "x"}).Refused(404, fmt.Sprintf("app with id %d doesn't exists", made.ID))
		c.Post("/application", object{"name": ""}).Refused(400, "Field 'name' is required")
		c.Post("/application", object{"name": "  "}).Refused(400, "Field 'name' is required")
		c.Post("/application", nil).Refused(400)
	})
}

func TestDeleteApplication(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		gone, kept := user.NewSender("gone"), user.NewSender("kept")
		path := fmt.Sprintf("/application/%d", gone.ID)
		image := As[Application](user.Post(path+"/image", upload(t, "file", "a.png", picturePNG(t)))).Image
		gone.Send("gone")
		stays := kept.Send("kept")

		other.Delete(path).Refused(404, fmt.Sprintf("app with id %d doesn't exists", gone.ID))
		user.NewDevice("phone").Delete(path).Empty(http.StatusOK)
		user.Delete(path).Refused(404, fmt.Sprintf("app with id %d doesn't exists", gone.ID))

		gone.Post("/message", object{"message": "m"}).Refused(401)
		require.Equal(t, []Message{stays}, user.History())
		require.Len(t, As[[]Application](user.Get("/application")), 1)
		Anonymous(t, s).Get("/" + image).Refused(404)
	})
}

func TestRotateToken(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		sender := user.NewSender("app")
		sender.Send("before") // the token may be cached now
		path := fmt.Sprintf("/application/%d/security", sender.ID)

		require.Equal(t, object{}, As[object](user.Put(path, object{"regenerateToken": false})))
		require.Equal(t, object{}, As[object](user.Put(path, object{})))
		sender.Send("still")
		fresh := rotate(t, user, sender.ID)
		require.Regexp(t, tokenShape, fresh)
		require.NotEqual(t, sender.Token, fresh)

		sender.Post("/message", object{"message": "m"}).Refused(401)
		require.Equal(t, sender.ID, As[Message](Anonymous(t, s).Key(fresh).Post("/message", object{"message": "m"})).AppID)
		require.Equal(t, fresh, As[[]Application](user.Get("/application"))[0].Token)
		other.Put(path, object{"regenerateToken": true}).Refused(404, fmt.Sprintf("app with id %d doesn't exists", sender.ID))
	})
}

func rotate(t *testing.T, user *Person, id int64) string {
	t.Helper()
	answer := As[struct {
		RegenerateToken struct{ Token string }
	}](user.Put(fmt.Sprintf("/application/%d/security", id), object{"regenerateToken": true}))
	user.Server.Secret(answer.RegenerateToken.Token)
	return answer.RegenerateToken.Token
}

// A rename must not write back a token that was revoked meanwhile.
func TestRenameWhileRotating(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		path := fmt.Sprintf("/application/%d", sender.ID)
		tokens := []string{sender.Token}
		for round := range 10 {
			renamed := make(chan error, 3)
			for i := range cap(renamed) {
				go func() {
					body := object{"name": fmt.Sprintf("name %d", round), "description": fmt.Sprint(i)}
					renamed <- status(200)(user.Try(t.Context(), "PUT", path, body))
				}()
			}
			tokens = append(tokens, rotate(t, user, sender.ID))
			for range cap(renamed) {
				require.NoError(t, <-renamed)
			}
			seen := As[[]Application](user.Get("/application"))[0]
			require.Equal(t, tokens[len(tokens)-1], seen.Token)
			require.Equal(t, fmt.Sprintf("name %d", round), seen.Name)
		}
		for i, token := range tokens {
			answer := Anonymous(t, s).Key(token).Post("/message", object{"message": "m"})
			if i < len(tokens)-1 {
				answer.Refused(401)
			} else {
				answer.Want(http.StatusOK)
			}
		}
	})
}

func TestLastUsedOfApplication(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		sender.Send("m")
		Until(t, "lastUsed of the application", func() bool {
			used := As[[]Application](user.Get("/application"))[0].LastUsed
			return used != nil && *used >= sender.CreatedAt[:10]
		})
	})
}
