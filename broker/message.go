package broker

import (
	"context"

	"github.com/carillon-push/carillon/model"
)

// DeleteMessage deletes a message of one of the user's applications. It fails
// with NotFound when there is none with the id.
func (b *Broker) DeleteMessage(ctx context.Context, user, id int64) error {
	applications, err := b.DB.ApplicationIDs(ctx, user)
	if err != nil {
		return err
	}
	m, err := b.DB.MessageByID(ctx, applications, id)
	if err != nil {
		return err
	}
	application, err := b.DB.ApplicationByID(ctx, user, m.ApplicationID)
	if err != nil {
		return err
	}
	_, err = b.notice(ctx, &model.Notice{Kind: model.MessageDeleted, MessageID: id, Sequence: m.Sequence()}, application)
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
	return nil
}
