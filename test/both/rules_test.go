package both

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// Rules of an application, in Gotify's language: its own, and those whose pattern
// it matches.
func TestRulesOfAnApplication(t *testing.T) {
	type rule struct {
		User     *string `json:"user"`
		Everyone bool    `json:"everyone"`
		Read     bool    `json:"read"`
		Write    bool    `json:"write"`
		Pattern  string  `json:"pattern"`
	}
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend, other := newPerson(t, s), newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		path := "/application/" + id(a.ID) + "/access"
		require.Equal(t, "[]", string(owner.Get(path).Want(http.StatusOK).Body))

		made := gotify.As[rule](owner.Put(path, object{"user": friend.Name, "read": true}))
		require.Equal(t, rule{User: &friend.Name, Read: true, Pattern: a.Topic}, made)
		gotify.As[rule](owner.Put(path, object{"user": other.Name, "read": false}))
		forAll := gotify.As[rule](owner.Put(path, object{"everyone": true, "write": true}))
		require.Equal(t, rule{Everyone: true, Write: true, Pattern: a.Topic}, forAll)
		wide := a.Topic[:10] + "*"
		ntfy.Allow(t, s, friend.Name, wide, "read-write")
		require.ElementsMatch(t, []rule{
			{User: &friend.Name, Read: true, Pattern: a.Topic}, {User: &other.Name, Pattern: a.Topic},
			{User: &friend.Name, Read: true, Write: true, Pattern: wide}, {Everyone: true, Write: true, Pattern: a.Topic},
		}, gotify.As[[]rule](owner.Get(path)))
		gotify.As[rule](owner.Put(path, object{"user": friend.Name, "write": true}))
		all := gotify.As[[]rule](owner.Get(path))
		require.Contains(t, all, rule{User: &friend.Name, Write: true, Pattern: a.Topic})
		require.Len(t, all, 4, "in the place of the one before")
		require.Equal(t, all, gotify.As[[]rule](gotify.Admin(t, s).Get(path)), "an admin sees them too")

		for _, body := range []object{
			{}, {"read": true}, {"user": friend.Name}, {"user": friend.Name, "everyone": true, "read": true}, {"user": "nobody " + friend.Name, "read": true},
			{"user": owner.Name, "read": true}, {"user": "", "read": true},
		} {
			owner.Loose().Put(path, body).Refused(http.StatusBadRequest)
		}
		for _, query := range []string{"", "?user=nobody", "?everyone=maybe", "?user=" + friend.Name + "&everyone=true"} {
			owner.Loose().Delete(path + query).ClientError()
		}
		owner.Get("/application/999999/access").Refused(http.StatusNotFound)
		a.Get(path).Refused(http.StatusForbidden)

		owner.Delete(path + "?user=" + friend.Name).Empty(http.StatusOK)
		owner.Delete(path + "?user=" + friend.Name).Refused(http.StatusNotFound)
		owner.Delete(path + "?everyone=true").Empty(http.StatusOK)
		gotify.Admin(t, s).Delete(path + "?user=" + other.Name).Empty(http.StatusOK)
		require.Equal(t, []rule{{User: &friend.Name, Read: true, Write: true, Pattern: wide}}, gotify.As[[]rule](owner.Get(path)), "only an admin takes it away")
	})
}

// To hand out access takes what it takes to delete the application: a browser has
// to be elevated.
func TestRulesNeedElevation(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		path := "/application/" + id(a.ID) + "/access"
		plain := owner.LoginPlain()
		plain.Get(path).Want(http.StatusOK)
		plain.Put(path, object{"user": friend.Name, "read": true}).Refused(http.StatusForbidden)
		plain.Delete(path + "?user=" + friend.Name).Refused(http.StatusForbidden)
		require.Empty(t, friend.listed())
		owner.Login().Put(path, object{"user": friend.Name, "read": true}).Want(http.StatusOK)
		require.Equal(t, []string{a.Topic}, friend.listed())
	})
}

