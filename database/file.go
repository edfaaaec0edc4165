package database

import (
	"context"
	"slices"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// FileByToken returns an attachment by the name that whoever may download it
// knows.
func (r *Reader) FileByToken(ctx context.Context, token string) (*model.File, error) {
	return one[model.File](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Where("token = ?", token) })
}

// FileSizes returns how many bytes the attachments of a visitor, and those of
// everybody, take.
func (r *Reader) FileSizes(ctx context.Context, visitor string) (ofVisitor, total int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		return db.Model(&model.File{}).
			Select("COALESCE(SUM(CASE WHEN visitor = ? THEN size ELSE 0 END), 0), COALESCE(SUM(size), 0)", visitor).
			Row().Scan(&ofVisitor, &total)
	})
	return ofVisitor, total, err
}

// KnownFiles returns which of the tokens are an attachment's.
func (r *Reader) KnownFiles(ctx context.Context, tokens []string) (map[string]bool, error) {
	known := make(map[string]bool, len(tokens))
	for chunk := range slices.Chunk(tokens, idsAtOnce) {
		files, err := all[model.File](ctx, r, func(db *gorm.DB) *gorm.DB { return db.Select("token").Where("token IN ?", chunk) })
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			known[f.Token] = true
		}
	}
	return known, nil
}

// filesAtOnce bounds how many attachments DeleteFiles deletes.
const filesAtOnce = 500

// DeleteFiles deletes the rows of attachments that have expired or whose message
// is gone, and returns their tokens: at most filesAtOnce of them.
func (d *DB) DeleteFiles(ctx context.Context, now time.Time) (tokens []string, err error) {
	// To look for them takes a while when there are many, so nobody waits for it.
	err = d.read(ctx, func(db *gorm.DB) error {
		tokens = nil
		return db.Model(&model.File{}).Where("expires <= ? OR (message_key <> '' AND "+
			"NOT EXISTS (SELECT 1 FROM messages WHERE messages.message_key = attachments.message_key) AND "+
			"NOT EXISTS (SELECT 1 FROM scheduled_messages WHERE scheduled_messages.message_key = attachments.message_key))", column(&now)).
			Limit(filesAtOnce).Pluck("token", &tokens).Error
	})
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	return tokens, d.change(ctx, func(tx *gorm.DB) error { return tx.Where("token IN ?", tokens).Delete(&model.File{}).Error })
}
