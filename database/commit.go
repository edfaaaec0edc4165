package database

import (
	"context"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// attempt says how a group is to be stored.
type attempt struct {
	// uncertain: an earlier attempt ended during its commit, so the messages may
	// be stored already.
	uncertain bool
	// sift: one of the messages is at fault and must not spoil the others.
	sift bool
}

// commit stores the group. An error means that none of it may count as stored;
// without one, each message has its id or its own error.
func (b *batch) commit(group []*write) error {
	var a attempt
	for retry := newRetry(); ; {
		committing, err := b.transact(group, a)
		if err == nil {
			return nil
		}
		a.uncertain = a.uncertain || committing
		switch {
		case committing || classify(err).passing():
			if !retry.wait(context.Background()) {
				return translate(err)
			}
		case !a.sift:
			a.sift = true
		default:
			return translate(err)
		}
	}
}

func (b *batch) transact(group []*write, a attempt) (committing bool, err error) {
	ctx, cancel := within(context.Background(), b.reader.dialect.commit)
	defer cancel()
	return try(b.publisher.WithContext(ctx), func(tx *gorm.DB) error { return b.store(ctx, tx, group, a) })
}

// store stores the group in tx. The counter row is locked first: whoever else
// was committing has finished by then. So when an earlier commit of the same
// group ended without an answer, its rows are now visible or will never be.
func (b *batch) store(ctx context.Context, tx *gorm.DB, group []*write, a attempt) error {
	last, err := b.reader.dialect.reserve(ctx, tx.Statement.ConnPool, messageCounter, len(group))
	if err != nil {
		return err
	}
	first := last - int64(len(group)) + 1
	for _, w := range group {
		w.err = nil
	}
	if a.uncertain {
		if group, err = unstored(tx, group); err != nil {
			return err
		}
	}
	next := first + int64(len(group))
	if a.sift {
		next, err = b.sift(ctx, tx, group, first)
	} else {
		err = b.insert(ctx, tx, group, first)
	}
	if unused := last + 1 - next; err == nil && unused > 0 {
		// Ids have no gaps: a gap means something to those who follow the log.
		_, err = b.reader.dialect.reserve(ctx, tx.Statement.ConnPool, messageCounter, int(-unused))
	}
	return err
}

// insert stores the group under the ids from first on, all or none.
func (b *batch) insert(ctx context.Context, tx *gorm.DB, group []*write, first int64) error {
	if len(group) == 0 {
		return nil
	}
	messages := make([]*model.Message, len(group))
	for i, w := range group {
		messages[i] = w.message
		w.message.ID = first + int64(i)
	}
	return b.reader.dialect.insert(ctx, tx.Statement.ConnPool, messages)
}

// sift stores the group under the ids from first on, except those messages that
// the database refuses, which it finds by halving. It returns the next unused id.
func (b *batch) sift(ctx context.Context, tx *gorm.DB, group []*write, first int64) (next int64, err error) {
	if len(group) == 0 {
		return first, nil
	}
	const point = "before_insert"
	if err := tx.SavePoint(point).Error; err != nil {
		return first, err
	}
	err = b.insert(ctx, tx, group, first)
	if err == nil {
		return first + int64(len(group)), nil
	}
	if classify(err).passing() {
		return first, err
	}
	if len(group) == 1 {
		group[0].err = translate(err)
	}
	if err := tx.RollbackTo(point).Error; err != nil || len(group) == 1 {
		return first, err
	}
	half := len(group) / 2
	if first, err = b.sift(ctx, tx, group[:half], first); err != nil {
		return first, err
	}
	return b.sift(ctx, tx, group[half:], first)
}

// unstored returns those of the group that are not in the database, and gives
// the others their ids.
func unstored(tx *gorm.DB, group []*write) (missing []*write, err error) {
	keys := make([]string, len(group))
	for i, w := range group {
		keys[i] = w.message.Key
	}
	var rows []model.Message
	err = tx.Select("id", "message_key", "application_id", "date").Where("message_key IN ?", keys).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	stored := make(map[string]model.Message, len(rows))
	for _, row := range rows {
		stored[row.Key] = row
	}
	for _, w := range group {
		// A key may have been taken by somebody else's message.
		row, ok := stored[w.message.Key]
		if ok && row.ApplicationID == w.message.ApplicationID && row.Date.Equal(w.message.Date) {
			w.message.ID = row.ID
			continue
		}
		missing = append(missing, w)
	}
	return missing, nil
}
