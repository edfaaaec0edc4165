package broker

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestWhoMayPublish(t *testing.T) {
	w := newWorld(t, Limits{})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	mine, second, foreign := w.newApplication(ada, ApplicationEdit{Name: "mine"}), w.newApplication(ada, ApplicationEdit{Name: "second"}),
		w.newApplication(bob, ApplicationEdit{Name: "foreign"})
	session := &model.Identity{Credential: model.ClientToken, User: ada.User, Client: &model.Client{Session: true}}
	for _, c := range []struct {
		what  string
		who   *model.Identity
		named int64
		want  int64
		kind  model.Kind
		text  string
	}{
		{"application token", w.sender(mine), 0, mine.ID, 0, ""},
		{"application token, another application", w.sender(mine), second.ID, mine.ID, 0, ""},
		{"application token, a foreign application", w.sender(mine), foreign.ID, mine.ID, 0, ""},
		{"password", ada, second.ID, second.ID, 0, ""},
		{"password, none", ada, 0, 0, model.Invalid, "appid is required when not authenticating with an application token"},
		{"password, foreign", ada, foreign.ID, 0, model.Invalid, "appid not found"},
		{"password, unknown", ada, math.MaxInt64, 0, model.Invalid, "appid not found"},
		{"password, negative", ada, -1, 0, model.Invalid, "appid not found"},
		{"session", session, mine.ID, mine.ID, 0, ""},
		{"session, none", session, 0, 0, model.Invalid, "appid is required when not authenticating with an application token"},
		{"session, foreign", session, foreign.ID, 0, model.Invalid, "appid not found"},
		{"client token", w.receiver(ada), mine.ID, 0, model.Forbidden, "a client token cannot post messages; use an application token, or user credentials with appid"},
		{"client token, none", w.receiver(ada), 0, 0, model.Forbidden, "a client token cannot post messages; use an application token, or user credentials with appid"},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, err := w.Publish(t.Context(), c.who, model.Draft{ApplicationID: c.named, Message: "m"})
			if c.text != "" {
				requireKind(t, c.kind, err)
				require.EqualError(t, err, c.text)
				require.Nil(t, m)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, m.ApplicationID)
		})
	}
	stored, _, err := w.DB.MessagesBefore(t.Context(), []int64{foreign.ID}, math.MaxInt64, 1)
	require.NoError(t, err)
	require.Empty(t, stored)
}

func TestPublishFillsIn(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "Doorbell", DefaultPriority: 6}))
	zero := 0
	for _, c := range []struct {
		draft                             model.Draft
		title                             string
		priority                          int
		titleDefaulted, priorityDefaulted bool
	}{
		{model.Draft{Message: "m"}, "Doorbell", 6, true, true},
		{model.Draft{Message: "m", Title: " \t"}, "Doorbell", 6, true, true},
		{model.Draft{Message: " ", Title: " t ", Priority: &zero}, " t ", 0, false, false},
		{model.Draft{Message: "m", Title: "Doorbell"}, "Doorbell", 6, true, true}, // as Gotify's clients fill it in
		{model.Draft{Message: "m", Title: "Doorbell", Details: &model.Details{}}, "Doorbell", 6, false, true},
	} {
		events := w.listen(ada.User.ID)
		m := w.publish(sender, c.draft)
		require.Equal(t, c.title, m.Title)
		require.Equal(t, c.titleDefaulted, m.TitleDefaulted)
		require.Equal(t, c.priority, m.Priority)
		require.Equal(t, c.priorityDefaulted, m.PriorityDefaulted)
		require.Equal(t, c.draft.Message, m.Message)
		require.Len(t, m.Key, model.KeyLength)

		// What the sender hears is what streams hear and what is stored.
		heard := events.take()
		require.Len(t, heard, 1)
		require.Equal(t, model.MessagePublished, heard[0].Kind)
		require.Equal(t, m, heard[0].Message)
		require.Equal(t, m.ID, heard[0].MessageID)
		stored, _, err := w.DB.MessagesBefore(t.Context(), []int64{m.ApplicationID}, math.MaxInt64, 1)
		require.NoError(t, err)
		stored[0].UserID, stored[0].Topic = m.UserID, m.Topic
		require.Equal(t, m, stored[0])
	}
}

func TestDraftsThatCannotBe(t *testing.T) {
	w := newWorld(t, Limits{Message: 10, Extras: 20, ExtrasDepth: 2})
	ada := w.newPerson("ada")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"}))
	for _, c := range []struct {
		draft model.Draft
		kind  model.Kind
		text  string
	}{
		{model.Draft{}, model.Invalid, "Field 'message' is required"},
		{model.Draft{Title: "t"}, model.Invalid, "Field 'message' is required"},
		{model.Draft{Message: strings.Repeat("x", 11)}, model.TooLarge, "Field 'message' must not be longer than 10 bytes"},
		{model.Draft{Message: "a\x00b"}, model.Invalid, "Field 'message' must not contain NUL characters"},
		{model.Draft{Message: "\xff"}, model.Invalid, "Field 'message' is not valid UTF-8"},
		{model.Draft{Message: "m", Title: "\x00"}, model.Invalid, "Field 'title' must not contain NUL characters"},
		{model.Draft{Message: "m", Title: "\xc3"}, model.Invalid, "Field 'title' is not valid UTF-8"},
		{model.Draft{Message: "m", Extras: `{"a":"0123456789012"}`}, model.TooLarge, "Field 'extras' must not be larger than 20 bytes"},
		{model.Draft{Message: "m", Extras: `{"a":{"b":[1]}}`}, model.Invalid, "Field 'extras' must not be nested deeper than 2 levels"},
		{model.Draft{Message: "m", Extras: `[]`}, model.Invalid, "Field 'extras' must be a JSON object"},
	} {
		_, err := w.Publish(t.Context(), sender, c.draft)
		requireKind(t, c.kind, err)
		require.EqualError(t, err, c.text)
	}
	for _, good := range []model.Draft{
		{Message: strings.Repeat("x", 10)}, {Message: "m", Extras: `{"a":"012345678901"}`}, {Message: "m", Extras: `{"a":{"b":1}}`}, {Message: "m", Extras: `{}`},
	} {
		w.publish(sender, good)
	}
}

// An application that is deleted while it is remembered posts no more, and is
// forgotten then.
func TestPublishForAnApplicationThatIsGone(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	a := w.newApplication(ada, ApplicationEdit{Name: "app"})
	token, sender := w.Token(a), w.sender(a)
	require.NoError(t, w.DB.DeleteApplication(t.Context(), ada.User.ID, a.ID)) // by another node
	_, err := w.Publish(t.Context(), sender, model.Draft{Message: "m"})
	requireKind(t, model.Unauthenticated, err)
	_, err = w.Auth.ByToken(t.Context(), token)
	requireKind(t, model.Unauthenticated, err)

	// Between the look for a person's application and the commit.
	err = w.vanished(t.Context(), ada, a.ID, model.Errorf(model.NotFound, "gone"))
	requireKind(t, model.Invalid, err)
	require.ErrorContains(t, err, "appid not found")
	away := model.Errorf(model.Unavailable, "away")
	require.Same(t, away, w.vanished(t.Context(), ada, a.ID, away))
}

func TestPublishThatIsGivenUp(t *testing.T) {
	w := newWorld(t, Limits{})
	sender := w.sender(w.newApplication(w.newPerson("ada"), ApplicationEdit{Name: "app"}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Publish(ctx, sender, model.Draft{Message: "m"})
	requireKind(t, model.Unavailable, err)
}
