package database

import (
	"context"
	"math"
	"slices"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// CreateUser stores u and sets its id. It fails with Conflict when the name is
// taken.
func (d *DB) CreateUser(ctx context.Context, u *model.User) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		u.ID = 0
		return tx.Create(u).Error
	})
}

// CreateFirstUser stores u when there is no user at all, and reports whether
// it did. Of several nodes that start at once, one does.
func (d *DB) CreateFirstUser(ctx context.Context, u *model.User) (created bool, err error) {
	err = d.change(ctx, func(tx *gorm.DB) error {
		created = false
		// The counter row serves as the lock that an empty table cannot give.
		if _, err := d.dialect.reserve(tx.Statement.Context, tx.Statement.ConnPool, revisionCounter, 0); err != nil {
			return err
		}
		var users int64
		if err := tx.Model(&model.User{}).Count(&users).Error; err != nil || users > 0 {
			return err
		}
		created, u.ID = true, 0
		return tx.Create(u).Error
	})
	return created && err == nil, err
}

// UserByID returns a user.
func (r *Reader) UserByID(ctx context.Context, id int64) (*model.User, error) {
	return one[model.User](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", id) })
}

// UserByName returns a user; names are case-sensitive.
func (r *Reader) UserByName(ctx context.Context, name string) (*model.User, error) {
	return one[model.User](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", name) })
}

// Users returns all users, oldest first.
func (r *Reader) Users(ctx context.Context) ([]*model.User, error) {
	return all[model.User](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Order("id") })
}

// UsersByID returns those users of the ids that exist.
func (r *Reader) UsersByID(ctx context.Context, ids []int64) (found []*model.User, err error) {
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		some, err := all[model.User](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id IN ?", chunk) })
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// HasUsers reports whether there is a user at all.
func (r *Reader) HasUsers(ctx context.Context) (bool, error) {
	some, err := all[model.User](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Select("id").Limit(1) })
	return len(some) > 0, err
}

// UserChange names the columns of a user to update; nil keeps what is there.
type UserChange struct {
	Name     *string
	Password *string
	Admin    *bool
}

// UpdateUser writes the named columns. It fails with NotFound, with Conflict
// when the name is taken, and with Invalid when no admin would be left.
func (d *DB) UpdateUser(ctx context.Context, id int64, c UserChange) error {
	columns := map[string]any{}
	set(columns, "name", c.Name)
	set(columns, "password", c.Password)
	set(columns, "admin", c.Admin)
	return d.change(ctx, func(tx *gorm.DB) error {
		if c.Admin != nil && !*c.Admin {
			if err := keepAnAdmin(tx, id); err != nil {
				return err
			}
		}
		return found(update(tx.Model(&model.User{}).Where("id = ?", id), columns))
	})
}

// RehashPassword replaces the encoded hash old of the same password by a better
// one; when the password was changed meanwhile, nothing happens.
func (d *DB) RehashPassword(ctx context.Context, id int64, old, better string) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&model.User{}).Where("id = ? AND password = ?", id, old).Update("password", better).Error
	})
}

// DeleteUser deletes a user with everything that is theirs. It fails with
// NotFound, and with Invalid for the last admin.
func (d *DB) DeleteUser(ctx context.Context, id int64) error {
	// Asked twice: before the messages go, and in the transaction that decides.
	err := d.change(ctx, func(tx *gorm.DB) error { return keepAnAdmin(tx, id) })
	if err != nil {
		return err
	}
	applications, err := d.ApplicationsByUser(ctx, id)
	if err != nil {
		return err
	}
	for _, a := range applications {
		if err := d.DeleteMessages(ctx, []int64{a.ID}, math.MaxInt64); err != nil {
			return err
		}
	}
	return d.change(ctx, func(tx *gorm.DB) error {
		if err := keepAnAdmin(tx, id); err != nil {
			return err
		}
		if err := d.lockLog(tx); err != nil {
			return err
		}
		for _, a := range applications {
			if err := dropGrants(tx, a.Topic); err != nil {
				return err
			}
		}
		return found(tx.Delete(&model.User{}, id))
	})
}

// keepAnAdmin fails when the user is the only admin. It locks the admins, so
// that two of them cannot remove each other at the same time.
func keepAnAdmin(tx *gorm.DB, id int64) error {
	var admins []int64
	err := tx.Model(&model.User{}).Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where("admin = ?", true).Order("id").Pluck("id", &admins).Error
	if err == nil && len(admins) == 1 && admins[0] == id {
		return model.Errorf(model.Invalid, "cannot delete last admin")
	}
	return err
}
