package database

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// write is something with a place in the log that waits for its commit: a
// message or a notice.
type write struct {
	ctx context.Context
	// message or notice is set.
	message *model.Message
	notice  *model.Notice
	// claim says that the message waits in the table of scheduled messages, and
	// leaves it in the transaction that stores it.
	claim bool
	// target is the message to delete, as the caller named it; 0 for a sequence.
	target int64
	// deleted are the messages that the notice made an end of, oldest first.
	deleted []int64
	err     error
	answer  chan struct{} // closed when err is final
}

// CreateMessage stores m, sets its id, and returns when the transaction that
// holds it has committed and the message was announced. Ids follow commit order.
// The date is cut to what every database keeps. A transient message gets an id
// and is announced, and not stored. The row of m.File is stored with the
// message. A message with a sequence takes the place of the scheduled one with
// the same sequence.
//
// It fails with NotFound when the application is gone, with Conflict when the key
// is taken, with TooLarge when the database does not accept the size, and with
// Unavailable when the database is away or the server stops. When ctx ends
// before the commit has begun, nothing is stored; afterwards the message may be
// stored although the caller no longer hears of it. The same holds for
// Unavailable when the connection broke during the commit and did not come back:
// such a message is announced with the next one that is stored.
func (d *DB) CreateMessage(ctx context.Context, m *model.Message) error {
	m.Date = m.Date.UTC().Truncate(time.Microsecond)
	// A copy, because the caller may give up and go on while it is being stored.
	message := *m
	w := &write{ctx: ctx, message: &message, answer: make(chan struct{})}
	if err := d.batch.add(w); err != nil {
		return err
	}
	if err := w.wait(); err != nil {
		return err
	}
	m.ID = message.ID
	return nil
}

// DeliverScheduled does what CreateMessage does, for messages that were scheduled
// and in their order: in the same transaction, each leaves the table of those
// that wait. It returns one error for each message: NotFound when it was not
// there, because it was cancelled or somebody else delivered it.
func (d *DB) DeliverScheduled(ctx context.Context, messages []*model.Message) []error {
	failed := make([]error, len(messages))
	writes := make([]*write, len(messages))
	for i, m := range messages {
		m.Date = m.Date.UTC().Truncate(time.Microsecond)
		writes[i] = &write{ctx: ctx, message: m, claim: true, answer: make(chan struct{})}
		failed[i] = d.batch.add(writes[i])
	}
	for i, w := range writes {
		if failed[i] == nil {
			failed[i] = w.wait()
		}
	}
	return failed
}

// CreateNotice stores n and sets its id, as CreateMessage does. A notice of a
// deletion makes an end of what it is about, in the same transaction: of the
// message with the id n.MessageID when there is one, which then has to exist
// (NotFound), else of all messages and scheduled messages of the application
// whose sequence or key it names. It returns the ids of the deleted messages,
// oldest first, and sets n.MessageID to the oldest of them. Of very many it deletes
// the oldest only; see DeleteVersions.
func (d *DB) CreateNotice(ctx context.Context, n *model.Notice) (deleted []int64, err error) {
	n.Date = n.Date.UTC().Truncate(time.Microsecond)
	notice := *n
	w := &write{ctx: ctx, notice: &notice, target: n.MessageID, answer: make(chan struct{})}
	if err := d.batch.add(w); err != nil {
		return nil, err
	}
	if err := w.wait(); err != nil {
		return nil, err
	}
	*n = notice
	return w.deleted, nil
}

// wait returns the answer.
func (w *write) wait() error {
	select {
	case <-w.answer:
		return w.err
	case <-w.ctx.Done():
		return translate(w.ctx.Err())
	}
}

// end answers the sender.
func (w *write) end(err error) {
	w.err = err
	close(w.answer)
}

func (w *write) event() *model.Event {
	if w.notice != nil {
		return model.Noticed(w.notice)
	}
	return model.Published(w.message)
}

// size is roughly what the write takes in a transaction, in bytes.
func (w *write) size() int {
	if w.message == nil {
		return 0
	}
	return w.message.Size()
}

