package dialect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
)

func TestFreshDatabasesDiffer(t *testing.T) {
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		name, one := d.Fresh(t)
		_, two := d.Fresh(t)
		require.Equal(t, d.Name, name)
		require.NotEqual(t, one, two)
	})
}

func TestThroughReplacesTheAddressOnly(t *testing.T) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		_, connection := d.Fresh(t)
		moved := d.Through(connection, "127.0.0.1:9")
		require.Equal(t, "127.0.0.1:9", d.Address(moved))
		require.Equal(t, d.Address(connection), d.Address(d.Through(moved, d.Address(connection))))
	})
}
