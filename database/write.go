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
// oldest first, and sets n.MessageID to the newest of them.
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
	return textOf(w.message)
}

func (w *write) key() string {
	if w.notice != nil {
		return w.notice.Key
	}
	return w.message.Key
}

// prepare does what has to happen in the transaction before the write itself. It
// reports false when there is nothing to write: w.err says why.
func (w *write) prepare(tx *gorm.DB) (bool, error) {
	w.err, w.deleted = nil, nil
	switch {
	case w.notice != nil && w.notice.Kind == model.MessageDeleted:
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
		ids = nil
		if err := dropScheduled(tx, n.ApplicationID, n.Sequence); err != nil {
			return false, err
		}
		err := tx.Raw("SELECT id FROM messages WHERE message_key = ? AND application_id = ? UNION "+
			"SELECT message_id FROM sequences WHERE application_id = ? AND sequence = ? ORDER BY 1",
			n.Sequence, n.ApplicationID, n.ApplicationID, n.Sequence).Scan(&ids).Error
		if err != nil {
			return false, err
		}
	}
	if len(ids) == 0 {
		return true, nil
	}
	gone := tx.Where("application_id = ? AND id IN ?", n.ApplicationID, ids).Delete(&model.Message{})
	if gone.Error == nil && gone.RowsAffected == 0 {
		w.err = model.Errorf(model.NotFound, "the message does not exist")
		return false, nil
	}
	w.deleted, n.MessageID = ids, ids[len(ids)-1]
	return true, gone.Error
}

func dropScheduled(tx *gorm.DB, application int64, sequence string) error {
	return tx.Where("application_id = ? AND sequence = ?", application, sequence).Delete(&model.Scheduled{}).Error
}
