package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-push/carillon/model"
	"github.com/go-sql-driver/mysql"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/gorm"
)

func mysqlDialect() *dialect {
	return &dialect{
		name:    DialectMySQL,
		connect: connectMySQL,
		open: func(pool gorm.ConnPool) gorm.Dialector {
			return gormmysql.New(gormmysql.Config{Conn: pool})
		},
		inspect: inspectMySQL,
		// The name of the lock is one for the whole server, so it names the database.
		lock:    "SELECT GET_LOCK(CONCAT('carillon ', MD5(DATABASE())), " + strconv.Itoa(int(migrationTimeout/time.Second)) + ")",
		reserve: reserveLastInsertID,
		insert:  insertRows,
		// Unforced, the optimizer walks all newer messages of the application
		// to reach a page that is far back.
		entries:             entriesOfArms("FORCE INDEX (idx_messages_page)"),
		fetch:               fetchByJoin,
		applicationsPerPage: 200,
		limit:               statementTimeout,
		commit:              lockTimeout,
	}
}

func connectMySQL(connection string, maxConnections int) (*pools, error) {
	c, err := mysql.ParseDSN(connection)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	if c.DBName == "" {
		return nil, model.Errorf(model.Invalid, "database.connection: it names no database")
	}
	if err := configureMySQL(c); err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	patient := c.Clone()
	patient.ReadTimeout, patient.WriteTimeout = 0, 0
	patient.Params["innodb_lock_wait_timeout"] = strconv.Itoa(int(migrationTimeout / time.Second))

	all, err := mysql.NewConnector(c)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	migrate, err := mysql.NewConnector(patient)
	if err != nil {
		return nil, model.Errorf(model.Invalid, "database.connection: %v", err)
	}
	// The server ends connections that are idle for idleTimeout.
	const idle = idleTimeout * 2 / 3
	shared := bounded(sql.OpenDB(all), max(1, maxConnections-1), idle)
	return &pools{
		read: shared, write: shared,
		publish: bounded(sql.OpenDB(all), 1, idle),
		migrate: bounded(sql.OpenDB(migrate), 1, idle),
	}, nil
}

// configureMySQL sets what is not for choice: statements rely on it.
func configureMySQL(c *mysql.Config) error {
	// Whatever charset the string asks for (Gotify's documentation says utf8,
	// which has no 4-byte characters), text travels as utf8mb4.
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return err
	}
	c.ParseTime, c.Loc = false, time.UTC
	c.ClientFoundRows = true   // a change that changes nothing has found its row
	c.InterpolateParams = true // one round trip for a statement instead of three
	c.MultiStatements = false
	c.ColumnsWithAlias = false
	c.RejectReadOnly = true // after a failover, leave the server that became a replica
	if c.MaxAllowedPacket == mysql.NewConfig().MaxAllowedPacket {
		c.MaxAllowedPacket = 0 // ask the server: what it refuses, it answers by hanging up
	}
	c.Timeout = orElse(c.Timeout, connectTimeout)
	c.ReadTimeout = orElse(c.ReadTimeout, statementTimeout)
	c.WriteTimeout = orElse(c.WriteTimeout, statementTimeout)
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
	c.Params["innodb_lock_wait_timeout"] = strconv.Itoa(int(lockTimeout / time.Second))
	// MySQL has no limit for idle transactions alone.
	c.Params["wait_timeout"] = strconv.Itoa(int(idleTimeout / time.Second))
	c.Logger = silence{}
	return nil
}

// inspectMySQL looks for a collation that tells everything apart, as the other
// dialects do: upper and lower case, all 4-byte characters, and, unlike
// utf8mb4_bin, spaces at the end. MySQL 8.0.17 and MariaDB 10.2 have one each.
func inspectMySQL(ctx context.Context, conn *sql.Conn) (tableOptions string, err error) {
	var collation string
	err = conn.QueryRowContext(ctx, "SELECT collation_name FROM information_schema.collations "+
		"WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin') ORDER BY collation_name DESC LIMIT 1").Scan(&collation)
	if errors.Is(err, sql.ErrNoRows) {
		return "", model.Errorf(model.Invalid, "the database server is too old: Carillon needs MySQL 8.0.17, MariaDB 10.2 or newer")
	}
	return fmt.Sprintf("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=%s ROW_FORMAT=DYNAMIC", collation), translate(err)
}

// reserveLastInsertID lets MySQL carry the new value home in the answer to the
// update (MySQL manual, LAST_INSERT_ID(expr)).
func reserveLastInsertID(ctx context.Context, tx gorm.ConnPool, counter string, n int) (int64, error) {
	result, err := tx.ExecContext(ctx, "UPDATE counters SET value = LAST_INSERT_ID(value + ?) WHERE name = ?", n, counter)
	if err != nil {
		return 0, err
	}
	if found, err := result.RowsAffected(); err != nil || found == 0 {
		return 0, errors.Join(sql.ErrNoRows, err)
	}
	return result.LastInsertId()
}

// classifyMySQL follows the server error references of MySQL and MariaDB.
func classifyMySQL(err *mysql.MySQLError) failure {
	switch err.Number {
	case 1022, 1062, 1586: // duplicate key
		return duplicate
	case 1216, 1452: // a foreign key's parent row is missing
		return orphan
	case 1020, // the record changed since the snapshot
		1205, 1213, // lock wait timeout, deadlock
		1412, 1615: // the table was altered meanwhile
		return conflicting
	case 1264, 1366, 1406: // out of range, not in the character set, too long
		return invalid
	case 1153: // larger than max_allowed_packet
		return tooLarge
	case 1105: // "unknown error": sent in pieces, it was larger than max_allowed_packet
		if strings.Contains(err.Message, "max_allowed_packet") {
			return tooLarge
		}
	case 1021, 1026, 1030, 1114, // disk full, write error, storage engine error, table full
		1037, 1038, 1041, // out of memory
		1040, 1203, 1226, // too many connections
		1047,                               // a Galera node that is not ready
		1053, 1077, 1079, 1152, 1317, 1927, // shutdown, killed
		1158, 1159, 1160, 1161, // network
		1180,             // error during the commit
		1290, 1792, 1836, // read-only
		1969, 3024: // statement timeout
		return unavailable
	}
	return other
}

// silence quiets the MySQL driver, which prints what it also returns.
type silence struct{}

// Print implements mysql.Logger.
func (silence) Print(...any) {}
