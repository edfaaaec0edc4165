package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// patience is how long a database server of the tests may take for one
// administrative statement on a loaded machine.
const patience = 30 * time.Second

// postgres is the server that TEST_POSTGRES names, as a URL or in the form
// "host=… port=…". The word none says that there is no such server.
type postgres struct{}

func (postgres) location() string {
	if at := os.Getenv("TEST_POSTGRES"); at != "" {
		return at
	}
	return "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"
}

func (p postgres) reach() error {
	if p.location() == "none" {
		return errors.New("the tests on Postgres: TEST_POSTGRES is none")
	}
	if err := p.exec(p.location(), "SELECT 1"); err != nil {
		return fmt.Errorf("the tests on Postgres: none answers at %s, start one there or name yours in TEST_POSTGRES (%w)", p.location(), err)
	}
	return nil
}

func (p postgres) create(name, _ string) (string, error) {
	connection := p.location() + " dbname=" + name
	if at, ok := asURL(p.location()); ok {
		at.Path = "/" + name
		connection = at.String()
	}
	return connection, p.exec(p.location(), "CREATE DATABASE "+name)
}

func (p postgres) drop(name string) error {
	return p.exec(p.location(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func (postgres) exec(connection, statement string) error { return exec("pgx", connection, statement) }

func (postgres) address(connection string) string {
	at, err := pgx.ParseConfig(connection)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
}

func (postgres) through(connection, address string) string {
	if at, ok := asURL(connection); ok {
		at.Host = address
		return at.String()
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return connection
	}
	// Of a key that stands twice the last one counts.
	return connection + " host=" + host + " port=" + port
}

func asURL(connection string) (*url.URL, bool) {
	at, err := url.Parse(connection)
	return at, err == nil && strings.HasPrefix(at.Scheme, "postgres")
}

// exec runs one statement on a connection of its own.
func exec(driver, location, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := sql.Open(driver, location)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}
