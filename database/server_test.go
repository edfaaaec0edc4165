package database_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Strings as people have them from Gotify's documentation, and worse.
func TestMySQLConnectionStrings(t *testing.T) {
	for _, parameters := range []string{
		"",
		"?charset=utf8&parseTime=True&loc=Local",
		"?charset=latin1&collation=latin1_german1_ci&interpolateParams=false&clientFoundRows=false&multiStatements=true&columnsWithAlias=true",
		"?sql_mode=%27NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT%27&maxAllowedPacket=4194304&time_zone=%27%2B05:00%27",
	} {
		t.Run(parameters, func(t *testing.T) {
			eachOf(t, "mysql", func(s *suite) {
				s = on(t, s.dialect, s.connection+parameters) // of the form root@tcp(host)/name
				u := s.user("🦊 \\ ' \" %")
				a := s.application(u)
				m := s.message(a)
				require.Equal(t, []*model.Message{stored(m)}, s.history(a))
				found, err := s.UserByName(s.ctx, u.Name)
				require.NoError(t, err)
				require.Equal(t, u, found)
				requireKind(t, model.Conflict, s.CreateUser(s.ctx, &model.User{Name: u.Name}))
			})
		})
	}
}

// As those need who have PgBouncer in between, and settings of their own.
func TestPostgresConnectionStrings(t *testing.T) {
	for _, parameters := range [][]string{
		{"default_query_exec_mode=simple_protocol"}, {"default_query_exec_mode=exec"}, {"default_query_exec_mode=cache_describe"},
		{"statement_timeout=5000", "lock_timeout=4000", "application_name=mine", "timezone=Asia/Kathmandu"},
	} {
		t.Run(strings.Join(parameters, " "), func(t *testing.T) {
			eachOf(t, "postgres", func(s *suite) {
				connection := s.connection
				for _, parameter := range parameters {
					connection = with(s.dialect, connection, parameter)
				}
				s = on(t, s.dialect, connection)
				u := s.user("🦊 \\ ' \" %")
				a := s.application(u)
				m := s.message(a)
				require.Equal(t, []*model.Message{stored(m)}, s.history(a))
				found, err := s.ApplicationByTokenHash(s.ctx, a.TokenHash)
				require.NoError(t, err)
				require.Equal(t, a, found)
				if len(parameters) > 1 {
					require.Equal(t, "5s", s.Setting("current_setting('statement_timeout')"))
				}
			})
		})
	}
}

func TestAPostgresDatabaseOfAnotherEncodingIsRefused(t *testing.T) {
	eachOf(t, "postgres", func(s *suite) {
		other := "carillon_test_" + strings.ToLower(rand.Text()[:12])
		s.exec("CREATE DATABASE " + other + " ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
		s.Cleanup(func() { // the suite's own context has ended by then
			_, err := s.raw().ExecContext(context.Background(), "DROP DATABASE "+other+" WITH (FORCE)")
			require.NoError(t, err)
		})
		c, err := pgx.ParseConfig(s.connection)
		require.NoError(t, err)
		_, err = database.Open(s.ctx, database.Options{Dialect: s.dialect.Name, Connection: strings.Replace(s.connection, c.Database, other, 1)})
		requireKind(t, model.Invalid, err)
		require.ErrorContains(t, err, "LATIN1")
	})
}
