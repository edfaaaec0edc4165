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
// pattern. It fails with NotFound when the user is gone.
func (d *DB) PutAccessRule(ctx context.Context, rule *model.AccessRule) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		// The counter row serves as a lock: a unique index takes any number of NULLs.
		if _, err := d.dialect.reserve(tx.Statement.Context, tx.Statement.ConnPool, revisionCounter, 0); err != nil {
			return err
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

// UpdateAccessToken writes what an owner may change of a token: its label, its
// limits and its end.
func (d *DB) UpdateAccessToken(ctx context.Context, t *model.AccessToken) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return found(tx.Model(&model.AccessToken{}).Where("id = ? AND user_id = ?", t.ID, t.UserID).Updates(map[string]any{
			"label": t.Label, "can_read": t.CanRead, "can_write": t.CanWrite, "topics": t.Topics, "expires_at": column(t.ExpiresAt),
		}))
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

// ExistingAccessTokens returns those of the ids that exist.
func (r *Reader) ExistingAccessTokens(ctx context.Context, ids []int64) (found []int64, err error) {
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		some, err := all[model.AccessToken](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Select("id").Where("id IN ?", chunk) })
		if err != nil {
			return nil, err
		}
		for _, t := range some {
			found = append(found, t.ID)
		}
	}
	return found, nil
}
