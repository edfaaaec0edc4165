package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/carillon-push/carillon/model"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"
)

// retryAfter is what a caller is asked to wait while the database is away.
const retryAfter = 5 * time.Second

// failure is what a database error means to us.
type failure uint8

const (
	other       failure = iota
	duplicate           // a unique value exists already
	orphan              // a foreign key points to nothing
	invalid             // a value that this database cannot keep
	tooLarge            // a value, or a statement, above a limit of the server
	conflicting         // the transaction lost against another one: try again
	unavailable         // the database is away, full, read-only or overloaded
)

// passing reports whether the same transaction may succeed later.
func (f failure) passing() bool { return f == conflicting || f == unavailable }

// translate turns a driver's or gorm's error into a model error. Errors that
// are model errors already pass unchanged.
func translate(err error) error {
	var known *model.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return model.Errorf(model.NotFound, "not found")
	}
	switch classify(err) {
	case duplicate:
		return model.Errorf(model.Conflict, "it exists already").Because(err)
	case orphan:
		return model.Errorf(model.NotFound, "what it belongs to does not exist").Because(err)
	case invalid:
		return model.Errorf(model.Invalid, "a value cannot be stored").Because(err)
	case tooLarge:
		return model.Errorf(model.TooLarge, "it is larger than the database accepts").Because(err)
	case conflicting, unavailable:
		return model.Errorf(model.Unavailable, "the database is not available, try again later").
			Because(err).After(retryAfter)
	default:
		return model.Errorf(model.Internal, "the database reported an error").Because(err)
	}
}

func classify(err error) failure {
	var lite sqlite3.Error
	var my *mysql.MySQLError
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return classifySQLite(lite)
	case errors.As(err, &my):
		return classifyMySQL(my)
	case errors.As(err, &pg):
		return classifyPostgres(pg)
	case errors.Is(err, mysql.ErrPktTooLarge):
		return tooLarge
	case connectionLost(err), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable
	}
	return other
}

// connectionLost reports whether err says that the connection is gone or could
// not be made, so that another one may do better.
func connectionLost(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return hungUp(pg.Code)
	case errors.As(err, &my):
		return my.Number == 1053 || my.Number == 1927 // shutdown, connection killed
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		pgconn.SafeToRetry(err), errors.As(err, &connect):
		return true
	case errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return errors.As(err, &network)
}
