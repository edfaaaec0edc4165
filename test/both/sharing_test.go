package both

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// share gives the other person a rule for exactly this application, in Gotify's
// language.
func (p *person) share(a *sender, other *person, read, write bool) {
	p.T.Helper()
	p.Put("/application/"+id(a.ID)+"/access", object{"user": other.Name, "read": read, "write": write}).Want(http.StatusOK)
}

func (p *person) unshare(a *sender, other *person) {
	p.T.Helper()
	p.Delete("/application/" + id(a.ID) + "/access?user=" + other.Name).Empty(http.StatusOK)
}

// With a rule, an application stands in the other person's lists, history and
// streams, and without it, it does not.
func TestSharedApplication(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		own, a, private := friend.application(nil), owner.application(nil), owner.application(nil)
		before := a.Send("before")
		private.Send("private")
		frames := friend.frames()
		friend.phone.Get("/application/" + id(a.ID) + "/message").Refused(http.StatusNotFound)
		friend.shutOut(a.Topic)

		owner.share(a, friend, true, false)
		require.Equal(t, []string{own.Topic, a.Topic}, friend.listed())
		shared := friend.applications()[1]
		require.True(t, shared.Shared)
		require.Equal(t, owner.Name, shared.Owner)
		require.Equal(t, a.Name, shared.Name)
		require.False(t, *shared.CanWrite)
		require.Empty(t, shared.Token, "its token is the owner's")
		require.NotContains(t, string(friend.phone.Get("/application").Body), a.Token)
		require.False(t, owner.applications()[0].Shared)
		require.NotContains(t, string(owner.phone.Get("/application").Body), "canWrite")

		require.Equal(t, []gotify.Message{before}, friend.phone.History(), "also what was before")
		require.Equal(t, []gotify.Message{before}, gotify.As[gotify.Page](friend.phone.Get("/application/"+id(a.ID)+"/message")).Messages)
		live := a.Send("live")
		require.Equal(t, live, frames.NextMessage(), "the stream was there before the rule")
		own.Send("own")
		require.Equal(t, "own", frames.NextMessage().Message)
		resumed := friend.phone.Stream("/stream?since=" + id(before.ID))
		require.Equal(t, live, resumed.NextMessage())
		require.Equal(t, "own", resumed.NextMessage().Message)
		require.Equal(t, []string{"before", "live"}, ntfy.Texts(friend.stored(a.Topic, "")))
		lines := friend.hear(a.Topic)
		said := owner.say(a.Topic, "in the other language")
		require.Equal(t, said, lines.NextMessage())
		require.Equal(t, "in the other language", frames.NextMessage().Message)
		require.Equal(t, "in the other language", resumed.NextMessage().Message)

		owner.unshare(a, friend)
		require.NoError(t, lines.Ended())
		a.Send("after")
		own.Send("marker")
		require.Equal(t, "marker", frames.NextMessage().Message)
		require.Equal(t, "marker", resumed.NextMessage().Message)
		require.Equal(t, []string{own.Topic}, friend.listed())
		require.Equal(t, []string{"own", "marker"}, friend.heard())
		friend.phone.Get("/application/" + id(a.ID) + "/message").Refused(http.StatusNotFound)
		again := friend.phone.Stream("/stream?since=" + id(before.ID))
		require.Equal(t, "own", again.NextMessage().Message)
		require.Equal(t, "marker", again.NextMessage().Message)
		friend.shutOut(a.Topic)
		require.Equal(t, []string{"before", "live", "in the other language", "after"}, ntfy.Texts(owner.stored(a.Topic, "")))
	})
}

// Who may read may not change anything.
func TestSharedApplicationIsTheOwners(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		message := a.Send("m")
		owner.share(a, friend, true, true)
		path := "/application/" + id(a.ID)
		for _, c := range []*gotify.Caller{friend.Caller, friend.phone.Caller} {
			c.Put(path, object{"name": "mine"}).Refused(http.StatusNotFound)
			c.Delete(path).Refused(http.StatusNotFound)
			c.Delete(path + "/message").Refused(http.StatusNotFound)
			c.Delete(path + "/image").Refused(http.StatusNotFound)
			c.Delete("/message/" + id(message.ID)).Refused(http.StatusNotFound)
			c.Get(path + "/access").Refused(http.StatusNotFound)
			c.Put(path+"/access", object{"everyone": true, "read": true}).Refused(http.StatusNotFound)
			c.Delete(path + "/access?everyone=true").Refused(http.StatusNotFound)
			c.Delete("/message").Empty(http.StatusOK)
		}
		require.Equal(t, []gotify.Message{message}, friend.phone.History(), "all of one's own is not what is shared")
		kept := owner.applications()[0]
		kept.LastUsed = nil
		require.Equal(t, a.application, kept)
	})
}

