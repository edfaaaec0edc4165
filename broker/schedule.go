package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-push/carillon/model"
)

const (
	// scheduleEvery is how often the database is asked for messages whose time has
	// come: none is late by more.
	scheduleEvery = 500 * time.Millisecond
	// dueAtOnce bounds how many are read at a time.
	dueAtOnce = 500
)

// schedule stores a message that is to be delivered later. Its date becomes that
// time.
func (b *Broker) schedule(ctx context.Context, m *model.Message, due time.Time) error {
	b.name(m)
	m.Date = due.UTC().Truncate(time.Microsecond)
	return b.DB.CreateScheduled(ctx, &model.Scheduled{
		Key: m.Key, ApplicationID: m.ApplicationID, Sequence: m.Sequence(), Due: m.Date, Message: m,
	})
}

// deliverDue delivers the messages whose time has come. Each of them leaves the
// table in the transaction that stores it, so of several nodes one delivers it,
// and a crash in between neither loses nor repeats it.
//
// What cannot be delivered is tried again the next time, and holds up nothing that
// is due later.
func (b *Broker) deliverDue(ctx context.Context) (failed error) {
	now := b.Now()
	for after := (*model.Scheduled)(nil); ; {
		due, err := b.DB.DueScheduled(ctx, now, after, dueAtOnce)
		if err != nil || len(due) == 0 {
			return errors.Join(failed, err)
		}
		messages, err := b.dueMessages(ctx, due, now)
		if err != nil {
			return errors.Join(failed, err)
		}
		for i, err := range b.DB.DeliverScheduled(ctx, messages) {
			// Not found is what was cancelled, or delivered by another node.
			if err != nil && model.KindOf(err) != model.NotFound && failed == nil {
				failed = fmt.Errorf("the scheduled message %s: %w", messages[i].Key, err)
			}
		}
		if len(due) < dueAtOnce || ctx.Err() != nil {
			return failed
		}
		after = due[len(due)-1]
	}
}

func (b *Broker) dueMessages(ctx context.Context, due []*model.Scheduled, now time.Time) ([]*model.Message, error) {
	applications := map[int64]*model.Application{}
	messages := make([]*model.Message, 0, len(due))
	for _, s := range due {
		a, known := applications[s.ApplicationID]
		if !known {
			var err error
			a, err = b.DB.Application(ctx, s.ApplicationID)
			if model.KindOf(err) == model.NotFound {
				continue // deleted meanwhile, and its messages with it
			}
			if err != nil {
				return nil, err
			}
			applications[s.ApplicationID] = a
		}
		m := s.Pending(a)
		// What is late has the time of its delivery, or who resumes by time misses it.
		if now.Sub(m.Date) > time.Second {
			m.Date = now
		}
		messages = append(messages, m)
	}
	return messages, nil
}
