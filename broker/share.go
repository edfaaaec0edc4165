package broker

import (
	"cmp"
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
	own = slices.DeleteFunc(own, func(a *model.Application) bool { return model.IsPushTopic(a.Topic) })
	if !b.Auth.HasReadRules() {
		return own, nil
	}
	others, err := b.DB.ApplicationsOfOthers(ctx, user)
	if err != nil {
		return nil, err
	}
	shared := slices.DeleteFunc(others, func(a *model.Application) bool { return !b.Auth.SharedWith(user, a) })
	slices.SortFunc(shared, func(x, y *model.Application) int { return cmp.Compare(x.ID, y.ID) })
	return append(own, shared...), nil
}

// ReadableIDs returns the ids of the applications that the user may read as a
// person.
func (b *Broker) ReadableIDs(ctx context.Context, user int64) ([]int64, error) {
	all, err := b.Readable(ctx, user)
	ids := make([]int64, len(all))
	for i, a := range all {
		ids[i] = a.ID
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
		page, more, err := b.DB.MessagesBefore(ctx, applications, before, limit-len(found))
		if err != nil {
			return nil, false, err
		}
		if len(page) > 0 {
			before = page[len(page)-1].ID
		}
		page = slices.DeleteFunc(page, (*model.Message).Unreadable)
		found = append(found, page...)
		if !more || len(page) > 0 {
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