func (w *write) key() string {
	if w.notice != nil {
		return w.notice.Key
	}
	return w.message.Key
}

// deletes reports whether it makes an end of messages.
func (w *write) deletes() bool { return w.notice != nil && w.notice.Kind == model.MessageDeleted }

// place gives it its place in the log.
func (w *write) place(id int64) {
	if w.notice != nil {
		w.notice.ID = id
	} else {
		w.message.ID = id
	}
}

// prepare does what has to happen in the transaction before the write itself. It
// reports false when there is nothing to write: w.err says why.
func (w *write) prepare(tx *gorm.DB) (bool, error) {
	w.err, w.deleted = nil, nil
	switch {
	case w.deletes():
		return w.delete(tx)
	case w.claim:
		taken := tx.Where("message_key = ?", w.message.Key).Delete(&model.Scheduled{})
		if taken.Error == nil && taken.RowsAffected == 0 {
			w.err = model.Errorf(model.NotFound, "the message is not scheduled any more")
		}
		return taken.RowsAffected > 0, taken.Error
	case w.message != nil && w.message.Details != nil && w.message.Details.Sequence != "":
		return true, dropScheduled(tx, w.message.ApplicationID, w.message.Details.Sequence)
	}
	return true, nil
}

// delete makes an end of the messages that the notice is about.
func (w *write) delete(tx *gorm.DB) (bool, error) {
	n := w.notice
	n.MessageID = w.target
	ids := []int64{w.target}
	if w.target == 0 {
		n.Gone = ""
		waiting := tx.Where("application_id = ? AND (sequence = ? OR message_key = ?)", n.ApplicationID, n.Sequence, n.Sequence)
		if err := waiting.Delete(&model.Scheduled{}).Error; err != nil {
			return false, err
		}
		found, err := versions(tx, n.ApplicationID, n.Sequence)
		if err != nil || len(found) == 0 {
			return err == nil, err
		}
		ids = ids[:0]
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		n.Gone = found[0].Key
	}
	gone := tx.Where("application_id = ? AND id IN ?", n.ApplicationID, ids).Delete(&model.Message{})
	if gone.Error == nil && gone.RowsAffected == 0 && w.target != 0 {
		w.err = model.Errorf(model.NotFound, "the message does not exist")
		return false, nil
	}
	w.deleted, n.MessageID = ids, ids[0]
	return true, gone.Error
}

// versions returns the ids and keys of the messages that a sequence or a key names,
// oldest first: at most versionsAtOnce.
func versions(db *gorm.DB, application int64, sequence string) (found []*model.Message, err error) {
	err = db.Raw("SELECT id, message_key FROM messages WHERE message_key = ? AND application_id = ? UNION "+
		"SELECT messages.id, messages.message_key FROM sequences JOIN messages ON messages.id = sequences.message_id "+
		"WHERE sequences.application_id = ? AND sequences.sequence = ? ORDER BY 1 LIMIT ?",
		sequence, application, application, sequence, versionsAtOnce).Scan(&found).Error
	return found, err
}

// versionsAtOnce bounds how many versions of a message a transaction deletes.
const versionsAtOnce = 500

// DeleteVersions deletes the oldest messages of the application that a sequence or
// a key names, when they are more than a notice of their deletion can make an end
// of, and returns their ids: none when there is nothing more to do before it.
func (d *DB) DeleteVersions(ctx context.Context, application int64, sequence string) (ids []int64, err error) {
	err = d.change(ctx, func(tx *gorm.DB) error {
		ids = nil
		found, err := versions(tx, application, sequence)
		if err != nil || len(found) < versionsAtOnce {
			return err
		}
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		return tx.Where("application_id = ? AND id IN ?", application, ids).Delete(&model.Message{}).Error
	})
	return ids, err
}

func dropScheduled(tx *gorm.DB, application int64, sequence string) error {
	return tx.Where("application_id = ? AND sequence = ?", application, sequence).Delete(&model.Scheduled{}).Error
}
