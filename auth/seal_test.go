package auth

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func TestSealOpens(t *testing.T) {
	s := NewSealer(testSecret)
	for _, token := range []string{"Abcdefghijklmno", "", "gtfya.a-long-one_from.elsewhere"} {
		hash := HashToken(token)
		sealed := s.Seal(token, hash)
		opened, err := s.Open(sealed, hash)
		require.NoError(t, err)
		require.Equal(t, token, opened)
		opened, err = NewSealer(bytes.Clone(testSecret)).Open(sealed, hash)
		require.NoError(t, err, "the same secret after a restart")
		require.Equal(t, token, opened)
	}
}

func TestSealIsRandomAndHidesTheToken(t *testing.T) {
	s := NewSealer(testSecret)
	hash := HashToken("Abcdefghijklmno")
	first, second := s.Seal("Abcdefghijklmno", hash), s.Seal("Abcdefghijklmno", hash)
	require.NotEqual(t, first, second)
	require.NotContains(t, string(first), "Abcdef")
	require.Len(t, first, 1+12+15+16)
	require.EqualValues(t, 1, first[0])
}

func TestSealRefuses(t *testing.T) {
	s := NewSealer(testSecret)
	hash := HashToken("Abcdefghijklmno")
	sealed := s.Seal("Abcdefghijklmno", hash)
	refused := func(s *Sealer, sealed, hash []byte, why string, args ...any) {
		t.Helper()
		token, err := s.Open(sealed, hash)
		require.Errorf(t, err, why, args...)
		require.Empty(t, token)
		require.NotContains(t, err.Error(), "Abcdef")
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		refused(s, damaged, hash, "byte %d changed", i)
		refused(s, sealed[:i], hash, "cut to %d bytes", i)
	}
	refused(s, nil, hash, "nothing")
	refused(s, append(bytes.Clone(sealed), 0), hash, "longer")
	refused(s, sealed, HashToken("Bbcdefghijklmno"), "another token's hash")
	refused(s, sealed, nil, "no hash")
	refused(NewSealer([]byte("another secret, long enough for it")), sealed, hash, "another key")
}

func TestSealerIsSafeForConcurrentUse(t *testing.T) {
	s := NewSealer(testSecret)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				token := NewApplicationToken()
				opened, err := s.Open(s.Seal(token, HashToken(token)), HashToken(token))
				if err != nil || opened != token {
					t.Errorf("got %q, %v instead of %q", opened, err, token)
				}
			}
		})
	}
	group.Wait()
}
