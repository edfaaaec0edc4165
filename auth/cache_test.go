package auth

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCacheRemembersAndForgets(t *testing.T) {
	c := newCache[string, int]()
	loads := 0
	get := func(key string) int {
		t.Helper()
		v, err := c.get(key, func() (int, error) { loads++; return loads, nil })
		require.NoError(t, err)
		return v
	}
	require.Equal(t, 1, get("a"))
	require.Equal(t, 2, get("b"))
	require.Equal(t, 1, get("a"))
	c.forget(func(v int) bool { return v == 1 })
	require.Equal(t, 2, get("b"), "what does not match stays")
	require.Equal(t, 3, get("a"))
	c.drop("b")
	require.Equal(t, 4, get("b"))
}

func TestCacheKeepsNoErrors(t *testing.T) {
	c := newCache[string, int]()
	_, err := c.get("a", func() (int, error) { return 0, errors.New("away") })
	require.Error(t, err)
	v, err := c.get("a", func() (int, error) { return 7, nil })
	require.NoError(t, err)
	require.Equal(t, 7, v)
}

func TestLookUpThatOverlapsAChangeIsNotCached(t *testing.T) {
	c := newCache[string, int]()
	v, err := c.get("a", func() (int, error) {
		c.forget(func(int) bool { return true }) // what was just read has changed
		return 1, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, v)
	v, err = c.get("a", func() (int, error) { return 2, nil })
	require.NoError(t, err)
	require.Equal(t, 2, v, "the old value was kept")
}

// Whoever looks after a change has been forgotten never sees what was before.
func TestCacheNeverGoesBack(t *testing.T) {
	c := newCache[string, int64]()
	var truth, settled atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := settled.Load()
				v, _ := c.get("a", func() (int64, error) { return truth.Load(), nil })
				if v < least {
					t.Errorf("got %d after %d", v, least)
					return
				}
			}
		})
	}
	for range 2000 {
		n := truth.Add(1)
		c.forget(func(int64) bool { return true })
		settled.Store(n)
	}
	close(stop)
	readers.Wait()
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int, int]()
	for i := range cacheSize + 100 {
		_, err := c.get(i, func() (int, error) { return i, nil })
		require.NoError(t, err)
	}
	require.Equal(t, cacheSize, c.values.Len())
}
