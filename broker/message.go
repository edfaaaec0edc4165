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

// DeleteMessages deletes all messages of an application of the user, or of all
// of them when application is zero. Messages that arrive meanwhile stay.
func (b *Broker) DeleteMessages(ctx context.Context, user, application int64) error {
	var applications []int64
	var err error
	if application != 0 {
		_, err = b.DB.ApplicationByID(ctx, user, application)
		applications = []int64{application}
	} else {
		applications, err = b.DB.ApplicationIDs(ctx, user)
	}
	if err != nil {
		return err
	}
	latest, err := b.DB.LatestMessageID(ctx)
	if err != nil {
		return err
	}
	if err := b.DB.DeleteMessages(ctx, applications, latest); err != nil {
		return err
	}
	b.Hub.Publish(&model.Event{Kind: model.MessagesDeleted, UserID: user, MessageID: latest, ApplicationID: application})
	return nil
}
