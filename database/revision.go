package database

import (
	"context"

	"gorm.io/gorm"
)

// revisionCounter counts changes of users, clients and applications, so that
// other processes on the same database notice that what they keep in memory is
// out of date.
const revisionCounter = "revision"

// Revision returns how often users, clients or applications were changed.
func (r *Reader) Revision(ctx context.Context) (int64, error) { return r.counter(ctx, revisionCounter) }

// Revise counts a change and returns the new revision. It is called after the
// change has committed.
func (d *DB) Revise(ctx context.Context) (n int64, err error) {
	err = d.change(ctx, func(tx *gorm.DB) error {
		n, err = d.dialect.reserve(tx.Statement.Context, tx.Statement.ConnPool, revisionCounter, 1)
		return err
	})
	return n, err
}
