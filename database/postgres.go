package database

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/carillon-push/carillon/model"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func postgresDialect() *dialect {
	return &dialect{
		name:    DialectPostgres,
		connect: connectPostgres,
		open: func(pool gorm.ConnPool) gorm.Dialector {
			return gormpostgres.New(gormpostgres.Config{Conn: pool})
		},
		inspect: inspectPostgres,
		lock:    "SELECT 1 FROM (SELECT pg_advisory_lock(4846917)) AS locked",
		reserve: reserveReturning,
		insert:  insertArrays,
		entries: entriesOfLaterals,
		fetch:   fetchLaterally,
		limit:   statementTimeout,
		commit:  lockTimeout,
	}
}

func connectPostgres(connection string, maxConnections int) (*pools, error) {
	c, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	c.ConnectTimeout = orElse(c.ConnectTimeout, connectTimeout)
	set := func(c *pgx.ConnConfig, name string, otherwise time.Duration) {
		c.RuntimeParams[name] = orElse(c.RuntimeParams[name], milliseconds(otherwise))
	}
	c.RuntimeParams["application_name"] = orElse(c.RuntimeParams["application_name"], "carillon")
	patient := c.Copy()
	set(c, "statement_timeout", statementTimeout)
	set(c, "lock_timeout", lockTimeout)
	set(c, "idle_in_transaction_session_timeout", idleTimeout)
	patient.RuntimeParams["statement_timeout"] = "0"
	patient.RuntimeParams["lock_timeout"] = milliseconds(migrationTimeout)

	const idle = 5 * time.Minute
	shared := bounded(stdlib.OpenDB(*c), max(1, maxConnections-1), idle)
	return &pools{
		read: shared, write: shared,
		publish: bounded(stdlib.OpenDB(*c), 1, idle),
		migrate: bounded(stdlib.OpenDB(*patient), 1, idle),
	}, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func inspectPostgres(ctx context.Context, conn *sql.Conn) (tableOptions string, err error) {
	var encoding string
	if err := conn.QueryRowContext(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding); err != nil {
		return "", translate(err)
	}
	if encoding != "UTF8" {
		return "", model.Errorf(model.Invalid, "the database has the encoding %s: create it with ENCODING 'UTF8'", encoding)
	}
	return "", nil
}

// insertArrays gives each column as one array, so that the statement is the same
// for any number of messages and is prepared once.
func insertArrays(ctx context.Context, tx gorm.ConnPool, messages []*model.Message) error {
	const statement = "INSERT INTO messages (" + messageColumns + ") SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], " +
		"$4::text[], $5::boolean[], $6::text[], $7::bigint[], $8::boolean[], $9::text[], $10::bigint[], $11::text[])"
	n := len(messages)
	ids, keys, applications := make([]int64, n), make([]string, n), make([]int64, n)
	titles, titlesDefaulted, texts := make([]string, n), make([]bool, n), make([]string, n)
	priorities, prioritiesDefaulted := make([]int64, n), make([]bool, n)
	extras, dates, details := make([]string, n), make([]int64, n), make([]*string, n)
	for i, m := range messages {
		ids[i], keys[i], applications[i] = m.ID, m.Key, m.ApplicationID
		titles[i], titlesDefaulted[i], texts[i] = m.Title, m.TitleDefaulted, m.Message
		priorities[i], prioritiesDefaulted[i] = int64(m.Priority), m.PriorityDefaulted
		extras[i], dates[i], details[i] = m.Extras, m.Date.UnixMicro(), encodeDetails(m.Details)
	}
	_, err := tx.ExecContext(ctx, statement, ids, keys, applications, titles, titlesDefaulted, texts,
		priorities, prioritiesDefaulted, extras, dates, details)
	return err
}

// entriesOfLaterals finds the entries of any number of applications by one short
// statement; a UNION of hundreds of arms takes longer to plan than to run. The
// comparison of rows leaves the planner no choice but idx_messages_page: with
// "application_id = x ORDER BY id" it may walk the primary key instead.
func entriesOfLaterals(applications []int64, p page) (string, []any) {
	within := ">="
	if p.after {
		within = "<="
	}
	// gorm would spread a slice over many placeholders, but not a pointer to one.
	return "SELECT arm.id FROM unnest(?::bigint[]) AS wanted(id) CROSS JOIN LATERAL (" +
		"SELECT id FROM messages WHERE (application_id, id) " + p.compare() + " (wanted.id, ?) AND application_id " + within + " wanted.id" +
		" ORDER BY application_id " + p.order() + ", id " + p.order() + " LIMIT ?) AS arm" +
		" ORDER BY arm.id " + p.order() + " LIMIT ?", []any{&applications, p.from, p.limit, p.limit}
}

// fetchLaterally leaves the planner no choice either: for a plain join it may
// read the whole table, as long as that is of moderate size.
func fetchLaterally(entries string, p page) string {
	return "SELECT fetched." + messageColumns + " FROM (" + entries + ") AS page" +
		" CROSS JOIN LATERAL (SELECT * FROM messages WHERE messages.id = page.id OFFSET 0) AS fetched ORDER BY page.id " + p.order()
}

// classifyPostgres follows appendix A of the Postgres manual (SQLSTATE).
func classifyPostgres(err *pgconn.PgError) failure {
	switch err.Code {
	case "23505":
		return duplicate
	case "23503":
		return orphan
	case "40001", "40P01", "55P03": // serialization failure, deadlock, lock timeout
		return conflicting
	case "0A000": // among others, a prepared statement whose table was altered meanwhile
		if err.Routine == "RevalidateCachedQuery" {
			return conflicting
		}
	case "22001", "22003", "22021", "22P05": // too long, out of range, not in the encoding
		return invalid
	case "54000": // a program limit, such as the size of an index entry or a value
		return tooLarge
	case "25006", "57014": // read-only, statement timeout
		return unavailable
	}
	switch err.Code[:min(2, len(err.Code))] {
	case "08", "53", "58": // connection, out of resources, operating system
		return unavailable
	}
	if hungUp(err.Code) {
		return unavailable
	}
	return other
}

// hungUp reports whether the server ends the connection with this code: at its
// own end, or because a transaction was idle for too long.
func hungUp(code string) bool {
	return code == "25P03" || len(code) == 5 && code[:4] == "57P0"
}
