package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/carillon-push/carillon/model"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestErrorsMeanTheSameOnEveryDatabase(t *testing.T) {
	my := func(number uint16) error { return &mysql.MySQLError{Number: number} }
	pg := func(code string) error { return &pgconn.PgError{Code: code} }
	for kind, errs := range map[model.Kind][]error{
		model.NotFound: {
			gorm.ErrRecordNotFound,
			sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintForeignKey}, my(1452), pg("23503"),
		},
		model.Conflict: {
			sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintUnique},
			sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintPrimaryKey}, my(1062), pg("23505"),
			model.Errorf(model.Conflict, "known already"),
		},
		model.Invalid:  {my(1406), my(1366), pg("22001"), pg("22021")},
		model.TooLarge: {sqlite3.Error{Code: sqlite3.ErrTooBig}, my(1153), mysql.ErrPktTooLarge, pg("54000")},
		model.Unavailable: {
			sqlite3.Error{Code: sqlite3.ErrBusy}, my(1205), my(1213), pg("40001"), pg("40P01"), pg("55P03"), // lost against others
			&pgconn.PgError{Code: "0A000", Routine: "RevalidateCachedQuery"},
			sqlite3.Error{Code: sqlite3.ErrFull}, my(1021), my(1114), my(1030), pg("53100"), // full
			sqlite3.Error{Code: sqlite3.ErrIoErr}, pg("58030"),
			my(1040), my(1203), pg("53300"), // too many connections
			my(1053), my(1927), pg("57P01"), pg("57P02"), pg("57P03"), pg("25P03"), // going away
			sqlite3.Error{Code: sqlite3.ErrReadonly}, my(1290), my(1836), pg("25006"), // read-only
			my(1969), my(3024), pg("57014"), context.DeadlineExceeded, context.Canceled,
			driver.ErrBadConn, sql.ErrConnDone, mysql.ErrInvalidConn, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
			os.ErrDeadlineExceeded, pg("08006"), &pgconn.ConnectError{},
			&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH},
			&net.DNSError{IsNotFound: true},
		},
		model.Internal: {
			errors.New("unknown"), sqlite3.Error{Code: sqlite3.ErrCorrupt}, my(1064), my(1105), pg("42601"), pg("XX000"), pg("2"), pg("0A000"),
			sqlite3.Error{Code: sqlite3.ErrConstraint, ExtendedCode: sqlite3.ErrConstraintNotNull}, my(1048), pg("23502"),
		},
	} {
		for _, err := range errs {
			translated := translate(fmt.Errorf("wrapped: %w", err))
			require.Equal(t, kind, model.KindOf(translated), "%T %v", err, err)
			if !errors.Is(err, gorm.ErrRecordNotFound) { // says nothing more for the log
				require.ErrorIs(t, translated, err)
			}
			var known *model.Error
			require.ErrorAs(t, translated, &known)
			require.NotContains(t, known.Message, "wrapped", "details are not for the caller")
			require.Equal(t, kind == model.Unavailable, known.RetryAfter > 0)
		}
	}
	require.NoError(t, translate(nil))
}

func TestLostConnections(t *testing.T) {
	for _, err := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, io.ErrUnexpectedEOF, &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		&pgconn.PgError{Code: "57P01"}, &mysql.MySQLError{Number: 1927}, os.ErrDeadlineExceeded, &pgconn.ConnectError{},
	} {
		require.True(t, connectionLost(fmt.Errorf("wrapped: %w", err)), "%v", err)
	}
	for _, err := range []error{
		nil, context.DeadlineExceeded, context.Canceled, &pgconn.PgError{Code: "57014"}, &mysql.MySQLError{Number: 1213},
		gorm.ErrRecordNotFound, sqlite3.Error{Code: sqlite3.ErrBusy}, errors.New("unknown"),
	} {
		require.False(t, connectionLost(err), "%v", err)
	}
}
