package gotify

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// These tests do what the programs of others do, call by call. What those
// programs rely on stands in their public source; see contracts/gotify.md 0.1.

// The Android app up to 2.9: log in, read, listen, catch up, push, log out.
func TestAndroid29(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		app := user.NewSender("backup")

		// Login: check the address, the password, then make a client.
		version := As[map[string]string](Anonymous(t, s).Get("/version"))
		require.NotEmpty(t, version["version"])
		require.Equal(t, user.Name, As[User](user.Get("/current/user")).Name)
		made := As[Client](user.Post("/client", object{"name": "Pixel"}))
		phone := Anonymous(t, s).Key(made.Token)

		// Start: applications with images, the newest message, then the stream.
		applications := As[[]Application](phone.Get("/application"))
		require.Len(t, applications, 1)
		Anonymous(t, s).Get("/" + applications[0].Image).Want(http.StatusOK)
		require.Empty(t, As[Page](phone.Get("/message?limit=1&since=0")).Messages)
		stream := Anonymous(t, s).Stream("/stream?token=" + made.Token)
		first := app.Send("first")
		require.Equal(t, first, stream.NextMessage())
		_, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", first.Date)
		require.NoError(t, err)

		// The network goes away; three messages come meanwhile. The app pages back
		// to the last one it knows.
		stream.Hangup()
		var missed []int64
		for i := range 12 {
			missed = append([]int64{app.Send(fmt.Sprint(i)).ID}, missed...)
		}
		stream = Anonymous(t, s).Stream("/stream?token=" + made.Token)
		var caught []int64
		for since := int64(0); ; {
			page := As[Page](phone.Get(fmt.Sprintf("/message?limit=10&since=%d", since)))
			for _, message := range page.Messages {
				if message.ID > first.ID {
					caught = append(caught, message.ID)
				}
			}
			if page.Paging.Next == "" || page.Messages[len(page.Messages)-1].ID <= first.ID {
				break
			}
			since = page.Paging.Since
		}
		require.Equal(t, missed, caught)

		// Push a message from the share dialog, with the token from the list.
		share := Anonymous(t, s).Key(applications[0].Token)
		pushed := As[Message](share.Post("/message", object{"message": "shared", "title": "from the phone", "priority": 5}))
		require.Equal(t, pushed, stream.NextMessage())

		// Delete one, those of one application, all.
		phone.Delete(fmt.Sprintf("/message/%d", first.ID)).Want(http.StatusOK)
		phone.Delete(fmt.Sprintf("/application/%d/message", app.ID)).Want(http.StatusOK)
		phone.Delete("/message").Want(http.StatusOK)
		require.Empty(t, As[Page](phone.Get("/message?limit=100")).Messages)

		// Logout: the app finds itself by its token, and deletes itself.
		for _, client := range As[[]Client](phone.Get("/client")) {
			if client.Token == made.Token {
				phone.Delete(fmt.Sprintf("/client/%d", client.ID)).Want(http.StatusOK)
			}
		}
		stream.Cut()
		phone.Get("/current/user").Refused(401)
	})
}

