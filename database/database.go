// Package database remembers: it opens SQLite, MySQL/MariaDB or Postgres,
// migrates the schema, and offers queries and changes by noun.
//
// A Reader only reads; a DB embeds a Reader and also writes. Messages are
// written by one goroutine that commits whatever is waiting in one transaction
// (group commit: write.go, batch.go, commit.go, announce.go) and takes their ids from a counter row whose lock it
// holds until the commit, so that ids follow commit order on every dialect and
// with any number of nodes.
//
// It returns errors of package model only and never (nil, nil). It does not
// know who asks and why: ownership is part of a query where the caller passes an
// owner, and what belongs to somebody else is not found. Nothing outside this
// package imports gorm, and only dialect.go tells dialects apart.
package database

import (
	"context"
	"errors"
	"log/slog"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Options says which database to open and how.
type Options struct {
	// Dialect is sqlite3, mysql or postgres.
	Dialect string
	// Connection is the file of an SQLite database, or the driver's connection
	// string.
	Connection string
	// MaxConnections bounds the connections to a server, at least 2; 0 means 20.
	MaxConnections int
	// Committed hears of every committed message and notice, in the order of their
	// ids and before its sender is answered; also of those that other nodes
	// committed, as far as their ids lie before one of ours. It must not block; the
	// events are its own. May be nil.
	Committed func([]*model.Event)
	Log       *slog.Logger
}

// Reader reads what is remembered. It is safe for concurrent use.
type Reader struct {
	db      *gorm.DB
	dialect *dialect
}

// DB reads and writes. It is safe for concurrent use.
type DB struct {
	*Reader
	writer *gorm.DB
	batch  *batch
	pools  *pools
}

// Open connects to the database, migrates its schema and starts the group
// commit. It fails with Invalid when the options are wrong, with Unavailable when
// the database cannot be reached, and with Conflict when it was written by a
// newer Carillon. Close must be called at the end.
func Open(ctx context.Context, o Options) (*DB, error) {
	d, err := newDialect(o.Dialect)
	if err != nil {
		return nil, err
	}
	o.MaxConnections = orElse(o.MaxConnections, 20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	registerMicros()
	pools, err := d.connect(o.Connection, o.MaxConnections)
	if err != nil {
		return nil, err
	}
	db := &DB{Reader: &Reader{dialect: d}, pools: pools}
	if err := db.start(ctx, o); err != nil {
		return nil, errors.Join(err, pools.close())
	}
	return db, nil
}

func (d *DB) start(ctx context.Context, o Options) error {
	if err := d.dialect.migrate(ctx, d.pools.migrate); err != nil {
		return err
	}
	if d.pools.migrate != d.pools.write {
		if err := d.pools.migrate.Close(); err != nil {
			return translate(err)
		}
	}
	var err error
	if d.writer, err = d.dialect.gorm(d.pools.write); err != nil {
		return err
	}
	if d.db, err = d.dialect.gorm(d.pools.read); err != nil {
		return err
	}
	publisher, err := d.dialect.gorm(d.pools.publish)
	if err != nil {
		return err
	}
	d.batch, err = startBatch(ctx, d.Reader, publisher, o)
	return err
}

// Close commits the messages that are waiting, refuses new ones and closes the
// connections.
func (d *DB) Close() error {
	d.batch.close()
	return translate(d.pools.close())
}

// Ping reports Unavailable when the database does not answer.
func (r *Reader) Ping(ctx context.Context) error {
	return r.read(ctx, func(db *gorm.DB) error { return db.Exec("SELECT 1").Error })
}

// read runs f, which only reads, and again when the database asks to, or when the
// connection was lost: after the server was away, those in the pool may be dead.
func (r *Reader) read(ctx context.Context, f func(db *gorm.DB) error) error {
	ctx, cancel := within(ctx, r.dialect.limit)
	defer cancel()
	for retry := newRetry(); ; {
		err := f(r.db.WithContext(ctx))
		again := classify(err) == conflicting || connectionLost(err)
		if !again || !retry.wait(ctx) {
			return translate(err)
		}
	}
}

// one returns the row that the query finds, or NotFound.
func one[T any](ctx context.Context, r *Reader, query func(db *gorm.DB) *gorm.DB) (*T, error) {
	var row T
	if err := r.read(ctx, func(db *gorm.DB) error { return query(db).Take(&row).Error }); err != nil {
		return nil, err
	}
	return &row, nil
}

// all returns the rows that the query finds.
func all[T any](ctx context.Context, r *Reader, query func(db *gorm.DB) *gorm.DB) ([]*T, error) {
	var rows []*T
	if err := r.read(ctx, func(db *gorm.DB) error { return query(db).Find(&rows).Error }); err != nil {
		return nil, err
	}
	return rows, nil
}

// gorm puts gorm on top of a pool or a connection.
func (d *dialect) gorm(pool gorm.ConnPool) (*gorm.DB, error) {
	db, err := gorm.Open(d.open(pool), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
		NowFunc:                model.Now,
	})
	return db, translate(err)
}
