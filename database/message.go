package database

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// deletedAtOnce bounds how many messages one transaction deletes, so that a
// large history does not hold up those who publish.
const deletedAtOnce = 5000

// LatestMessageID returns the id given last, 0 when there was none yet.
func (r *Reader) LatestMessageID(ctx context.Context) (int64, error) {
	return r.counter(ctx, messageCounter)
}

// counter returns the value of a counter.
func (r *Reader) counter(ctx context.Context, name string) (value int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		return db.Table("counters").Where("name = ?", name).Select("value").Take(&value).Error
	})
	return value, err
}

// pageBytes bounds the text in one page of messages. A page ends early rather
// than hold hundreds of large messages in memory; it always has one.
const pageBytes = 2 << 20

// MessagesBefore returns at most limit messages of the applications with an id
// below before, newest first, and whether there are more. When messages are
// large they are fewer than limit.
func (r *Reader) MessagesBefore(ctx context.Context, applications []int64, before int64, limit int) (messages []*model.Message, more bool, err error) {
	return r.messages(ctx, applications, page{from: before, limit: limit})
}

// MessagesAfter returns at most limit messages of the applications with an id
// above after, oldest first, and whether there are more. When messages are large
// they are fewer than limit.
func (r *Reader) MessagesAfter(ctx context.Context, applications []int64, after int64, limit int) (messages []*model.Message, more bool, err error) {
	return r.messages(ctx, applications, page{from: after, after: true, limit: limit})
}

// page is a part of a history: limit messages below from, newest first, or above
// it, oldest first.
type page struct {
	from  int64
	after bool
	limit int
}

func (p page) compare() string {
	if p.after {
		return ">"
	}
	return "<"
}

func (p page) order() string {
	if p.after {
		return "ASC"
	}
	return "DESC"
}

// compareIDs orders ids as the page does.
func (p page) compareIDs(x, y int64) int {
	if p.after {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(y, x)
}

// messages reads a page of several applications: a few index entries of each, of
// which the first ones are fetched. So the cost depends on the page and on how
// many applications there are, not on how many messages they or others hold.
func (r *Reader) messages(ctx context.Context, applications []int64, p page) (found []*model.Message, more bool, err error) {
	if len(applications) == 0 || p.limit <= 0 {
		return nil, false, nil
	}
	wanted := p.limit
	p.limit = min(p.limit, math.MaxInt32) + 1 // one more tells whether there are more
	var ends []int64
	for chunk := range slices.Chunk(applications, orElse(r.dialect.applicationsPerPage, len(applications))) {
		entries, values := r.dialect.entries(chunk, p)
		some, cut, err := r.fetch(ctx, r.dialect.fetch(entries, p), values)
		if err != nil {
			return nil, false, err
		}
		found = append(found, some...)
		if cut {
			ends = append(ends, some[len(some)-1].ID)
		}
	}
	slices.SortFunc(found, func(x, y *model.Message) int { return p.compareIDs(x.ID, y.ID) })
	if len(ends) > 0 {
		// Behind the place where one was cut, it is not known what comes next.
		end := slices.MinFunc(ends, p.compareIDs)
		found = slices.DeleteFunc(found, func(m *model.Message) bool { return p.compareIDs(m.ID, end) > 0 })
	}
	return found[:min(len(found), wanted)], len(ends) > 0 || len(found) > wanted, nil
}

// fetch reads the rows of a page until they hold pageBytes of text; cut tells
// that some were left.
func (r *Reader) fetch(ctx context.Context, statement string, values []any) (found []*model.Message, cut bool, err error) {
	err = r.read(ctx, func(db *gorm.DB) error {
		found, cut = nil, false
		rows, err := db.Raw(statement, values...).Rows()
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // what went wrong, rows.Err says
		for size := 0; rows.Next(); {
			if cut = size > pageBytes; cut {
				return nil
			}
			m, err := scanMessage(rows)
			if err != nil {
				return err
			}
			found = append(found, m)
			size += m.Size()
		}
		return rows.Err()
	})
	return found, cut, err
}

// scanMessage reads messageColumns. gorm would need reflection for every row.
func scanMessage(rows *sql.Rows) (*model.Message, error) {
	var m model.Message
	var date int64
	var details *string
	err := rows.Scan(&m.ID, &m.Key, &m.ApplicationID, &m.Title, &m.TitleDefaulted,
		&m.Message, &m.Priority, &m.PriorityDefaulted, &m.Extras, &date, &details)
	m.Date = time.UnixMicro(date).UTC()
	if err == nil && details != nil {
		m.Details = &model.Details{}
		err = json.Unmarshal([]byte(*details), m.Details)
	}
	return &m, err
}

// eventsBetween returns the next events of everybody with ids between the two,
// neither included, in order and with their owners. It returns none when there
// are none left, and does not return all at once.
func (r *Reader) eventsBetween(ctx context.Context, after, before int64, limit int) ([]*model.Event, error) {
	messages, err := between[model.Message](ctx, r, "messages", after, before, limit)
	if err != nil {
		return nil, err
	}
	if len(messages) == limit {
		before = messages[limit-1].ID // what comes behind is for the next time
	}
	notices, err := between[model.Notice](ctx, r, "notices", after, before, limit)
	if err != nil {
		return nil, err
	}
	events := make([]*model.Event, 0, len(messages)+len(notices))
	for _, m := range messages {
		events = append(events, model.Published(m))
	}
	for _, n := range notices {
		events = append(events, model.Noticed(n))
	}
	slices.SortFunc(events, func(x, y *model.Event) int { return cmp.Compare(x.ID, y.ID) })
	if len(notices) == limit {
		end := notices[limit-1].ID
		events = slices.DeleteFunc(events, func(e *model.Event) bool { return e.ID > end })
	}
	return events, nil
}

// between returns the rows of a table of the log with ids between the two.
func between[T any](ctx context.Context, r *Reader, table string, after, before int64, limit int) ([]*T, error) {
	return all[T](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Select(table+".*", "applications.user_id", "applications.topic").
			Joins("JOIN applications ON applications.id = "+table+".application_id").
			Where(table+".id > ? AND "+table+".id < ?", after, before).Order(table + ".id").Limit(limit)
	})
}

