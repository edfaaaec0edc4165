package database

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// LogPage is a part of the log: everything up to the id End.
type LogPage struct {
	// Messages and Notices are oldest first.
	Messages []*model.Message
	Notices  []*model.Notice
	End      int64
	// More tells that there may be something behind End.
	More bool
}

// LogAfter returns what is stored of the applications with an id above after:
// about limit messages and notices.
func (r *Reader) LogAfter(ctx context.Context, applications []int64, after int64, limit int) (p LogPage, err error) {
	// What is committed while the two tables are read belongs to the next page.
	if p.End, err = r.LatestMessageID(ctx); err != nil || len(applications) == 0 {
		return p, err
	}
	if p.Messages, p.More, err = r.MessagesAfter(ctx, applications, after, limit); err != nil {
		return p, err
	}
	if p.More {
		p.End = min(p.End, p.Messages[len(p.Messages)-1].ID)
	}
	p.Notices, err = all[model.Notice](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Where("application_id IN ? AND id > ? AND id <= ?", applications, after, p.End).Order("id").Limit(limit)
	})
	if len(p.Notices) == limit {
		p.End, p.More = p.Notices[limit-1].ID, true
	}
	for i, m := range p.Messages {
		if m.ID > p.End {
			p.Messages, p.More = p.Messages[:i], true
			break
		}
	}
	return p, err
}

// MarkerID returns the place in the log of the message with the key, also when a
// notice tells that it was deleted, or of the notice with it. It fails with
// NotFound.
func (r *Reader) MarkerID(ctx context.Context, key string) (id int64, err error) {
	m, err := one[model.Message](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Select("id").Where("message_key = ?", key) })
	if err == nil {
		return m.ID, nil
	}
	if model.KindOf(err) != model.NotFound {
		return 0, err
	}
	n, err := one[model.Notice](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("message_key = ?", key) })
	if err == nil {
		return n.ID, nil
	}
	if model.KindOf(err) != model.NotFound {
		return 0, err
	}
	n, err = one[model.Notice](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Where("gone = ?", key).Order("id")
	})
	if err != nil {
		return 0, err
	}
	return n.MessageID, nil
}

// DeleteNotices deletes the notices from before t: who was away for so long reads
// what there is now. It deletes some at a time and reports how many.
func (d *DB) DeleteNotices(ctx context.Context, t time.Time) (n int, err error) {
	var ids []int64
	err = d.read(ctx, func(db *gorm.DB) error {
		return db.Model(&model.Notice{}).Where("date < ?", column(&t)).Limit(idsAtOnce).Pluck("id", &ids).Error
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return len(ids), d.change(ctx, func(tx *gorm.DB) error { return tx.Delete(&model.Notice{}, ids).Error })
}

// LastBefore returns the id of the last message of the applications that is
// older than t, 0 when there is none. Dates follow ids nearly, because they are
// given before the commit, so t should lie early by as much as that may take.
func (r *Reader) LastBefore(ctx context.Context, applications []int64, t time.Time) (int64, error) {
	high, err := r.LatestMessageID(ctx)
	if err != nil {
		return 0, err
	}
	low := int64(0) // the message with this id, and all before, are older
	for low < high {
		middle := low + (high-low)/2
		next, _, err := r.MessagesAfter(ctx, applications, middle, 1)
		switch {
		case err != nil:
			return 0, err
		case len(next) == 0 || next[0].ID > high || !next[0].Date.Before(t):
			high = middle
		default:
			low = next[0].ID
		}
	}
	return low, nil
}
