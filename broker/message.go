package broker

import (
	"context"
	"slices"

	"github.com/carillon-push/carillon/model"
)

// DeleteMessage deletes a message of one of the user's applications. It fails
// with NotFound when there is none with the id.
func (b *Broker) DeleteMessage(ctx context.Context, user, id int64) error {
	m, err := b.DB.MessageByID(ctx, user, id)
	if err != nil {
		return err
	}
	application, err := b.DB.ApplicationByID(ctx, user, m.ApplicationID)
	if err != nil {
		return err
	}
	_, err = b.notice(ctx, &model.Notice{Kind: model.MessageDeleted, MessageID: id, Gone: m.Key, Sequence: m.Sequence()}, application)
	return err
}

// notice stores and announces news about a message of the application. It returns
// the ids of the messages that a deletion made an end of.
func (b *Broker) notice(ctx context.Context, n *model.Notice, application *model.Application) (deleted []int64, err error) {
	n.ApplicationID, n.UserID, n.Topic = application.ID, application.UserID, application.Topic
	n.Date = b.Now()
	const attempts = 3
	for attempt := 1; ; attempt++ {
		n.Key = b.keys.Next(n.Date)
		deleted, err = b.DB.CreateNotice(ctx, n)
		if model.KindOf(err) != model.Conflict || attempt == attempts {
			return deleted, err
		}
	}
}

// DeleteMessages deletes all messages of the user. Those that arrive meanwhile
// stay.
func (b *Broker) DeleteMessages(ctx context.Context, user int64) error {
	applications, err := b.DB.ApplicationIDs(ctx, user)
	if err != nil {
		return err
	}
	return b.deleteMessages(ctx, applications, model.Event{Kind: model.MessagesDeleted, UserID: user})
}

// DeleteApplicationMessages deletes all messages of an application of the user.
// Those that arrive meanwhile stay.
func (b *Broker) DeleteApplicationMessages(ctx context.Context, user, application int64) error {
	if _, err := b.DB.ApplicationByID(ctx, user, application); err != nil {
		return err
	}
	told := model.Event{Kind: model.MessagesDeleted, UserID: user, ApplicationID: application}
	return b.deleteMessages(ctx, []int64{application}, told)
}

// deleteMessages deletes what there is up to now and tells of it.
func (b *Broker) deleteMessages(ctx context.Context, applications []int64, told model.Event) (err error) {
	if told.MessageID, err = b.DB.LatestMessageID(ctx); err != nil {
		return err
	}
	if err := b.DB.DeleteMessages(ctx, applications, told.MessageID); err != nil {
		return err
	}
	b.Hub.Publish(&told)
	return b.tellReaders(ctx, applications, told)
}

// tellReaders tells those of a deletion with whom the applications are shared: each
// application for itself, because they share no more.
func (b *Broker) tellReaders(ctx context.Context, applications []int64, told model.Event) error {
	own, err := b.DB.TopicsByUser(ctx, told.UserID)
	if err != nil {
		return err
	}
	for _, a := range own {
		readers := b.Auth.Readers(a.Topic, a.UserID)
		if len(readers) > 0 && slices.Contains(applications, a.ID) {
			b.Hub.Publish(&model.Event{
				Kind: told.Kind, UserID: readers[0], Readers: readers[1:], MessageID: told.MessageID, ApplicationID: a.ID,
			})
		}
	}
	return nil
}
