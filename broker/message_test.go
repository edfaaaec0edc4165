package broker

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func (w *world) history(who *model.Identity) []int64 {
	w.t.Helper()
	applications, err := w.DB.ApplicationIDs(w.t.Context(), who.User.ID)
	require.NoError(w.t, err)
	messages, _, err := w.DB.MessagesAfter(w.t.Context(), applications, 0, math.MaxInt32)
	require.NoError(w.t, err)
	ids := []int64{}
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestDeleteMessage(t *testing.T) {
	w := newWorld(t, Limits{})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	sender := w.sender(w.newApplication(ada, ApplicationEdit{Name: "app"}))
	m, kept := w.publish(sender, model.Draft{Message: "m"}), w.publish(sender, model.Draft{Message: "kept"})
	events := w.listen(ada.User.ID)
	requireKind(t, model.NotFound, w.DeleteMessage(t.Context(), bob.User.ID, m.ID))
	require.NoError(t, w.DeleteMessage(t.Context(), ada.User.ID, m.ID))
	for _, id := range []int64{m.ID, 0, -1, math.MaxInt64} {
		requireKind(t, model.NotFound, w.DeleteMessage(t.Context(), ada.User.ID, id))
	}
	heard := events.take()
	require.Len(t, heard, 1)
	require.Equal(t, model.MessageDeleted, heard[0].Kind)
	require.Equal(t, m.ID, heard[0].MessageID)
	require.Equal(t, m.ApplicationID, heard[0].ApplicationID)
	require.Equal(t, m.Key, heard[0].Notice.Sequence)
	require.Equal(t, []int64{kept.ID}, w.history(ada))
}

func TestDeleteMessages(t *testing.T) {
	w := newWorld(t, Limits{})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	one, two := w.newApplication(ada, ApplicationEdit{Name: "one"}), w.newApplication(ada, ApplicationEdit{Name: "two"})
	foreign := w.publish(w.sender(w.newApplication(bob, ApplicationEdit{Name: "foreign"})), model.Draft{Message: "kept"})
	first, second := w.publish(w.sender(one), model.Draft{Message: "1"}), w.publish(w.sender(two), model.Draft{Message: "2"})
	events := w.listen(ada.User.ID)

	requireKind(t, model.NotFound, w.DeleteApplicationMessages(t.Context(), bob.User.ID, one.ID))
	require.Equal(t, []int64{first.ID, second.ID}, w.history(ada))
	require.NoError(t, w.DeleteApplicationMessages(t.Context(), ada.User.ID, one.ID))
	require.Equal(t, []int64{second.ID}, w.history(ada))
	require.NoError(t, w.DeleteMessages(t.Context(), ada.User.ID))
	require.Empty(t, w.history(ada))
	require.NoError(t, w.DeleteMessages(t.Context(), ada.User.ID))
	require.Equal(t, []int64{foreign.ID}, w.history(bob))
	require.Equal(t, []*model.Event{
		{Kind: model.MessagesDeleted, UserID: ada.User.ID, MessageID: second.ID, ApplicationID: one.ID},
		{Kind: model.MessagesDeleted, UserID: ada.User.ID, MessageID: second.ID},
		{Kind: model.MessagesDeleted, UserID: ada.User.ID, MessageID: second.ID},
	}, events.take())
	require.Greater(t, w.publish(w.sender(one), model.Draft{Message: "later"}).ID, second.ID)
}