// Gotify 3's web UI: session cookie, elevation, tokens shown once.
func TestGotify3WebUI(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		browser := Anonymous(t, s).Browser().With("Origin", s.URL()).With("Sec-Fetch-Site", "same-origin")
		browser.Get("/").Want(http.StatusOK)
		info := As[object](browser.Get("/gotifyinfo"))
		require.Equal(t, false, info["oidc"])
		browser.Get("/current/user").Refused(401)

		me := As[User](browser.Basic(user.Name, user.Password).Post("/auth/local/login", object{"name": "Firefox 140"}))
		require.Equal(t, me, As[User](browser.Get("/current/user")))
		stream := browser.Stream("/stream")
		app := As[Application](browser.Post("/application", object{"name": "backup", "description": "", "defaultPriority": 5}))
		require.NotEmpty(t, app.SortKey)
		message := As[Message](browser.Post("/message", object{"appid": app.ID, "message": "pushed by the dialog", "priority": 5}))
		require.Equal(t, message, stream.NextMessage())

		page := As[Page](browser.Get("/message?limit=100"))
		require.Equal(t, []Message{message}, page.Messages)
		fresh := As[object](browser.Put(fmt.Sprintf("/application/%d/security", app.ID), object{"regenerateToken": true}))
		require.NotEqual(t, app.Token, fresh["regenerateToken"].(object)["token"])
		browser.Post(fmt.Sprintf("/client/%d/elevate", *me.ClientID), object{"durationSeconds": -1}).Empty(http.StatusNoContent)
		browser.Delete(fmt.Sprintf("/application/%d", app.ID)).Refused(403, "session not elevated")
		browser.Basic(user.Name, user.Password).Post(fmt.Sprintf("/client/%d/elevate", *me.ClientID), object{"durationSeconds": 3600}).Empty(http.StatusNoContent)
		browser.Delete(fmt.Sprintf("/application/%d", app.ID)).Empty(http.StatusOK)
		browser.Delete("/message").Empty(http.StatusOK)
		browser.Post("/auth/logout", nil).Empty(http.StatusOK)
		stream.Cut()
		browser.Get("/current/user").Refused(401)
	})
}

// gotify/cli: init with basic auth, then push. It wants tokens of 15 characters.
func TestGotifyCLI(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		require.NotEmpty(t, As[map[string]string](Anonymous(t, s).Get("/version"))["version"])
		user.Get("/current/user").Want(http.StatusOK)
		app := As[Application](user.Post("/application", object{"name": "gotify-cli", "description": ""}))
		require.Len(t, app.Token, 15)
		pushed := As[Message](Anonymous(t, s).Key(app.Token).Post("/message", object{
			"message": "hello", "title": "", "priority": 5, "extras": object{"client::display": object{"contentType": "text/markdown"}},
		}))
		require.Equal(t, "gotify-cli", pushed.Title)
		client := As[Client](user.Post("/client", object{"name": "gotify-cli"}))
		require.Len(t, client.Token, 15)
		require.Equal(t, []Message{pushed}, As[Page](Anonymous(t, s).Key(client.Token).Get("/message?limit=100&since=0")).Messages)
	})
}

// Programs that send, each in its own way. All of them take 200 for success and
// nothing else.
func TestSendersOfOthers(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		app := user.NewSender("senders")
		nobody := Anonymous(t, s)
		for name, answer := range map[string]*Answer{
			"shoutrrr": nobody.Post("/message?token="+app.Token, object{"message": "text", "title": "Title", "priority": 0, "extras": nil}),
			"shoutrrr with extras": nobody.Post("/message?token="+app.Token, object{
				"message": "text", "title": "Title", "priority": 5, "extras": object{"action": "shown", "n": 1},
			}),
			"uptime-kuma": nobody.With("Accept", "application/json, text/plain, */*").
				Post("/message?token="+app.Token, object{"message": "text", "priority": 8, "title": "Title"}),
			"apprise": nobody.Key(app.Token).With("User-Agent", "Apprise").Post("/message", object{
				"priority": 5, "title": "Title", "message": "text", "extras": object{"client::display": object{"contentType": "text/markdown"}},
			}),
			"curl -F":     nobody.Post("/message?token="+app.Token, multipartForm(t, map[string]string{"title": "Title", "message": "text", "priority": "5"})),
			"curl -d":     nobody.Post("/message?token="+app.Token, url.Values{"title": {"Title"}, "message": {"text"}, "priority": {"5"}}),
			"form header": nobody.With("Authorization", "Bearer "+app.Token).Post("/message", url.Values{"title": {"Title"}, "message": {"text"}}),
			"go-openapi": nobody.Key(app.Token).With("Accept", "application/json").Post("/message", object{
				"id": 0, "appid": 0, "date": "0001-01-01T00:00:00.000Z", "message": "text", "title": "Title", "priority": 5,
			}),
		} {
			message := As[Message](answer)
			require.Equal(t, "text", message.Message, name)
			require.Equal(t, "Title", message.Title, name)
		}
		require.Regexp(t, `^A[A-Za-z0-9._-]{14}$`, app.Token, "shoutrrr checks this before it sends")
		require.Len(t, user.History(), 8)
	})
}
