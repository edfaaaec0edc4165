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

func TestPostAndRead(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("backup")
		before := time.Now().Add(-time.Minute)
		answer := sender.Post("/message", object{
			"message": "done", "title": "Backup", "priority": 7,
			"extras": object{"client::display": object{"contentType": "text/markdown"}},
		}).Want(http.StatusOK)

		sent := As[Message](answer)
		require.Equal(t, "done", sent.Message)
		require.Equal(t, "Backup", sent.Title)
		require.EqualValues(t, 7, sent.Priority)
		require.Equal(t, sender.ID, sent.AppID)
		require.Positive(t, sent.ID)
		require.JSONEq(t, `{"client::display":{"contentType":"text/markdown"}}`, string(sent.Extras))
		date, err := time.Parse(time.RFC3339Nano, sent.Date)
		require.NoError(t, err)
		require.True(t, date.After(before) && date.Before(time.Now().Add(time.Minute)), sent.Date)

		page := As[Page](user.Get("/message"))
		require.Equal(t, []Message{sent}, page.Messages)
		require.Equal(t, page, As[Page](user.NewDevice("phone").Get(fmt.Sprintf("/application/%d/message", sender.ID))))
	})
}

// Every field of a message is there and none is null: Android's app would crash.
func TestMessageHasAllFields(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("terse").Loose()
		for _, body := range []string{
			`{"message":"m"}`, `{"message":"m","title":null,"priority":null,"extras":null}`, `{"message":"m","extras":{}}`,
		} {
			sent := As[object](sender.Post("/message", Raw{"application/json", []byte(body)}))
			for _, field := range []string{"id", "appid", "message", "title", "priority", "date"} {
				require.NotNil(t, sent[field], "%s of %s", field, body)
			}
			require.NotContains(t, sent, "extras", body)
		}
	})
}

func TestTitleAndPriorityDefaults(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSenderWith(object{"name": "Doorbell", "defaultPriority": 6}).Loose()
		for body, want := range map[string]Message{
			`{"message":"m"}`: {Title: "Doorbell", Priority: 6},
			`{"message":"m","title":"  ","priority":0}`:    {Title: "Doorbell", Priority: 0},
			`{"message":"m","title":"t","priority":-3}`:    {Title: "t", Priority: -3},
			`{"message":"m","priority":2147483648}`:        {Title: "Doorbell", Priority: 2147483648},
			`{"message":"m","title":null,"priority":null}`: {Title: "Doorbell", Priority: 6},
		} {
			sent := As[Message](sender.Post("/message", Raw{"application/json", []byte(body)}))
			require.Equal(t, want.Title, sent.Title, body)
			require.Equal(t, want.Priority, sent.Priority, body)
		}
	})
}

// A person posts with the number of an application.
func TestPersonPostsWithAppID(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		sender, foreign := user.NewSender("mine"), other.NewSender("not mine")
		for _, c := range []*Caller{user.Caller, user.Login()} {
			require.Equal(t, sender.ID, As[Message](c.Post("/message", object{"message": "m", "appid": sender.ID})).AppID)
			form := url.Values{"message": {"m"}, "appid": {fmt.Sprint(sender.ID)}}
			require.Equal(t, sender.ID, As[Message](c.Post("/message", form)).AppID)
			c.Post("/message", object{"message": "m"}).Refused(400, "appid is required when not authenticating with an application token")
			c.Post("/message", object{"message": "m", "appid": foreign.ID}).Refused(400, "appid not found")
			c.Post("/message", object{"message": "m", "appid": 987654321}).Refused(400, "appid not found")
		}
		require.Len(t, user.History(), 4)
		require.Empty(t, other.History())
		// An application token posts as its own application, whatever the body says.
		require.Equal(t, sender.ID, As[Message](sender.Post("/message", object{"message": "m", "appid": foreign.ID})).AppID)
	})
}

func TestClientTokenNeverPosts(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		device.Post("/message", object{"message": "m"}).Refused(403, "application token")
		device.Post("/message", object{"message": "m", "appid": sender.ID}).Refused(403, "application token")
		require.Empty(t, user.History())
	})
}