// CountMessages returns how many messages there are.
func (r *Reader) CountMessages(ctx context.Context) (n int64, err error) {
	err = r.read(ctx, func(db *gorm.DB) error { return db.Model(&model.Message{}).Count(&n).Error })
	return n, err
}

// MessageByID returns a message of one of the user's applications.
func (r *Reader) MessageByID(ctx context.Context, user, id int64) (*model.Message, error) {
	return one[model.Message](ctx, r, func(db *gorm.DB) *gorm.DB {
		return db.Where("id = ? AND EXISTS (SELECT 1 FROM applications WHERE applications.id = messages.application_id AND applications.user_id = ?)", id, user)
	})
}

// DeleteMessages deletes all messages of the applications with an id up to and
// including upTo. It works in steps: when it fails, the newest are gone already
// and calling it again carries on.
func (d *DB) DeleteMessages(ctx context.Context, applications []int64, upTo int64) error {
	for _, application := range applications {
		for {
			ids, err := d.newestIDs(ctx, application, upTo)
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			err = d.change(ctx, func(tx *gorm.DB) error {
				return tx.Where("application_id = ? AND id BETWEEN ? AND ?", application, ids[len(ids)-1], ids[0]).
					Delete(&model.Message{}).Error
			})
			if err != nil {
				return err
			}
			if len(ids) < deletedAtOnce {
				break
			}
		}
	}
	return nil
}

func (d *DB) newestIDs(ctx context.Context, application, upTo int64) (ids []int64, err error) {
	statement, values := d.dialect.entries([]int64{application}, page{from: min(upTo, math.MaxInt64-1) + 1, limit: deletedAtOnce})
	err = d.read(ctx, func(db *gorm.DB) error { return db.Raw(statement, values...).Scan(&ids).Error })
	return ids, err
}
