package gotify

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestEvents(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		device := user.NewDevice("phone")
		events, plain := device.Stream("/stream?events=all"), device.Stream("/stream")
		expect := func(want Event) {
			t.Helper()
			got := events.NextEvent()
			got.Message = nil
			require.Equal(t, want, got)
		}
		other.NewSender("foreign").Send("nothing of this is for the user")

		app := user.NewSender("app")
		expect(Event{Event: "application_created", AppID: app.ID})
		answer := app.Post("/message", object{"message": "m", "extras": object{"a": 1}}).Want(200)
		event := events.NextEvent()
		require.Equal(t, "message", event.Event)
		require.JSONEq(t, string(answer.Body), string(event.Message))
		first := As[Message](answer)

		path := fmt.Sprintf("/application/%d", app.ID)
		user.Put(path, object{"name": "renamed"}).Want(200)
		expect(Event{Event: "application_updated", AppID: app.ID})
		user.Post(path+"/image", upload(t, "file", "a.png", picturePNG(t))).Want(200)
		expect(Event{Event: "application_updated", AppID: app.ID})
		user.Delete(path + "/image").Want(200)
		expect(Event{Event: "application_updated", AppID: app.ID})

		second, third := app.Send("2"), app.Send("3")
		require.Equal(t, "message", events.NextEvent().Event)
		require.Equal(t, "message", events.NextEvent().Event)
		user.Delete(fmt.Sprintf("/message/%d", second.ID)).Empty(200)
		expect(Event{Event: "message_deleted", ID: second.ID, AppID: app.ID})
		user.Delete(path + "/message").Empty(200)
		gone := events.NextEvent()
		require.Equal(t, "messages_deleted", gone.Event)
		require.Equal(t, app.ID, gone.AppID)
		require.GreaterOrEqual(t, gone.ID, third.ID)
		fourth := app.Send("4")
		require.Equal(t, "message", events.NextEvent().Event)
		user.Delete("/message").Empty(200)
		gone = events.NextEvent()
		require.Equal(t, "messages_deleted", gone.Event)
		require.Zero(t, gone.AppID)
		require.GreaterOrEqual(t, gone.ID, fourth.ID)
		user.Delete(path).Empty(200)
		expect(Event{Event: "application_deleted", AppID: app.ID})

		// A plain stream has seen messages, and nothing else.
		for _, want := range []Message{first, second, third, fourth, user.NewSender("last").Send("5")} {
			require.Equal(t, want, plain.NextMessage())
		}
	})
}

// Messages are replayed as events too.
func TestEventsResume(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		app := user.NewSender("app")
		first, second := app.Send("1"), app.Send("2")
		stream := user.Stream(fmt.Sprintf("/stream?events=all&since=%d", first.ID))
		for _, want := range []Message{second, app.Send("3")} {
			event := stream.NextEvent()
			require.Equal(t, "message", event.Event)
			var got Message
			require.NoError(t, json.Unmarshal(event.Message, &got))
			require.Equal(t, want, got)
		}
	})
}
