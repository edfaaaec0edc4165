package database

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// CreateApplication stores a and sets its id. It fails with Conflict when the
// user has an application with the same sort key, or anybody one with the topic.
func (d *DB) CreateApplication(ctx context.Context, a *model.Application) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		a.ID = 0
		return tx.Create(a).Error
	})
}

// ApplicationByID returns an application of the user.
func (r *Reader) ApplicationByID(ctx context.Context, user, id int64) (*model.Application, error) {
	return one[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id = ? AND user_id = ?", id, user) })
}

// ApplicationByTokenHash returns the application whose token has the SHA-256.
func (r *Reader) ApplicationByTokenHash(ctx context.Context, hash []byte) (*model.Application, error) {
	return one[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("token_hash = ?", hash) })
}

// ApplicationsByUser returns the user's applications in no particular order.
func (r *Reader) ApplicationsByUser(ctx context.Context, user int64) ([]*model.Application, error) {
	return all[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("user_id = ?", user) })
}

// ApplicationByTopic returns the application with the topic.
func (r *Reader) ApplicationByTopic(ctx context.Context, topic string) (*model.Application, error) {
	return one[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("topic = ?", topic) })
}

// ApplicationsByTopic returns those applications of the topics that exist.
func (r *Reader) ApplicationsByTopic(ctx context.Context, topics []string) ([]*model.Application, error) {
	return all[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("topic IN ?", topics) })
}

// TopicsOfOthers returns the applications that do not belong to the user, in no
// particular order and with no more than id, owner and topic.
func (r *Reader) TopicsOfOthers(ctx context.Context, user int64) ([]*model.Application, error) {
	return all[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Select("id", "user_id", "topic").Where("user_id <> ?", user)
	})
}

// TopicsByUser returns the user's applications, in no particular order and with no
// more than id, owner and topic.
func (r *Reader) TopicsByUser(ctx context.Context, user int64) ([]*model.Application, error) {
	return all[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Select("id", "user_id", "topic").Where("user_id = ?", user)
	})
}

// SortKeys returns the sort keys of the user's applications.
func (r *Reader) SortKeys(ctx context.Context, user int64) (keys []string, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		return db.Model(&model.Application{}).Where("user_id = ?", user).Pluck("sort_key", &keys).Error
	})
	return keys, err
}

// Application returns an application whoever owns it.
func (r *Reader) Application(ctx context.Context, id int64) (*model.Application, error) {
	return one[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", id) })
}

// TopiclessApplications returns applications that have no topic yet, oldest
// first: at most limit.
func (r *Reader) TopiclessApplications(ctx context.Context, limit int) ([]*model.Application, error) {
	return all[model.Application](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("topic IS NULL").Order("id").Limit(limit) })
}

// CountApplications returns how many applications there are.
func (r *Reader) CountApplications(ctx context.Context) (n int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error { return db.Model(&model.Application{}).Count(&n).Error })
	return n, err
}

// CountApplicationsOf returns how many applications the user has.
func (r *Reader) CountApplicationsOf(ctx context.Context, user int64) (n int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		return db.Model(&model.Application{}).Where("user_id = ?", user).Count(&n).Error
	})
	return n, err
}

// ApplicationIDs returns the ids of the user's applications.
func (r *Reader) ApplicationIDs(ctx context.Context, user int64) (ids []int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		return db.Model(&model.Application{}).Where("user_id = ?", user).Order("id").Pluck("id", &ids).Error
	})
	return ids, err
}

// ApplicationChange names the columns of an application to update; nil keeps
// what is there.
type ApplicationChange struct {
	Name            *string
	Description     *string
	DefaultPriority *int
	SortKey         *string
	Topic           *string
	// TokenHash and TokenSealed belong together.
	TokenHash   []byte
	TokenSealed []byte
}

// UpdateApplication writes the named columns of an application of the user. It
// fails with NotFound, and with Conflict when the sort key or the topic is taken.
func (d *DB) UpdateApplication(ctx context.Context, user, id int64, c ApplicationChange) error {
	columns := map[string]any{}
	set(columns, "name", c.Name)
	set(columns, "description", c.Description)
	set(columns, "default_priority", c.DefaultPriority)
	set(columns, "sort_key", c.SortKey)
	set(columns, "topic", c.Topic)
	if c.TokenHash != nil {
		columns["token_hash"], columns["token_sealed"] = c.TokenHash, c.TokenSealed
	}
	return d.change(ctx, func(tx *gorm.DB) error {
		if c.Topic != nil {
			if err := errors.Join(d.lockLog(tx), moveRules(tx, user, id, *c.Topic)); err != nil {
				return err
			}
		}
		return found(update(tx.Model(&model.Application{}).Where("id = ? AND user_id = ?", id, user), columns))
	})
}

