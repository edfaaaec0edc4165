package database

import (
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/carillon-push/carillon/model"
	"github.com/mattn/go-sqlite3"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func sqliteDialect() *dialect {
	return &dialect{
		name:    DialectSQLite,
		connect: connectSQLite,
		open: func(pool gorm.ConnPool) gorm.Dialector {
			return gormsqlite.New(gormsqlite.Config{Conn: pool})
		},
		reserve: reserveReturning,
		insert:  insertRows,
		entries: entriesOfArms("INDEXED BY idx_messages_page"),
		fetch:   fetchByJoin,
		// SQLite allows 500 terms in a compound SELECT.
		applicationsPerPage: 200,
	}
}

// connectSQLite opens one connection that writes, with transactions that take
// the write lock at once, and a pool that only reads. Settings stand in the
// connection string, because a PRAGMA sent through a pool reaches one connection
// only and may stay open as a prepared statement.
func connectSQLite(connection string, _ int) (*pools, error) {
	path, parameters, err := splitSQLite(connection)
	if err != nil {
		return nil, err
	}
	if err := createPrivately(path); err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	for key, value := range map[string]string{
		"_journal_mode": "WAL", "_synchronous": "FULL", "_foreign_keys": "on", "_busy_timeout": "5000",
		"_cache_size": "-16000", "_stmt_cache_size": "64",
	} {
		parameters.Set(key, value)
	}
	open := func(key, value string, connections int) (*sql.DB, error) {
		parameters.Set(key, value)
		defer parameters.Del(key)
		pool, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+parameters.Encode())
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(connections)
		pool.SetMaxIdleConns(connections)
		return pool, nil
	}
	write, err := open("_txlock", "immediate", 1)
	if err != nil {
		return nil, translate(err)
	}
	read, err := open("_query_only", "true", max(4, 2*runtime.NumCPU()))
	if err != nil {
		return nil, translate(errors.Join(err, write.Close()))
	}
	return &pools{read: read, write: write, publish: write, migrate: write}, nil
}

// splitSQLite returns the file that the connection string names, and those of
// its parameters that are not the server's own business: durability, locking and
// sharing are not for choice.
func splitSQLite(connection string) (path string, parameters url.Values, err error) {
	path, query, _ := strings.Cut(connection, "?")
	if rest, isURI := strings.CutPrefix(path, "file:"); isURI {
		if path, err = url.PathUnescape(rest); err != nil {
			return "", nil, model.Errorf(model.Invalid, "database.connection: %v", err)
		}
	}
	parameters, err = url.ParseQuery(query)
	if err != nil {
		return "", nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	if path == "" || path == ":memory:" || parameters.Get("mode") == "memory" {
		return "", nil, model.Errorf(model.Invalid, "database.connection: an SQLite database must be a file")
	}
	for key := range parameters {
		if key == "cache" || strings.HasPrefix(key, "_") {
			parameters.Del(key)
		}
	}
	return path, parameters, nil
}

// createPrivately makes the database file, and its folder, readable by the
// server's user only. What exists keeps its mode.
func createPrivately(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// classifySQLite follows SQLite's "Result and Error Codes".
func classifySQLite(err sqlite3.Error) failure {
	switch err.ExtendedCode {
	case sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey:
		return duplicate
	case sqlite3.ErrConstraintForeignKey:
		return orphan
	}
	switch err.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrProtocol:
		return conflicting
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrReadonly, sqlite3.ErrNomem, sqlite3.ErrInterrupt:
		return unavailable
	case sqlite3.ErrTooBig:
		return tooLarge
	}
	return other
}
