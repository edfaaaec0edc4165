package broker

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carillon-push/carillon/model"
)

func TestSortKeyAfter(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"", "a0"}, {"a0", "a1"}, {"a9", "aA"}, {"aZ", "aa"}, {"az", "b00"}, {"b0z", "b10"}, {"bzz", "c000"},
		{"Zz", "a0"}, {"Z0", "Z1"}, {"Yzz", "Z0"}, {"Xzzz", "Y00"}, {"A" + strings.Repeat("0", 26), "A" + strings.Repeat("0", 25) + "1"},
		{"a0V", "a1"}, {"a0zzzz", "a1"}, {"a5 a3 b00 Zz", "b01"},
		// What is no key is passed over.
		{"~~~", "a0"}, {"b", "a0"}, {"a0 ~~~ b z zz", "a1"}, {"a0 é 😀 a-1 aé", "a1"},
		{"z" + strings.Repeat("z", 26), "z" + strings.Repeat("z", 26) + "V"},
		{"z" + strings.Repeat("z", 26) + "x", "z" + strings.Repeat("z", 26) + "xV"},
		// Where there is no room behind, any free place will do.
		{strings.Repeat("z", model.MaxNameLength) + " a0 a1", "a2"},
	} {
		require.Equal(t, c.want, sortKeyAfter(strings.Fields(c.keys)), c.keys)
	}
}

// wellFormed draws a fractional index: an integer and perhaps a fraction.
func wellFormed() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		head := rapid.SampledFrom([]byte("ABMXYZabmxyz")).Draw(t, "head")
		length := int(head-'a') + 1
		if head < 'a' {
			length = int('Z'-head) + 1
		}
		digit := rapid.SampledFrom([]byte("0019AZazzz"))
		integer := rapid.SliceOfN(digit, length, length).Draw(t, "integer")
		fraction := rapid.SliceOfN(digit, 0, 5).Draw(t, "fraction")
		return string(head) + string(integer) + string(fraction)
	})
}

func TestSortKeyAfterIsTheLargestAndUnique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		good := rapid.SliceOf(wellFormed()).Draw(t, "good")
		strange := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z][0-9a-z~]{0,3}`))).Draw(t, "strange")
		keys := rapid.Permutation(slices.Concat(good, strange)).Draw(t, "keys")
		next := sortKeyAfter(keys)
		require.NotContains(t, keys, next)
		require.NoError(t, model.CheckName("sortKey", next))
		_, ok := integerPart(next)
		require.True(t, ok, "%q is no key", next)
		for _, key := range keys {
			if _, ok := integerPart(key); ok {
				require.Greater(t, next, key)
			}
		}
	})
}

// Counting on from any key always moves up and never ends.
func TestSortKeysGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := []string{wellFormed().Draw(t, "first")}
		for range 200 {
			next := sortKeyAfter(keys)
			require.NotContains(t, keys, next)
			if len(keys[0]) < 27 {
				require.Greater(t, next, keys[len(keys)-1])
			}
			keys = append(keys, next)
		}
	})
}