// The rule that counts most decides alone, for lists as for topics.
func TestWhichRuleCounts(t *testing.T) {
	type rule struct {
		who     string // me or *
		pattern string // %s stands for the topic, %p for how it begins
		allows  string
	}
	cases := map[string]struct {
		rules       []rule
		read, write bool
	}{
		"none":                                {nil, false, false},
		"mine":                                {[]rule{{"me", "%s", "read-write"}}, true, true},
		"everyone's":                          {[]rule{{"*", "%s", "read-only"}}, true, false},
		"mine before everyone's":              {[]rule{{"*", "%s", "read-write"}, {"me", "%s", "deny-all"}}, false, false},
		"mine before everyone's, though wide": {[]rule{{"*", "%s", "deny-all"}, {"me", "%p*", "read-write"}}, true, true},
		"mine denies, though wide":            {[]rule{{"*", "%s", "read-write"}, {"me", "*", "deny-all"}}, false, false},
		"the longer denies":                   {[]rule{{"me", "%p*", "read-write"}, {"me", "%s", "deny-all"}}, false, false},
		"the longer allows":                   {[]rule{{"me", "%p*", "deny-all"}, {"me", "%s", "read-only"}}, true, false},
		"the longer, with a star":             {[]rule{{"me", "%s*", "write-only"}, {"me", "%s", "read-write"}}, false, true},
		"they do not add up":                  {[]rule{{"me", "%p*", "read-only"}, {"me", "%s", "write-only"}}, false, true},
		"everyone's longer":                   {[]rule{{"*", "%p*", "read-write"}, {"*", "%s", "deny-all"}}, false, false},
		"of equal length, what lets write":    {[]rule{{"me", "%p-*", "read-only"}, {"me", "%p**", "write-only"}}, false, true},
		"a star in the midst":                 {[]rule{{"me", "a*-t*c", "read-write"}}, true, true},
		"two stars in the midst":              {[]rule{{"me", "a*o*c", "deny-all"}, {"me", "a*", "read-write"}}, false, false},
		"case":                                {[]rule{{"me", "APP*", "read-write"}, {"me", "*Topic", "read-write"}}, false, false},
		"no star":                             {[]rule{{"me", "%p", "read-write"}}, false, false},
		"an underscore is no wildcard":        {[]rule{{"me", "%p_topic", "read-write"}}, false, false},
		"the star is the whole":               {[]rule{{"me", "*", "read-only"}}, true, false},
	}
	ntfy.Own(t, nil, func(t *testing.T, s *server.Server) {
		for what, c := range cases {
			t.Run(what, func(t *testing.T) {
				owner, me := newPerson(t, s), newPerson(t, s)
				begin := name("app")
				a := owner.application(object{"name": begin + "-topic"})
				frames := me.frames()
				for _, r := range c.rules {
					who := r.who
					if who == "me" {
						who = me.Name
					}
					ntfy.Allow(t, s, who, strings.NewReplacer("%s", a.Topic, "%p", begin).Replace(r.pattern), r.allows)
				}
				sent := a.Send("m")
				own := me.application(nil)
				own.Send("marker")
				history := me.phone.Get("/application/" + id(a.ID) + "/message")
				if c.read {
					require.Equal(t, sent, frames.NextMessage())
					require.Contains(t, me.listed(), a.Topic)
					require.Contains(t, me.phone.History(), sent)
					require.Equal(t, []gotify.Message{sent}, gotify.As[gotify.Page](history).Messages)
					require.Len(t, me.stored(a.Topic, ""), 1)
				} else {
					require.NotContains(t, me.listed(), a.Topic)
					require.NotContains(t, me.phone.History(), sent)
					history.Refused(http.StatusNotFound)
					me.topics.Get("/" + a.Topic + "/json?poll=1").Refused(40301)
				}
				require.Equal(t, "marker", frames.NextMessage().Message)
				for _, listed := range me.applications() {
					if listed.ID == a.ID {
						require.Equal(t, c.write, *listed.CanWrite)
					}
				}
				if c.write {
					me.say(a.Topic, "written")
				} else {
					me.topics.Put("/"+a.Topic, "no").Refused(40301)
				}
			})
		}
	})
}

// A rule for everyone is for strangers too, and puts the application into the
// lists of all users, also of those who come later.
func TestRulesForEveryone(t *testing.T) {
	ntfy.Own(t, nil, func(t *testing.T, s *server.Server) {
		owner, one, other := newPerson(t, s), newPerson(t, s), newPerson(t, s)
		a := owner.application(nil)
		a.Send("before")
		frames, stranger := one.frames(), ntfy.Anonymous(t, s)
		path := "/application/" + id(a.ID) + "/access"
		owner.Put(path, object{"everyone": true, "read": true, "write": false}).Want(http.StatusOK)
		late := newPerson(t, s)
		for _, p := range []*person{one, other, late} {
			require.Equal(t, []string{a.Topic}, p.listed())
			require.Equal(t, []string{"before"}, p.heard())
		}
		require.Equal(t, []string{a.Topic}, owner.listed())
		lines := stranger.Subscribe("/" + a.Topic + "/json?since=all")
		require.Equal(t, "before", lines.NextMessage().Message)
		lateFrames := late.frames()
		a.Send("live")
		require.Equal(t, "live", lines.NextMessage().Message)
		require.Equal(t, "live", frames.NextMessage().Message)
		require.Equal(t, "live", lateFrames.NextMessage().Message)
		stranger.Put("/"+a.Topic, "no").Refused(40301)

		// A user's own rule beats it.
		owner.Put(path, object{"user": other.Name, "read": false, "write": false}).Want(http.StatusOK)
		require.Empty(t, other.listed())
		require.Empty(t, other.heard())
		other.shutOut(a.Topic)

		owner.Delete(path + "?everyone=true").Empty(http.StatusOK)
		require.NoError(t, lines.Ended())
		require.Empty(t, one.listed())
		require.Empty(t, late.heard())
		stranger.Get("/" + a.Topic + "/json?poll=1").Refused(40301)
	})
}

// What the server allows to everybody, and what admins may, fills nobody's lists.
func TestListsHoldWhatIsSharedOnly(t *testing.T) {
	ntfy.Own(t, map[string]string{"access.default": "read-write"}, func(t *testing.T, s *server.Server) {
		owner, other := newPerson(t, s), newPerson(t, s)
		admin := gotify.NewAdmin(t, s)
		a := owner.application(nil)
		frames := other.frames()
		a.Send("m")
		require.Equal(t, []string{"m"}, ntfy.Texts(other.stored(a.Topic, "")))
		other.say(a.Topic, "from the other")
		other.application(nil).Send("own")
		require.Equal(t, "own", frames.NextMessage().Message)
		require.Equal(t, []string{"own"}, other.heard())
		require.Empty(t, gotify.As[[]application](admin.Get("/application")))
		require.Empty(t, admin.History())
		require.Len(t, owner.heard(), 2)
	})
}

// Topics of UnifiedPush stay hidden, whatever a rule says.
func TestRulesDoNotShowPushTopics(t *testing.T) {
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		owner, friend := newPerson(t, s), newPerson(t, s)
		topic := pushTopic()
		owner.hear(topic)
		ntfy.Allow(t, s, friend.Name, topic, "read-only")
		owner.say(topic, "m")
		require.Empty(t, friend.listed())
		require.Empty(t, friend.heard())
		require.Equal(t, []string{"m"}, ntfy.Texts(friend.stored(topic, "")))
	})
}
