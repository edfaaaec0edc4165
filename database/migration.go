package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/carillon-push/carillon/model"
	"github.com/go-gormigrate/gormigrate/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// migrations lists every step the schema took, oldest first. A step that was
// released is never edited: later changes are appended. Its structs are frozen
// copies of that day, so that a change of package model changes no history.
func (d *dialect) migrations() []*gormigrate.Migration {
	return []*gormigrate.Migration{
		{ID: "0001-core", Migrate: d.createCore},
		{ID: "0002-topics", Migrate: d.addTopics},
	}
}

// migrate brings the schema up to date, on one connection of the pool. Nodes
// that start at the same time do so one after the other. It refuses a database
// that a newer Carillon wrote.
func (d *dialect) migrate(ctx context.Context, pool *sql.DB) error {
	for until := time.Now().Add(migrationTimeout); ; {
		err := d.migrateOnce(ctx, pool)
		if classify(err) != conflicting {
			return translate(err)
		}
		// Another node's migration may hold an SQLite file for longer than the busy
		// timeout, and switching it to WAL is refused without any wait.
		if ctx.Err() != nil || time.Now().After(until) {
			return model.Errorf(model.Unavailable, "another node has been migrating the database for over a minute").Because(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (d *dialect) migrateOnce(ctx context.Context, pool *sql.DB) error {
	// A lock belongs to a connection, and it and the migration live and die together.
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := d.lockOut(ctx, conn); err != nil {
		return err
	}
	db, err := d.gorm(conn)
	if err != nil {
		return err
	}
	db = db.WithContext(ctx)
	if d.inspect != nil {
		tableOptions, err := d.inspect(ctx, conn)
		if err != nil {
			return err
		}
		db = db.Set("gorm:table_options", tableOptions)
	}
	err = gormigrate.New(db, &gormigrate.Options{
		TableName: "migrations", IDColumnName: "id", IDColumnSize: 190,
		UseTransaction: true, ValidateUnknownMigrations: true,
	}, d.migrations()).Migrate()
	if errors.Is(err, gormigrate.ErrUnknownPastMigration) {
		return model.Errorf(model.Conflict, "the database was written by a newer version of Carillon; "+
			"start that version, or restore the backup made before the upgrade")
	}
	if err != nil {
		return fmt.Errorf("migrating the database: %w", err)
	}
	return nil
}

// lockOut makes other nodes wait until the connection is closed.
func (d *dialect) lockOut(ctx context.Context, conn *sql.Conn) error {
	if d.lock == "" {
		return nil
	}
	var taken sql.NullInt64
	if err := conn.QueryRowContext(ctx, d.lock).Scan(&taken); err != nil {
		return err
	}
	if taken.Int64 != 1 {
		return model.Errorf(model.Unavailable, "another node has been migrating the database for over a minute")
	}
	return nil
}

// createCore is the first schema. Text columns have no size, which makes them
// unlimited on SQLite and Postgres and LONGTEXT on MySQL; names are sized so
// that they can be indexed there. Times are microseconds (see micros).
func (d *dialect) createCore(tx *gorm.DB) error {
	type user struct {
		ID        int64
		Name      string `gorm:"size:180;not null;uniqueIndex"`
		Password  string `gorm:"size:255;not null"`
		Admin     bool   `gorm:"not null"`
		CreatedAt int64  `gorm:"not null;autoCreateTime:false"`
	}
	type client struct {
		ID                            int64
		UserID                        int64  `gorm:"not null;index"`
		User                          *user  `gorm:"constraint:OnDelete:CASCADE"`
		TokenHash                     []byte `gorm:"size:32;not null;uniqueIndex"`
		Name                          string `gorm:"size:180;not null"`
		Session                       bool   `gorm:"not null"`
		CreatedAt                     int64  `gorm:"not null;autoCreateTime:false"`
		LastUsed                      *int64
		ElevatedUntil                 *int64
		ExpiresAfterInactivitySeconds int64 `gorm:"not null"`
	}
	type application struct {
		ID              int64
		UserID          int64  `gorm:"not null;uniqueIndex:idx_applications_sort,priority:1"`
		User            *user  `gorm:"constraint:OnDelete:CASCADE"`
		TokenHash       []byte `gorm:"size:32;not null;uniqueIndex"`
		TokenSealed     []byte `gorm:"size:255;not null"`
		Name            string `gorm:"size:180;not null"`
		Description     string `gorm:"not null"`
		Internal        bool   `gorm:"not null"`
		DefaultPriority int    `gorm:"not null"`
		Image           string `gorm:"size:64;not null"`
		SortKey         string `gorm:"size:180;not null;uniqueIndex:idx_applications_sort,priority:2"`
		CreatedAt       int64  `gorm:"not null;autoCreateTime:false"`
		LastUsed        *int64
	}
	type image struct {
		ApplicationID int64        `gorm:"primaryKey;autoIncrement:false"`
		Application   *application `gorm:"constraint:OnDelete:CASCADE"`
		Name          string       `gorm:"size:64;not null;uniqueIndex"`
		Data          []byte       `gorm:"not null"`
	}
	type message struct {
		ID                int64        `gorm:"primaryKey;autoIncrement:false;index:idx_messages_page,priority:2"`
		MessageKey        string       `gorm:"size:12;not null;uniqueIndex"`
		ApplicationID     int64        `gorm:"not null;index:idx_messages_page,priority:1"`
		Application       *application `gorm:"constraint:OnDelete:CASCADE"`
		Title             string       `gorm:"not null"`
		TitleDefaulted    bool         `gorm:"not null"`
		Message           string       `gorm:"not null"`
		Priority          int          `gorm:"not null"`
		PriorityDefaulted bool         `gorm:"not null"`
		Extras            string       `gorm:"not null"`
		Date              int64        `gorm:"not null"`
	}
	type counter struct {
		Name  string `gorm:"primaryKey;size:64"`
		Value int64  `gorm:"not null"`
	}
	for _, table := range []any{&user{}, &client{}, &application{}, &image{}, &message{}, &counter{}} {
		// On MySQL a table stays when the rest of the migration fails.
		if tx.Migrator().HasTable(table) {
			continue
		}
		if err := tx.Migrator().CreateTable(table); err != nil {
			return err
		}
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create([]*counter{{Name: messageCounter}, {Name: revisionCounter}}).Error
}
