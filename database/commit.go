package database

import (
	"context"
	"errors"

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
	next := last - int64(len(group)) + 1
	if a.uncertain {
		if group, err = unstored(tx, group); err != nil {
			return err
		}
	}
	if a.sift {
		next, err = b.sift(ctx, tx, group, next)
	} else {
		next, err = b.insert(ctx, tx, group, next)
	}
	if unused := last + 1 - next; err == nil && unused > 0 {
		// Ids have no gaps: a gap means something to those who follow the log.
		_, err = b.reader.dialect.reserve(ctx, tx.Statement.ConnPool, messageCounter, int(-unused))
	}
	return err
}

// insert stores the group under the ids from next on, all or none but those
// that turn out to have nothing to write. It returns the next unused id.
func (b *batch) insert(ctx context.Context, tx *gorm.DB, group []*write, next int64) (int64, error) {
	waiting := make([]*write, 0, len(group))
	for _, w := range group {
		if w.deletes() {
			// What it is about may be in the same group.
			if err := b.storeRows(ctx, tx, waiting); err != nil {
				return next, err
			}
			waiting = waiting[:0]
		}
		writes, err := w.prepare(tx)
		if err != nil {
			return next, err
		}
		if writes {
			w.place(next)
			waiting = append(waiting, w)
			next++
		}
	}
	return next, b.storeRows(ctx, tx, waiting)
}

// storeRows stores writes that have their ids, and what belongs to them.
func (b *batch) storeRows(ctx context.Context, tx *gorm.DB, writes []*write) error {
	stored := make([]*model.Message, 0, len(writes))
	var notices []*model.Notice
	var sequences []*sequence
	var files []*model.File
	for _, w := range writes {
		if w.notice != nil {
			notices = append(notices, w.notice)
			continue
		}
		m := w.message
		if m.File != nil {
			files = append(files, m.File)
		}
		if m.Transient {
			continue
		}
		stored = append(stored, m)
		if m.Details != nil && m.Details.Sequence != "" {
			sequences = append(sequences, &sequence{m.ApplicationID, m.Details.Sequence, m.ID})
		}
	}
	if len(stored) > 0 {
		if err := b.reader.dialect.insert(ctx, tx.Statement.ConnPool, stored); err != nil {
			return err
		}
	}
	return errors.Join(insertSome(tx, notices), insertSome(tx, sequences), insertSome(tx, files))
}

func insertSome[T any](tx *gorm.DB, rows []*T) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.CreateInBatches(rows, rowsPerInsert).Error
}

// sequence is a message under the name that its sender gave it. Few have one, so
// the log has no column for it.
type sequence struct {
	ApplicationID int64
	Sequence      string
	MessageID     int64
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
	next, err = b.insert(ctx, tx, group, first)
	if err == nil {
		return next, nil
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
		keys[i] = w.key()
	}
	var messages []model.Message
	err = tx.Select("id", "message_key", "application_id", "date").Where("message_key IN ?", keys).Find(&messages).Error
	if err != nil {
		return nil, err
	}
	var notices []model.Notice
	if err = tx.Where("message_key IN ?", keys).Find(&notices).Error; err != nil {
		return nil, err
	}
	stored := make(map[string]model.Message, len(messages))
	for _, row := range messages {
		stored[row.Key] = row
	}
	noticed := make(map[string]model.Notice, len(notices))
	for _, row := range notices {
		noticed[row.Key] = row
	}
	for _, w := range group {
		if !w.storedAs(stored, noticed) {
			missing = append(missing, w)
		}
	}
	return missing, nil
}

// storedAs takes over the id of the row that holds the write. A key may have been
// taken by somebody else's message.
func (w *write) storedAs(messages map[string]model.Message, notices map[string]model.Notice) bool {
	if w.notice != nil {
		row, ok := notices[w.notice.Key]
		if !ok || row.ApplicationID != w.notice.ApplicationID || !row.Date.Equal(w.notice.Date) {
			return false
		}
		w.notice.ID, w.notice.MessageID, w.err = row.ID, row.MessageID, nil
		return true
	}
	row, ok := messages[w.message.Key]
	if !ok || row.ApplicationID != w.message.ApplicationID || !row.Date.Equal(w.message.Date) {
		return false
	}
	w.message.ID, w.err = row.ID, nil
	return true
}
