package database

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// CreateScheduled stores a message that waits, in the place of those of the same
// application with the same sequence. It fails with NotFound when the application
// is gone and with Conflict when the key is taken.
func (d *DB) CreateScheduled(ctx context.Context, s *model.Scheduled) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		// Nothing else has the message's own key; and to look for it in vain would
		// lock a gap on MySQL, in which others want to insert.
		if s.Sequence != s.Key {
			if err := dropScheduled(tx, s.ApplicationID, s.Sequence); err != nil {
				return err
			}
		}
		if err := tx.Create(s).Error; err != nil {
			return err
		}
		if s.Message.File != nil {
			return tx.Create(s.Message.File).Error
		}
		return nil
	})
}

// Scheduled returns at most limit messages of the applications that wait, the
// next first: those behind after, nil for the first ones.
func (r *Reader) Scheduled(ctx context.Context, applications []int64, after *model.Scheduled, limit int) ([]*model.Scheduled, error) {
	if len(applications) == 0 {
		return nil, nil
	}
	return all[model.Scheduled](ctx, r, func(db *gorm.DB) *gorm.DB {
		return behind(db, after).Where("application_id IN ?", applications).Order("due, message_key").Limit(limit)
	})
}

// DueScheduled returns at most limit messages whose time has come, oldest first:
// those behind after, nil for the first ones.
func (r *Reader) DueScheduled(ctx context.Context, now time.Time, after *model.Scheduled, limit int) ([]*model.Scheduled, error) {
	return all[model.Scheduled](ctx, r, func(db *gorm.DB) *gorm.DB {
		return behind(db, after).Where("due <= ?", column(&now)).Order("due, message_key").Limit(limit)
	})
}

func behind(db *gorm.DB, after *model.Scheduled) *gorm.DB {
	if after == nil {
		return db
	}
	due := column(&after.Due)
	return db.Where("due > ? OR due = ? AND message_key > ?", due, due, after.Key)
}