// moveRules lets the access rules for the application's topic alone go with it to
// a new one. There, a rule of the same user that exists already counts; and one
// that takes a right away stays behind as well, because it harms nobody.
func moveRules(tx *gorm.DB, user, id int64, topic string) error {
	var a model.Application
	if err := tx.Where("id = ? AND user_id = ?", id, user).Take(&a).Error; err != nil {
		return err
	}
	if a.Topic == "" || a.Topic == topic {
		return nil
	}
	var rules []*model.AccessRule
	if err := tx.Where("pattern = ?", a.Topic).Order("id").Find(&rules).Error; err != nil {
		return err
	}
	for _, rule := range rules {
		var there int64
		if err := ofUser(tx.Model(&model.AccessRule{}), rule.UserID).Where("pattern = ?", topic).Count(&there).Error; err != nil {
			return err
		}
		if there > 0 {
			continue
		}
		moved := model.AccessRule{UserID: rule.UserID, Pattern: topic, CanRead: rule.CanRead, CanWrite: rule.CanWrite}
		if err := tx.Create(&moved).Error; err != nil {
			return err
		}
	}
	return dropGrants(tx, a.Topic)
}

// dropGrants deletes the access rules that allow something with the topic alone:
// they were not meant for whoever takes it next.
func dropGrants(tx *gorm.DB, topic string) error {
	if topic == "" {
		return nil
	}
	return tx.Where("pattern = ? AND (can_read = ? OR can_write = ?)", topic, true, true).Delete(&model.AccessRule{}).Error
}

// lockLog waits until nobody else commits to the log, and keeps it so until the
// transaction ends. Who deletes what others are about to write to comes first
// this way, instead of waiting for each other in a ring.
func (d *DB) lockLog(tx *gorm.DB) error {
	_, err := d.dialect.reserve(tx.Statement.Context, tx.Statement.ConnPool, messageCounter, 0)
	return err
}

// TouchApplication notes that the application's token was used at that time,
// unless a later use was noted already.
func (d *DB) TouchApplication(ctx context.Context, id int64, at time.Time) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&model.Application{}).Where("id = ? AND (last_used IS NULL OR last_used < ?)", id, column(&at)).
			Update("last_used", column(&at)).Error
	})
}

// DeleteApplication deletes an application of the user with its messages, its
// image and the access rules that allow something with its topic alone. The messages go first, in steps;
// when one fails, the application is still there.
func (d *DB) DeleteApplication(ctx context.Context, user, id int64) error {
	a, err := d.ApplicationByID(ctx, user, id)
	if err != nil {
		return err
	}
	if err := d.DeleteMessages(ctx, []int64{id}, math.MaxInt64); err != nil {
		return err
	}
	return d.change(ctx, func(tx *gorm.DB) error {
		if err := errors.Join(d.lockLog(tx), dropGrants(tx, a.Topic)); err != nil {
			return err
		}
		return found(tx.Where("user_id = ?", user).Delete(&model.Application{}, id))
	})
}

// ImageByName returns a picture by the file name it is served under.
func (r *Reader) ImageByName(ctx context.Context, name string) (*model.Image, error) {
	return one[model.Image](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", name) })
}

// ReplaceImage makes i the image of an application of the user.
func (d *DB) ReplaceImage(ctx context.Context, user int64, i *model.Image) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		if err := nameImage(tx, user, i.ApplicationID, i.Name); err != nil {
			return err
		}
		if err := tx.Delete(&model.Image{}, i.ApplicationID).Error; err != nil {
			return err
		}
		return tx.Create(i).Error
	})
}

// DeleteImage takes the image from an application of the user.
func (d *DB) DeleteImage(ctx context.Context, user, application int64) error {
	return d.change(ctx, func(tx *gorm.DB) error {
		if err := nameImage(tx, user, application, ""); err != nil {
			return err
		}
		return tx.Delete(&model.Image{}, application).Error
	})
}

func nameImage(tx *gorm.DB, user, application int64, name string) error {
	return found(tx.Model(&model.Application{}).Where("id = ? AND user_id = ?", application, user).Update("image", name))
}
