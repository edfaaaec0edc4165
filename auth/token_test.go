package auth

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokensHaveTheShapeThatClientsCheck(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		application, client := NewApplicationToken(), NewClientToken()
		require.Regexp(t, `^A[A-Za-z0-9._-]{14}$`, application)
		require.Regexp(t, `^C[A-Za-z0-9._-]{14}$`, client)
		require.False(t, seen[application[1:]] || seen[client[1:]])
		seen[application[1:]], seen[client[1:]] = true, true
	}
}

func TestHashToken(t *testing.T) {
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex.EncodeToString(HashToken("abc")))
}

func TestRandomName(t *testing.T) {
	require.Empty(t, RandomName(0))
	require.Empty(t, RandomName(-1))
	for _, n := range []int{1, 12, 32, 33, 100} {
		require.Regexp(t, `^[0-9A-Za-z]+$`, RandomName(n))
		require.Len(t, RandomName(n), n)
	}
	require.NotEqual(t, RandomName(20), RandomName(20))
}

func TestRandomPassword(t *testing.T) {
	password := RandomPassword()
	require.Regexp(t, `^([a-z2-9]{6}-){3}[a-z2-9]{6}$`, password)
	require.NotContains(t, readable, "0")
	for _, alike := range "01iloIO" {
		require.NotContains(t, readable, string(alike))
	}
	require.GreaterOrEqual(t, 24*math.Log2(float64(len(readable))), 100.0)
	require.NoError(t, CheckPassword(password))
	require.NotEqual(t, password, RandomPassword())
}

// With 2,000 of each character expected, a fair choice stays within 300, which
// is 6.7 standard deviations; the remainder of a byte would give 25 % fewer of
// the last four.
func TestRandomTextIsUnbiased(t *testing.T) {
	for _, alphabet := range []string{tokenAlphabet, letters, readable} {
		seen := map[rune]bool{}
		for _, c := range alphabet {
			require.False(t, seen[c], "%c stands twice in the alphabet", c)
			seen[c] = true
		}
		text := randomText(alphabet, 2000*len(alphabet))
		for _, c := range alphabet {
			require.InDelta(t, 2000, strings.Count(text, string(c)), 300, "%c", c)
		}
	}
	require.Len(t, tokenAlphabet, 65)
	require.Len(t, letters, 62)
}
