// Package dialect gives every test a fresh, empty database on each of the
// databases Carillon supports: SQLite, Postgres and MySQL (or MariaDB).
//
// It knows where the database servers of the tests are (TEST_POSTGRES and
// TEST_MYSQL), creates a database with a random name and drops it again. It
// knows nothing of Carillon itself, so that unit tests and black-box tests can
// both use it.
//
// A database that cannot be reached is never passed over in silence: with CI
// set the test fails, otherwise it is skipped and one line that starts with
// "NOT RUN:" goes to stderr and to the file named by TEST_NOT_RUN. A dialect
// that TEST_DIALECTS leaves out was left out on purpose and is not mentioned.
package dialect

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Dialect is one kind of database.
type Dialect struct {
	// Name is the value of the setting database.dialect: sqlite3, postgres or mysql.
	Name string
	// Remote says that the database is a server reached by TCP.
	Remote bool

	driver driver
}

// driver is what differs between the dialects.
type driver interface {
	// create makes an empty database and returns its connection string.
	create(name, dir string) (string, error)
	drop(name string) error
	// exec runs a statement on the database that the connection string names.
	exec(connection, statement string) error
	// address returns the host:port that the connection string names.
	address(connection string) string
	// through returns the connection string with another host:port.
	through(connection, address string) string
}

// All returns the dialects the tests run on: all three, or those that
// TEST_DIALECTS names (separated by commas).
func All() []Dialect {
	all := []Dialect{
		{Name: "sqlite3", driver: sqlite{}},
		{Name: "postgres", Remote: true, driver: postgres{}},
		{Name: "mysql", Remote: true, driver: mysql{}},
	}
	chosen := os.Getenv("TEST_DIALECTS")
	if chosen == "" {
		return all
	}
	names := strings.Split(chosen, ",")
	return slices.DeleteFunc(all, func(d Dialect) bool { return !slices.Contains(names, d.Name) })
}

// Each runs f as a sub-test for every dialect.
func Each(t *testing.T, f func(t *testing.T, d Dialect)) {
	t.Helper()
	for _, d := range All() {
		t.Run(d.Name, func(t *testing.T) {
			d.Need(t)
			f(t, d)
		})
	}
}

// Remote runs f as a sub-test for every dialect whose database is a server.
func Remote(t *testing.T, f func(t *testing.T, d Dialect)) {
	t.Helper()
	for _, d := range All() {
		if d.Remote {
			t.Run(d.Name, func(t *testing.T) {
				d.Need(t)
				f(t, d)
			})
		}
	}
}

// Need skips the test when the dialect's server cannot be reached, and fails it
// when CI is set.
func (d Dialect) Need(t testing.TB) {
	t.Helper()
	if err := reachable[d.Name](); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("NOT RUN: %v", err)
		}
		t.Skipf("NOT RUN: %v", err)
	}
}

// reachable asks each server once per test process, and says once when it does
// not answer.
var reachable = map[string]func() error{
	"sqlite3":  func() error { return nil },
	"postgres": sync.OnceValue(func() error { return reported(postgres{}.reach()) }),
	"mysql":    sync.OnceValue(func() error { return reported(mysql{}.reach()) }),
}

// Fresh creates an empty database that is dropped when the test ends. It
// returns the values of the settings database.dialect and database.connection.
func (d Dialect) Fresh(t testing.TB) (name, connection string) {
	t.Helper()
	d.Need(t)
	connection, drop, err := d.Create(t.TempDir())
	if err != nil {
		t.Fatalf("create a database on %s: %v", d.Name, err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Errorf("drop the database on %s: %v", d.Name, err)
		}
	})
	return d.Name, connection
}

// Create makes an empty database, for callers whose database outlives one test.
// A file database is put into dir. drop removes it.
func (d Dialect) Create(dir string) (connection string, drop func() error, err error) {
	name := "carillon_test_" + strings.ToLower(rand.Text()[:12])
	connection, err = d.driver.create(name, dir)
	if err != nil {
		return "", nil, err
	}
	return connection, func() error { return d.driver.drop(name) }, nil
}

// Exec runs a statement on the database that the connection string names. Only
// servers can do that here.
func (d Dialect) Exec(t testing.TB, connection, statement string) {
	t.Helper()
	if err := d.driver.exec(connection, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Address returns the host:port of the server that the connection string names,
// "" for SQLite.
func (d Dialect) Address(connection string) string { return d.driver.address(connection) }

// Through returns the connection string with another host:port, so that a test
// can put a proxy of its own in between.
func (d Dialect) Through(connection, address string) string {
	return d.driver.through(connection, address)
}

// sqlite is a file in a folder of the test.
type sqlite struct{}

func (sqlite) create(name, dir string) (string, error) {
	return filepath.Join(dir, name+".db"), nil
}

func (sqlite) drop(string) error { return nil } // goes with the test's folder

func (sqlite) exec(string, string) error { return errors.New("not for SQLite") }

func (sqlite) address(string) string { return "" }

func (sqlite) through(connection, _ string) string { return connection }
