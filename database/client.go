package database

import (
	"context"
	"slices"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// expired is the condition of a client whose time of inactivity has passed;
// its parameter is now, in microseconds.
const expired = "expires_after_inactivity_seconds > 0 AND " +
	"COALESCE(last_used, created_at) + expires_after_inactivity_seconds * 1000000 <= ?"

// idsAtOnce bounds the list of ids in one statement.
const idsAtOnce = 500

// CreateClient stores c and sets its id.
func (d *DB) CreateClient(ctx context.Context, c *model.Client) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		c.ID = 0
		return tx.Create(c).Error
	})
}

// ClientByTokenHash returns the client whose token has the SHA-256, also when
// it has expired.
func (r *Reader) ClientByTokenHash(ctx context.Context, hash []byte) (*model.Client, error) {
	return one[model.Client](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("token_hash = ?", hash) })
}

// ClientByID returns a client of the user.
func (r *Reader) ClientByID(ctx context.Context, user, id int64) (*model.Client, error) {
	return one[model.Client](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id = ? AND user_id = ?", id, user) })
}

// ClientsByUser returns the user's clients that have not expired at now, oldest
// first.
func (r *Reader) ClientsByUser(ctx context.Context, user int64, now time.Time) ([]*model.Client, error) {
	return all[model.Client](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Where("user_id = ? AND NOT ("+expired+")", user, now.UnixMicro()).Order("id")
	})
}

// ExistingClients returns those of the ids that are clients' ids.
func (r *Reader) ExistingClients(ctx context.Context, ids []int64) (there []int64, err error) {
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		var some []int64
		err := r.read(ctx, func(db *gorm.DB) error {
			return db.Model(&model.Client{}).Where("id IN ?", chunk).Pluck("id", &some).Error
		})
		if err != nil {
			return nil, err
		}
		there = append(there, some...)
	}
	return there, nil
}

// ClientChange names the columns of a client to update; nil keeps what is there.
type ClientChange struct {
	Name                          *string
	ExpiresAfterInactivitySeconds *int64
	// ElevatedUntil is written when Elevate is set, nil ends the elevation.
	Elevate       bool
	ElevatedUntil *time.Time
}

// UpdateClient writes the named columns of a client of the user.
func (d *DB) UpdateClient(ctx context.Context, user, id int64, c ClientChange) error {
	columns := map[string]any{}
	set(columns, "name", c.Name)
	set(columns, "expires_after_inactivity_seconds", c.ExpiresAfterInactivitySeconds)
	if c.Elevate {
		columns["elevated_until"] = column(c.ElevatedUntil)
	}
	return d.change(ctx, func(tx *gorm.DB) error {
		return found(update(tx.Model(&model.Client{}).Where("id = ? AND user_id = ?", id, user), columns))
	})
}

// touchEvery is how long a noted last use is good enough. A client that expires
// sooner is noted ten times within its time of inactivity.
const touchEvery = 5 * time.Minute

// TouchClients notes that the clients were used at that time, unless a use not
// long before was noted already.
func (d *DB) TouchClients(ctx context.Context, ids []int64, at time.Time) error {
	now := at.UnixMicro()
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		err := d.change(ctx, func(tx *gorm.DB) error {
			return tx.Model(&model.Client{}).Where("id IN ?", chunk).
				Where("last_used IS NULL OR last_used <= ? OR "+
					"(expires_after_inactivity_seconds > 0 AND last_used + expires_after_inactivity_seconds * 100000 <= ?)",
					now-touchEvery.Microseconds(), now).
				Update("last_used", now).Error
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteClient deletes a client of the user.
func (d *DB) DeleteClient(ctx context.Context, user, id int64) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return found(tx.Where("user_id = ?", user).Delete(&model.Client{}, id))
	})
}

// DeleteSessions deletes the user's web sessions but the client keep.
func (d *DB) DeleteSessions(ctx context.Context, user, keep int64) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return tx.Where("user_id = ? AND session = ? AND id <> ?", user, true, keep).Delete(&model.Client{}).Error
	})
}

// DeleteExpiredClients deletes the clients whose time of inactivity has passed
// at now, and returns them. When it fails, it returns those that are gone already.
func (d *DB) DeleteExpiredClients(ctx context.Context, now time.Time) (gone []*model.Client, err error) {
	for {
		some, err := d.deleteExpired(ctx, now)
		gone = append(gone, some...)
		if err != nil || len(some) < expiredAtOnce {
			return gone, err
		}
	}
}

// expiredAtOnce bounds the parameters of one statement.
const expiredAtOnce = 1000

func (d *DB) deleteExpired(ctx context.Context, now time.Time) (gone []*model.Client, err error) {
	err = d.change(ctx, func(tx *gorm.DB) error {
		// Locked, so that none of them is used between here and its end.
		err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
			Where(expired, now.UnixMicro()).Order("id").Limit(expiredAtOnce).Find(&gone).Error
		if err != nil || len(gone) == 0 {
			return err
		}
		ids := make([]int64, len(gone))
		for i, c := range gone {
			ids[i] = c.ID
		}
		return tx.Where("id IN ?", ids).Delete(&model.Client{}).Error
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}
