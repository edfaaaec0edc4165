package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// The dialects. They are named as Gotify's configuration names them.
const (
	DialectSQLite   = "sqlite3"
	DialectMySQL    = "mysql"
	DialectPostgres = "postgres"
)

// Bounds for a database server: how long to wait for a connection, for a
// statement, for a lock, and for another node that migrates the database.
const (
	connectTimeout   = 5 * time.Second
	statementTimeout = 30 * time.Second
	lockTimeout      = 10 * time.Second
	migrationTimeout = time.Minute
)

// idleTimeout is how long a server keeps a transaction of a node that vanished:
// it holds the counter row, so nobody can publish until it is gone.
const idleTimeout = 30 * time.Second

// dialect holds everything that differs between the databases.
type dialect struct {
	name    string
	connect func(connection string, maxConnections int) (*pools, error)
	open    func(gorm.ConnPool) gorm.Dialector
	// inspect refuses a server that cannot keep what it is given, and returns what
	// CREATE TABLE has to end with. May be nil.
	inspect func(ctx context.Context, conn *sql.Conn) (tableOptions string, err error)
	// lock makes other nodes wait until the connection is closed, and reports 1.
	// SQLite needs none: its transactions lock the file.
	lock string
	// reserve raises a counter by n and returns its new value. The row's lock is
	// held until the transaction ends.
	reserve func(ctx context.Context, tx gorm.ConnPool, counter string, n int) (int64, error)
	// insert stores the messages, all or none.
	insert func(ctx context.Context, tx gorm.ConnPool, messages []*model.Message) error
	// entries returns the statement that finds the ids of a page, in order, by
	// idx_messages_page: by the primary key it would wade through everybody's
	// messages. fetch returns the statement that reads their rows.
	entries func(applications []int64, p page) (statement string, values []any)
	fetch   func(entries string, p page) (statement string)
	// applicationsPerPage bounds how many applications such a statement takes; 0
	// means any number.
	applicationsPerPage int
	// limit bounds reads and changes, commit bounds one group commit. Both are 0
	// for a database in this process: it does not vanish, and watching a deadline
	// would cost a goroutine for each statement.
	limit, commit time.Duration
}

func newDialect(name string) (*dialect, error) {
	switch name {
	case DialectSQLite:
		return sqliteDialect(), nil
	case DialectMySQL:
		return mysqlDialect(), nil
	case DialectPostgres:
		return postgresDialect(), nil
	}
	return nil, model.Errorf(model.Invalid, "database.dialect: %q is none of sqlite3, mysql, postgres", name)
}

// Folder returns the folder that an SQLite database lies in, and "" for a
// database server.
func Folder(dialect, connection string) string {
	switch dialect {
	case DialectSQLite:
		path, _, err := splitSQLite(connection)
		if err != nil {
			return "" // Open says what is wrong
		}
		return filepath.Dir(path)
	default:
		return ""
	}
}

// pools are the connections to one database. Several may be the same.
type pools struct {
	// read serves reads, write serves changes.
	read, write *sql.DB
	// publish is one connection for the group commit, so that senders never queue
	// behind those who read.
	publish *sql.DB
	// migrate is one connection without time limits, closed after the migration.
	migrate *sql.DB
}

func (p *pools) close() error {
	return errors.Join(p.publish.Close(), p.write.Close(), p.read.Close(), p.migrate.Close())
}

// bounded limits a pool to a number of connections, which are closed after they
// were idle for a while.
func bounded(pool *sql.DB, connections int, idle time.Duration) *sql.DB {
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(idle)
	pool.SetConnMaxLifetime(time.Hour)
	return pool
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// reserveReturning is one statement and one round trip.
func reserveReturning(ctx context.Context, tx gorm.ConnPool, counter string, n int) (value int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value", n, counter).Scan(&value)
	return value, err
}

// rowsPerInsert bounds one INSERT statement with a row of placeholders for each
// message, and so the number of different statements that a server sees.
const rowsPerInsert = 128

// insertRows stores the messages by INSERT statements of several rows. gorm's
// Create would cost three times the allocations.
func insertRows(ctx context.Context, tx gorm.ConnPool, messages []*model.Message) error {
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	for len(messages) > 0 {
		some := messages[:min(rowsPerInsert, len(messages))]
		messages = messages[len(some):]
		values := make([]any, 0, 11*len(some))
		for _, m := range some {
			values = append(values, m.ID, m.Key, m.ApplicationID, m.Title, m.TitleDefaulted,
				m.Message, m.Priority, m.PriorityDefaulted, m.Extras, m.Date.UnixMicro(), encodeDetails(m.Details))
		}
		statement := "INSERT INTO messages (" + messageColumns + ") VALUES " + row + strings.Repeat(", "+row, len(some)-1)
		if _, err := tx.ExecContext(ctx, statement, values...); err != nil {
			return err
		}
	}
	return nil
}

// messageColumns are in the order in which every insert gives their values and
// every page reads them.
const messageColumns = "id, message_key, application_id, title, title_defaulted, " +
	"message, priority, priority_defaulted, extras, date, details"

// encodeDetails returns what the column holds, nil when there are none.
func encodeDetails(d *model.Details) *string {
	if d == nil {
		return nil
	}
	text, _ := json.Marshal(d) // strings, numbers and lists of them: it cannot fail
	encoded := string(text)
	return &encoded
}

// entriesOfArms takes the first entries of each application, and the first of
// them all. hint names the index where the optimizer would not always take it.
func entriesOfArms(hint string) func([]int64, page) (string, []any) {
	return func(applications []int64, p page) (string, []any) {
		arms := make([]string, len(applications))
		values := make([]any, 0, 3*len(applications)+1)
		for i, application := range applications {
			arms[i] = "SELECT id FROM (SELECT id FROM messages " + hint + " WHERE application_id = ? AND id " + p.compare() + " ?" +
				" ORDER BY id " + p.order() + " LIMIT ?) AS arm"
			values = append(values, application, p.from, p.limit)
		}
		return strings.Join(arms, " UNION ALL ") + " ORDER BY id " + p.order() + " LIMIT ?", append(values, p.limit)
	}
}

func fetchByJoin(entries string, p page) string {
	return "SELECT messages." + messageColumns + " FROM (" + entries + ") AS page JOIN messages ON messages.id = page.id ORDER BY messages.id " + p.order()
}
