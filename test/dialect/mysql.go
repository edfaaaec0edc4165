package dialect

import (
	"errors"
	"fmt"
	"os"

	sqldriver "github.com/go-sql-driver/mysql"
)

// mysql is the MySQL or MariaDB server that TEST_MYSQL names. The word none says
// that there is no such server.
type mysql struct{}

func (mysql) location() string {
	if at := os.Getenv("TEST_MYSQL"); at != "" {
		return at
	}
	return "root@tcp(127.0.0.1:3306)/"
}

func (m mysql) reach() error {
	if m.location() == "none" {
		return errors.New("the tests on MySQL: TEST_MYSQL is none")
	}
	if err := m.exec(m.location(), "SELECT 1"); err != nil {
		return fmt.Errorf("the tests on MySQL: none answers at %s, start one there or name yours in TEST_MYSQL (%w)", m.location(), err)
	}
	return nil
}

func (m mysql) create(name, _ string) (string, error) {
	at, err := sqldriver.ParseDSN(m.location())
	if err != nil {
		return "", err
	}
	at.DBName = name
	return at.FormatDSN(), m.exec(m.location(), "CREATE DATABASE "+name)
}

func (m mysql) drop(name string) error { return m.exec(m.location(), "DROP DATABASE IF EXISTS "+name) }

func (mysql) exec(connection, statement string) error { return exec("mysql", connection, statement) }

func (mysql) address(connection string) string {
	at, err := sqldriver.ParseDSN(connection)
	if err != nil {
		return ""
	}
	return at.Addr
}

func (mysql) through(connection, address string) string {
	at, err := sqldriver.ParseDSN(connection)
	if err != nil {
		return connection
	}
	at.Addr = address
	return at.FormatDSN()
}
