package broker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

func (w *world) publishTo(who *model.Identity, topic, text string) string {
	w.t.Helper()
	m, err := w.PublishTopic(w.t.Context(), who, topic, model.Draft{Message: text, Details: &model.Details{}})
	require.NoError(w.t, err)
	return m.Key
}

// keys runs the replay and returns the keys of what it hands over, and of what is
// live by then.
func (w *world) keys(s *hub.Subscription, replay Replay) []string {
	w.t.Helper()
	keys := []string{}
	note := func(page []*hub.Envelope) error {
		for _, e := range page {
			keys = append(keys, e.Event.Message.Key)
		}
		return nil
	}
	require.NoError(w.t, replay(w.t.Context(), note))
	require.NoError(w.t, note(s.Take(nil)))
	return keys
}

// What is published between the subscription and its replay comes in any case.
func TestTopicReplayLosesNothing(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	ada := w.newPerson("ada")
	for name, since := range map[string]func(first string) model.Since{
		"none":   func(string) model.Since { return model.Since{Kind: model.SinceNone} },
		"future": func(string) model.Since { return model.Since{Kind: model.SinceTime, Time: time.Now().Add(time.Hour)} },
		"time":   func(string) model.Since { return model.Since{Kind: model.SinceTime, Time: time.Now().Add(-time.Hour)} },
		"key":    func(first string) model.Since { return model.Since{Kind: model.SinceKey, Key: first} },
		"all":    func(string) model.Since { return model.Since{Kind: model.SinceAll} },
	} {
		first, second := w.publishTo(ada, name, "first"), w.publishTo(ada, name, "second")
		s, replay, err := w.SubscribeTopics(t.Context(), ada, []string{name}, SubscribeOptions{Since: since(first)})
		require.NoError(t, err)
		between := w.publishTo(ada, name, "between")
		want := map[string][]string{"time": {first, second}, "all": {first, second}, "key": {second}}[name]
		require.Equal(t, append(want, between), w.keys(s, replay), name)
		s.Close()
	}
}

// The newest message of each topic is one of those from before the subscription;
// all that came since come, too.
func TestTopicReplayOfTheLatest(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	ada := w.newPerson("ada")
	w.publishTo(ada, "a", "old")
	newestOfA, newestOfB := w.publishTo(ada, "a", "new"), w.publishTo(ada, "b", "new")
	s, replay, err := w.SubscribeTopics(t.Context(), ada, []string{"b", "a"}, SubscribeOptions{Since: model.Since{Kind: model.SinceLatest}})
	require.NoError(t, err)
	defer s.Close()
	first, second := w.publishTo(ada, "a", "between"), w.publishTo(ada, "a", "between")
	require.Equal(t, []string{newestOfA, newestOfB, first, second}, w.keys(s, replay))
}

// A deletion that comes while older messages are replayed to a user is no part of
// the replay, which has messages only.
func TestADeletionDuringAReplay(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"}))
	first := w.publish(sender, model.Draft{Message: "1"})
	zero := int64(0)
	s, replay, err := w.Subscribe(t.Context(), ada, &zero, true)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, w.DeleteMessage(t.Context(), ada.User.ID, first.ID))
	last := w.publish(sender, model.Draft{Message: "2"})
	var heard []int64
	note := func(page []*hub.Envelope) error {
		for _, e := range page {
			heard = append(heard, e.Event.MessageID)
		}
		return nil
	}
	require.NoError(t, replay(t.Context(), note))
	require.NoError(t, note(s.Take(nil)))
	require.Equal(t, []int64{last.ID, first.ID}, heard)
}

func TestTopicsThatRulesKeep(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	alice, mallory, admin := w.newPerson("alice"), w.newPerson("mallory"), w.newPerson("root")
	admin.User.Admin = true
	rule := func(user *model.Identity, pattern string, read, write bool) {
		t.Helper()
		r := model.AccessRule{Pattern: pattern, CanRead: read, CanWrite: write}
		if user != nil {
			r.UserID = &user.User.ID
		}
		require.NoError(t, w.Auth.PutAccessRule(t.Context(), r))
	}
	rule(alice, "alerts", true, true)
	rule(nil, "secret*", false, false)
	for _, topic := range []string{"alerts", "secret-1"} {
		_, err := w.PublishTopic(t.Context(), mallory, topic, model.Draft{Message: "m", Details: &model.Details{}})
		requireKind(t, model.Forbidden, err)
		_, err = w.CreateApplication(t.Context(), mallory.User, ApplicationEdit{Name: "x", Topic: topic})
		requireKind(t, model.Invalid, err)
		named, err := w.CreateApplication(t.Context(), mallory.User, ApplicationEdit{Name: topic})
		require.NoError(t, err)
		require.NotEqual(t, topic, named.Topic)
		_, err = w.UpdateApplication(t.Context(), mallory.User, named.ID, ApplicationEdit{Name: "x", Topic: topic})
		requireKind(t, model.Invalid, err)
	}
	rules, err := w.DB.AccessRules(t.Context())
	require.NoError(t, err)
	require.Len(t, rules, 2, "what was refused has changed none")
	_, err = w.PublishTopic(t.Context(), alice, "alerts", model.Draft{Message: "m", Details: &model.Details{}})
	require.NoError(t, err)
	_, err = w.CreateApplication(t.Context(), admin.User, ApplicationEdit{Name: "secret-1", Topic: "secret-1"})
	require.NoError(t, err)
}

