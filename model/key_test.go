package model

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKeysIncrease(t *testing.T) {
	k := NewKeys()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	last := ""
	next := func(at time.Time) string {
		key := k.Next(at)
		require.Regexp(t, `^[0-9A-Za-z]{12}$`, key)
		require.Greater(t, key, last)
		last = key
		return key
	}
	for range 1000 {
		next(now)
	}
	for i := range 1000 {
		next(now.Add(time.Duration(i) * time.Millisecond))
	}
	next(now.Add(-time.Hour))
	next(now)
	at, ok := KeyTime(next(now.Add(time.Hour)))
	require.True(t, ok)
	require.Equal(t, now.Add(time.Hour), at)
}

func TestKeysAfterAStepBackKeepTheirTime(t *testing.T) {
	k := NewKeys()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k.Next(now)
	at, ok := KeyTime(k.Next(now.Add(-24 * time.Hour)))
	require.True(t, ok)
	require.WithinDuration(t, now, at, time.Millisecond)
}

func TestKeysBorrowTheNextMillisecond(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k := &Keys{time: uint64(now.UnixMilli()), tail: keyTailMax - 1}
	last := k.Next(now)
	at, _ := KeyTime(last)
	require.Equal(t, now, at)
	borrowed := k.Next(now)
	require.Greater(t, borrowed, last)
	at, ok := KeyTime(borrowed)
	require.True(t, ok)
	require.Equal(t, now.Add(time.Millisecond), at)
	require.Greater(t, k.Next(now.Add(time.Millisecond)), borrowed)
}

func TestKeysAreRandomInEveryMillisecond(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen := map[uint64]bool{}
	for range 100 {
		k := NewKeys()
		k.Next(now)
		seen[k.tail] = true
	}
	require.Greater(t, len(seen), 90)
}

func TestKeysConcurrent(t *testing.T) {
	const callers, each = 8, 2000
	k := NewKeys()
	lists := make([][]string, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for range each {
				lists[i] = append(lists[i], k.Next(time.Now()))
			}
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, list := range lists {
		require.True(t, slices.IsSorted(list), "each caller sees its own keys increase")
		for _, key := range list {
			seen[key] = true
		}
	}
	require.Len(t, seen, callers*each)
}

func TestKeysAtTheEndsOfTime(t *testing.T) {
	for _, c := range []struct{ now, at time.Time }{
		{time.Time{}, time.UnixMilli(0)},
		{time.UnixMilli(-1), time.UnixMilli(0)},
		{time.UnixMilli(keyTimeMax), time.UnixMilli(keyTimeMax)},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.UnixMilli(keyTimeMax)},
	} {
		key := NewKeys().Next(c.now)
		require.Len(t, key, KeyLength)
		at, ok := KeyTime(key)
		require.True(t, ok)
		require.Equal(t, c.at.UTC(), at)
	}
}

func TestKeyTimeRefuses(t *testing.T) {
	key := NewKeys().Next(Now())
	for _, other := range []string{"", "0", key[1:], key + "0", key[:11] + "-", " " + key[1:], key[:5] + "é" + key[7:], "zzzzzzzzzzzz", "000000/00000"} {
		_, ok := KeyTime(other)
		require.False(t, ok, other)
	}
	// The first number beyond 71 bits, and the last one within.
	require.Equal(t, "jNHIIMGjEEj1", formatKey(keyTimeMax, keyTailMax))
	_, ok := KeyTime("jNHIIMGjEEj1")
	require.True(t, ok)
	_, ok = KeyTime("jNHIIMGjEEj2")
	require.False(t, ok)
}

func TestKeyOrderIsNumberOrder(t *testing.T) {
	require.True(t, slices.IsSorted([]byte(keyAlphabet)))
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Uint64Range(0, keyTimeMax)
		tail := rapid.Uint64Range(0, keyTailMax)
		ms1, tail1 := ms.Draw(t, "ms1"), tail.Draw(t, "tail1")
		ms2, tail2 := ms.Draw(t, "ms2"), tail.Draw(t, "tail2")
		less := ms1 < ms2 || ms1 == ms2 && tail1 < tail2
		require.Equal(t, less, formatKey(ms1, tail1) < formatKey(ms2, tail2))
		at, ok := KeyTime(formatKey(ms1, tail1))
		require.True(t, ok)
		require.Equal(t, int64(ms1), at.UnixMilli())
	})
}

func FuzzKeyTime(f *testing.F) {
	f.Add("Ilw0000000zz")
	f.Add("zzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, key string) {
		at, ok := KeyTime(key)
		if ok {
			require.Len(t, key, KeyLength)
			require.True(t, at.UnixMilli() >= 0 && at.UnixMilli() <= keyTimeMax)
		}
	})
}
