package broker

import (
	"context"
	"slices"

	"github.com/carillon-push/carillon/model"
)

// Readable returns the applications that the user may read as a person: the own
// ones in the user's order, and then those that others share by an access rule.
// Topics of UnifiedPush, which only programs read, are not among them.
func (b *Broker) Readable(ctx context.Context, user int64) ([]*model.Application, error) {
	own, err := b.Applications(ctx, user)
	if err != nil {
		return nil, err
	}
	own = slices.DeleteFunc(own, hidden)
	ids, err := b.sharedIDs(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		a, err := b.DB.Application(ctx, id)
		if model.KindOf(err) == model.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		own = append(own, a)
	}
	return own, nil
}

// hidden reports whether people are not shown the application.
func hidden(a *model.Application) bool { return model.IsPushTopic(a.Topic) }

// sharedIDs returns the ids of the applications that others share with the user,
// in order.
func (b *Broker) sharedIDs(ctx context.Context, user int64) ([]int64, error) {
	if !b.Auth.ReadsOthers(user) {
		return nil, nil
	}
	others, err := b.DB.TopicsOfOthers(ctx, user)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, a := range others {
		if b.Auth.SharedWith(user, a) {
			ids = append(ids, a.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// ReadableIDs returns the ids of the applications that the user may read as a
// person.
func (b *Broker) ReadableIDs(ctx context.Context, user int64) ([]int64, error) {
	own, err := b.DB.TopicsByUser(ctx, user)
	if err != nil {
		return nil, err
	}
	ids, err := b.sharedIDs(ctx, user)
	for _, a := range own {
		if !hidden(a) {
			ids = append(ids, a.ID)
		}
	}
	return ids, err
}

// ReadableApplication returns an application that the user may read as a person.
func (b *Broker) ReadableApplication(ctx context.Context, user, id int64) (*model.Application, error) {
	a, err := b.DB.Application(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.UserID != user && !b.Auth.SharedWith(user, a) {
		return nil, model.Errorf(model.NotFound, "the application does not exist")
	}
	return a, nil
}

// History returns at most limit messages of the applications with an id below
// before, newest first, and whether there are more. Those that only a program can
// read are left out. When messages are large they are fewer than limit.
func (b *Broker) History(ctx context.Context, applications []int64, before int64, limit int) (found []*model.Message, more bool, err error) {
	for {
		page, more, err := b.DB.MessagesBefore(ctx, applications, before, limit)
		if err != nil || len(page) == 0 {
			return nil, false, err
		}
		before = page[len(page)-1].ID
		found = slices.DeleteFunc(page, (*model.Message).Unreadable)
		if len(found) > 0 || !more {
			return found, more, nil
		}
	}
}

// tell announces an event of the application that has no place in the log.
func (b *Broker) tell(e *model.Event, a *model.Application) {
	e.UserID, e.ApplicationID = a.UserID, a.ID
	e.Readers = b.Auth.Readers(a.Topic, a.UserID)
	b.Hub.Publish(e)
}