// Who may only write does not get to read by being the first.
func TestTheFirstWriterOfATopic(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	admin, err := w.Auth.CreateUser(t.Context(), auth.UserEdit{Name: "root", Password: "password", Admin: true})
	require.NoError(t, err)
	ada := w.newPerson("ada")
	require.NoError(t, w.Auth.PutAccessRule(t.Context(), model.AccessRule{UserID: &ada.User.ID, Pattern: "drop*", CanWrite: true}))
	w.publishTo(ada, "drop-1", "m")
	a, err := w.DB.ApplicationByTopic(t.Context(), "drop-1")
	require.NoError(t, err)
	require.Equal(t, admin.ID, a.UserID)
	requireKind(t, model.Forbidden, w.MaySubscribe(t.Context(), ada, []string{"drop-1"}))
	w.publishTo(ada, "mine", "m")
	require.NoError(t, w.MaySubscribe(t.Context(), ada, []string{"mine"}))
}

// News about a message in a topic that nobody has creates none.
func TestNewsAboutNothing(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	ada := w.newPerson("ada")
	for _, verb := range []func(context.Context, *model.Identity, string, string) (*model.Notice, error){w.DeleteSequence, w.ClearSequence} {
		n, err := verb(t.Context(), ada, "nothing", "s")
		require.NoError(t, err)
		require.Len(t, n.Key, model.KeyLength)
		require.Equal(t, "nothing", n.Topic)
		_, err = verb(t.Context(), nil, "nothing", "s")
		requireKind(t, model.Forbidden, err)
	}
	_, err := w.DB.ApplicationByTopic(t.Context(), "nothing")
	requireKind(t, model.NotFound, err)
}

// What waits is delivered in the order of its time, also when it is more than is
// looked for at a time, and nothing that is refused holds up the rest.
func TestManyDueMessages(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	ada := w.newPerson("ada")
	w.publishTo(ada, "topic", "first")
	a, err := w.DB.ApplicationByTopic(t.Context(), "topic")
	require.NoError(t, err)
	var want []string
	for i := range dueAtOnce + 20 {
		due := model.Now().Add(time.Duration(i-dueAtOnce-20) * time.Millisecond)
		m := w.message(a, model.Draft{Message: "m", Details: &model.Details{}})
		require.NoError(t, w.schedule(t.Context(), m, due))
		want = append(want, m.Key)
	}
	require.NoError(t, w.deliverDue(t.Context()))
	require.NoError(t, w.deliverDue(t.Context()))
	poll, replay, err := w.PollTopics(t.Context(), ada, []string{"topic"}, SubscribeOptions{Since: model.Since{Kind: model.SinceAll}})
	require.NoError(t, err)
	defer poll.Close()
	var got []string
	require.NoError(t, replay(t.Context(), func(page []*hub.Envelope) error {
		for _, e := range page {
			got = append(got, e.Event.Message.Key)
		}
		return nil
	}))
	require.Equal(t, want, got[1:])
}

// A poll that takes its time ends with the right to read, and never hands over what
// belongs to whoever has the topic by then.
func TestAPollEndsWithItsRight(t *testing.T) {
	w := newWorld(t, Limits{})
	w.AutoCreate = AutoCreateUsers
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	for range replayPage + 1 {
		w.publishTo(ada, "topic", "ada's")
	}
	old, err := w.DB.ApplicationByTopic(t.Context(), "topic")
	require.NoError(t, err)
	poll, replay, err := w.PollTopics(t.Context(), ada, []string{"topic"}, SubscribeOptions{Since: model.Since{Kind: model.SinceAll}})
	require.NoError(t, err)
	pages := 0
	require.NoError(t, replay(t.Context(), func(page []*hub.Envelope) error {
		if pages++; pages == 1 {
			require.NoError(t, w.DeleteApplication(t.Context(), ada.User.ID, old.ID))
			w.publishTo(bob, "topic", "bob's")
		}
		for _, e := range page {
			require.Equal(t, "ada's", e.Event.Message.Message)
		}
		return nil
	}))
	require.Equal(t, hub.ReasonRevoked, poll.Reason())
}
