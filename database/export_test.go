package database

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Setting returns what an expression yields on a connection of the pool that
// reads, as text.
func (d *DB) Setting(expression string) string { return setting(d.db, expression) }

// WriterSetting does so on a connection of the pool that writes.
func (d *DB) WriterSetting(expression string) string { return setting(d.writer, expression) }

func setting(db *gorm.DB, expression string) (value string) {
	if err := db.Raw("SELECT " + expression).Scan(&value).Error; err != nil {
		return err.Error()
	}
	return value
}

// Waiting returns how many messages wait for a group commit to begin.
func (d *DB) Waiting() int { return len(d.batch.queue) }

// Hurry sets other time limits. It is called before the database is used.
func (d *DB) Hurry(limit time.Duration) { d.dialect.limit, d.dialect.commit = limit, limit }

// ExplainPage returns the rows of the plan of a page, each column by its name.
func (d *DB) ExplainPage(ctx context.Context, explain string, applications []int64, from int64, after bool, limit int) (plan []map[string]string, err error) {
	p := page{from: from, after: after, limit: limit}
	entries, values := d.dialect.entries(applications, p)
	rows, err := d.db.WithContext(ctx).Raw(explain+" "+d.dialect.fetch(entries, p), values...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	for err == nil && rows.Next() {
		texts, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range texts {
			targets[i] = &texts[i]
		}
		err = rows.Scan(targets...)
		row := map[string]string{}
		for i, column := range columns {
			row[column] = texts[i].String
		}
		plan = append(plan, row)
	}
	return plan, errors.Join(err, rows.Err())
}
