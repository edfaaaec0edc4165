package database

import (
	"context"
	"slices"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// AccessRules returns all access rules, oldest first.
func (r *Reader) AccessRules(ctx context.Context) ([]*model.AccessRule, error) {
	return all[model.AccessRule](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Order("id") })
}

// PutAccessRule stores a rule in the place of the one of the same user and
// pattern. It fails with NotFound when the user is gone; and, unless application is
// 0, when that application has not the pattern as its topic.
func (d *DB) PutAccessRule(ctx context.Context, rule *model.AccessRule, application int64) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		// Counter rows serve as locks: a unique index takes any number of NULLs, and an
		// application must not go while it gets a rule.
		if err := d.lockLog(tx); err != nil {
			return err
		}
		if application != 0 {
			if err := tx.Where("id = ? AND topic = ?", application, rule.Pattern).Take(&model.Application{}).Error; err != nil {
				return err
			}
		}
		if err := ofUser(tx, rule.UserID).Where("pattern = ?", rule.Pattern).Delete(&model.AccessRule{}).Error; err != nil {
			return err
		}
		rule.ID = 0
		return tx.Create(rule).Error
	})
}

// DeleteAccessRules deletes the rules of a user, or of everyone for nil, with the
// pattern; "" stands for all patterns. It fails with NotFound when there is none.
func (d *DB) DeleteAccessRules(ctx context.Context, user *int64, pattern string) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		rules := ofUser(tx, user)
		if pattern != "" {
			rules = rules.Where("pattern = ?", pattern)
		}
		return found(rules.Delete(&model.AccessRule{}))
	})
}

func ofUser(tx *gorm.DB, user *int64) *gorm.DB {
	if user == nil {
		return tx.Where("user_id IS NULL")
	}
	return tx.Where("user_id = ?", *user)
}

// CreateAccessToken stores t and sets its id. It fails with NotFound when the
// user is gone.
func (d *DB) CreateAccessToken(ctx context.Context, t *model.AccessToken) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		t.ID = 0
		return tx.Create(t).Error
	})
}

// AccessTokenByHash returns the access token with the SHA-256.
func (r *Reader) AccessTokenByHash(ctx context.Context, hash []byte) (*model.AccessToken, error) {
	return one[model.AccessToken](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("token_hash = ?", hash) })
}

// AccessTokensByUser returns the user's access tokens, oldest first.
func (r *Reader) AccessTokensByUser(ctx context.Context, user int64) ([]*model.AccessToken, error) {
	return all[model.AccessToken](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("user_id = ?", user).Order("id") })
}

// AccessTokenChange names the columns of an access token to update; nil keeps what
// is there. The zero time lets it stay for good.
type AccessTokenChange struct {
	Label, Topics     *string
	CanRead, CanWrite *bool
	ExpiresAt         *time.Time
}

// UpdateAccessToken writes the named columns of a token of the user.
func (d *DB) UpdateAccessToken(ctx context.Context, user, id int64, c AccessTokenChange) error {
	columns := map[string]any{}
	set(columns, "label", c.Label)
	set(columns, "topics", c.Topics)
	set(columns, "can_read", c.CanRead)
	set(columns, "can_write", c.CanWrite)
	if c.ExpiresAt != nil {
		columns["expires_at"] = nil
		if !c.ExpiresAt.IsZero() {
			columns["expires_at"] = column(c.ExpiresAt)
		}
	}
	return d.change(ctx, func(tx *gorm.DB) error {
		return found(update(tx.Model(&model.AccessToken{}).Where("id = ? AND user_id = ?", id, user), columns))
	})
}

// TouchAccessToken notes where and when a token was used.
func (d *DB) TouchAccessToken(ctx context.Context, id int64, at time.Time, origin string) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&model.AccessToken{}).Where("id = ?", id).
			Updates(map[string]any{"last_used": column(&at), "last_origin": origin}).Error
	})
}

// DeleteAccessToken deletes a token of the user.
func (d *DB) DeleteAccessToken(ctx context.Context, user, id int64) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return found(tx.Where("user_id = ?", user).Delete(&model.AccessToken{}, id))
	})
}

// DeleteExpiredAccessTokens deletes the tokens that have reached their end, and
// returns their ids.
func (d *DB) DeleteExpiredAccessTokens(ctx context.Context, now time.Time) (ids []int64, err error) {
	err = d.change(ctx, func(tx *gorm.DB) error {
		ids = nil
		err := tx.Model(&model.AccessToken{}).Where("expires_at <= ?", column(&now)).Limit(idsAtOnce).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		return tx.Delete(&model.AccessToken{}, ids).Error
	})
	return ids, err
}

// AccessTokensByID returns those access tokens of the ids that exist.
func (r *Reader) AccessTokensByID(ctx context.Context, ids []int64) (found []*model.AccessToken, err error) {
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		some, err := all[model.AccessToken](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id IN ?", chunk) })
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}
