package database

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// maxAttempts is how often a transaction is tried when the database asks to try
// again, or a connection was lost before the commit.
const maxAttempts = 5

// change runs f in a transaction. It tries again after serialization failures,
// deadlocks and connections that were lost before the commit; f must therefore
// have no effects but those on tx and on what it sets anew each time.
func (d *DB) change(ctx context.Context, f func(tx *gorm.DB) error) error {
	ctx, cancel := within(ctx, d.dialect.limit)
	defer cancel()
	for retry := newRetry(); ; {
		committing, err := try(d.writer.WithContext(ctx), f)
		again := classify(err) == conflicting || !committing && connectionLost(err)
		if !again || !retry.wait(ctx) {
			return translate(err)
		}
	}
}

// try runs f once in a transaction of db; committing tells that f succeeded, so
// that with an error the outcome may be unknown.
func try(db *gorm.DB, f func(tx *gorm.DB) error) (committing bool, err error) {
	tx := db.Begin()
	if tx.Error != nil {
		return false, tx.Error
	}
	done := false
	defer func() {
		if !done {
			tx.Rollback()
		}
	}()
	if err := f(tx); err != nil {
		return false, err
	}
	done = true
	return true, tx.Commit().Error
}

// retry counts attempts. After lockTimeout none is begun.
type retry struct {
	attempt int
	until   time.Time
}

func newRetry() *retry { return &retry{until: time.Now().Add(lockTimeout)} }

// wait pauses before the next attempt: 10 ms, doubled each time. It reports
// false when there is none left.
func (r *retry) wait(ctx context.Context) bool {
	r.attempt++
	if r.attempt == maxAttempts || time.Now().After(r.until) {
		return false
	}
	select {
	case <-time.After(10 * time.Millisecond << (r.attempt - 1)):
		return true
	case <-ctx.Done():
		return false
	}
}

// within bounds ctx by limit; 0 means that there is no bound.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// update writes the named columns of the row that tx selects. Without columns it
// only looks whether there is one.
func update(tx *gorm.DB, columns map[string]any) *gorm.DB {
	if len(columns) == 0 {
		var n int64
		counted := tx.Count(&n)
		counted.RowsAffected = n
		return counted
	}
	return tx.Updates(columns)
}

// found turns a change that met no row into NotFound.
func found(tx *gorm.DB) error {
	if tx.Error == nil && tx.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return tx.Error
}

func set[T any](columns map[string]any, name string, value *T) {
	if value != nil {
		columns[name] = *value
	}
}
