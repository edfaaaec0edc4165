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
	application, err := b.DB.DeleteMessage(ctx, applications, id)
	if err != nil {
		return err
	}
	b.Hub.Publish(&model.Event{Kind: model.MessageDeleted, UserID: user, MessageID: id, ApplicationID: application})
	return nil
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