// News about a shared application and its messages reach who may read it.
func TestEventsOfSharedApplications(t *testing.T) {
	ntfy.Own(t, nil, func(t *testing.T, s *server.Server) {
		owner, friend, other := newPerson(t, s), newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		owner.share(a, friend, true, false)
		events, nothing := friend.phone.Stream("/stream?events=all"), other.phone.Stream("/stream?events=all")
		first, second := a.Send("first"), a.Send("second")
		for range 2 {
			require.Equal(t, "message", events.NextEvent().Event)
		}
		owner.phone.Delete("/message/" + id(first.ID)).Empty(http.StatusOK)
		deleted := events.NextEvent()
		require.Equal(t, "message_deleted", deleted.Event)
		require.Equal(t, first.ID, deleted.ID)
		require.Equal(t, []gotify.Message{second}, friend.phone.History())
		owner.Put("/application/"+id(a.ID), object{"name": "another"}).Want(http.StatusOK)
		require.Equal(t, gotify.Event{Event: "application_updated", AppID: a.ID}, events.NextEvent())
		owner.Delete("/application/" + id(a.ID)).Empty(http.StatusOK)
		require.Equal(t, gotify.Event{Event: "application_deleted", AppID: a.ID}, events.NextEvent())
		require.Empty(t, friend.listed())
		other.application(nil)
		require.Equal(t, "application_created", nothing.NextEvent().Event, "nothing of it before")
	})
}

// Who may write posts to the application, by appid or by topic; who may only read
// does not.
func TestPostingToSharedApplications(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		frames := owner.frames()
		body := func(text string) object { return object{"message": text, "appid": a.ID} }

		owner.share(a, friend, true, false)
		friend.Post("/message", body("no")).Refused(http.StatusBadRequest, "appid")
		friend.topics.Put("/"+a.Topic, "no").Refused(40301)
		require.False(t, *friend.applications()[0].CanWrite)

		owner.share(a, friend, true, true)
		require.True(t, *friend.applications()[0].CanWrite)
		sent := gotify.As[gotify.Message](friend.Post("/message", body("by appid")))
		require.Equal(t, a.Name, sent.Title)
		require.Equal(t, sent, frames.NextMessage())
		friend.say(a.Topic, "by topic")
		require.Equal(t, "by topic", frames.NextMessage().Message)
		browser := friend.Login()
		browser.Post("/message", body("by session")).Want(http.StatusOK)
		require.Equal(t, "by session", frames.NextMessage().Message)
		friend.phone.Post("/message", body("no")).Refused(http.StatusForbidden, "client token")
		friend.as(friend.phone.Token).Put("/"+a.Topic, "no").Refused(40301, "client token")
		require.Equal(t, []string{"by appid", "by topic", "by session"}, friend.heard())

		owner.unshare(a, friend)
		friend.Post("/message", body("no")).Refused(http.StatusBadRequest, "appid")
		friend.topics.Put("/"+a.Topic, "no").Refused(40301)
		require.Len(t, owner.heard(), 3)
	})
}

// Who may only write sees nothing.
func TestWriteOnlyDoesNotShare(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		owner.share(a, friend, false, true)
		frames := friend.frames()
		friend.Post("/message", object{"message": "by appid", "appid": a.ID}).Want(http.StatusOK)
		friend.say(a.Topic, "by topic")
		friend.topics.Get("/" + a.Topic + "/json?poll=1").Refused(40301)
		friend.topics.Get("/" + a.Topic + "/auth").Refused(40301)
		require.Empty(t, friend.listed())
		require.Empty(t, friend.heard())
		friend.phone.Get("/application/" + id(a.ID) + "/message").Refused(http.StatusNotFound)
		friend.application(nil).Send("own")
		require.Equal(t, "own", frames.NextMessage().Message)
		require.Equal(t, []string{"by appid", "by topic"}, owner.heard())
	})
}

// Whose application is deleted, or who is, takes the sharing along.
func TestSharingEndsWithTheOwner(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		a.Send("m")
		owner.share(a, friend, true, true)
		lines := friend.hear(a.Topic)
		require.Equal(t, []string{"m"}, friend.heard())
		gotify.Admin(t, s).Delete("/user/" + id(owner.ID)).Empty(http.StatusOK)
		require.NoError(t, lines.Ended())
		require.Empty(t, friend.listed())
		require.Empty(t, friend.heard())
		friend.Post("/message", object{"message": "m", "appid": a.ID}).Refused(http.StatusBadRequest)
	})
}

// The other side of the same: who had a rule and is deleted leaves nothing behind
// for a user who comes later.
func TestSharingEndsWithTheReader(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		owner.share(a, friend, true, true)
		frames := friend.frames()
		gotify.Admin(t, s).Delete("/user/" + id(friend.ID)).Empty(http.StatusOK)
		frames.Cut()
		require.Equal(t, "[]", string(owner.Get("/application/"+id(a.ID)+"/access").Want(http.StatusOK).Body))
		again := gotify.As[gotify.User](gotify.Admin(t, s).Post("/user", object{"name": friend.Name, "pass": friend.Password}))
		require.NotEqual(t, friend.ID, again.ID)
		require.Empty(t, gotify.As[[]application](friend.Get("/application")))
	})
}
