package auth

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }
func verify(t *testing.T, p *Passwords, user, encoded, password string) (ok, rehash bool) {
	t.Helper()
	ok, rehash, err := p.VerifyCached(t.Context(), user, encoded, password)
	require.NoError(t, err)
	return ok, rehash
}

func TestVerifyCachedCostsOneHashAMinute(t *testing.T) {
	p, clock := NewPasswords(1), newClock()
	p.verified = newVerified(clock.now)
	calls := counted(p)
	encoded, err := p.Hash(t.Context(), "password")
	require.NoError(t, err)
	for range 3 {
		ok, rehash := verify(t, p, "anna", encoded, "password")
		require.True(t, ok)
		require.False(t, rehash)
	}
	require.Len(t, calls(), 2, "one to hash, one to verify")

	clock.advance(verifiedFor - 1)
	verify(t, p, "anna", encoded, "password")
	require.Len(t, calls(), 2)
	clock.advance(1)
	ok, _ := verify(t, p, "anna", encoded, "password")
	require.True(t, ok)
	require.Len(t, calls(), 3, "a use does not prolong it")
}

func TestVerifyCachedMissesWhatDiffers(t *testing.T) {
	p := NewPasswords(1)
	calls := counted(p)
	encoded, err := p.Hash(t.Context(), "password")
	require.NoError(t, err)
	other, err := p.Hash(t.Context(), "password")
	require.NoError(t, err)
	changed, err := p.Hash(t.Context(), "changed")
	require.NoError(t, err)
	ok, _ := verify(t, p, "anna", encoded, "password")
	require.True(t, ok)

	count := len(calls())
	for _, c := range []struct {
		user, encoded, password string
		ok                      bool
	}{
		{"anna", encoded, "Password", false},
		{"anna", encoded, "", false},
		{"anna", changed, "password", false},
		{"anna", "", "password", false},
		{"anna", other, "password", true},
		{"ann", encoded, "password", true},
		{"", encoded, "password", true},
	} {
		ok, _ := verify(t, p, c.user, c.encoded, c.password)
		require.Equal(t, c.ok, ok, c)
		count++
		require.Len(t, calls(), count, "%v must cost a hash", c)
	}
}

func TestVerifyCachedFieldsDoNotRunTogether(t *testing.T) {
	v := newVerified(time.Now)
	seen := map[credential]string{}
	for _, fields := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"", "ab", "c"}, {"", "", "abc"}, {"abc", "", ""}, {"a", "bc", ""}} {
		c := v.credential(fields[0], fields[1], fields[2])
		require.Empty(t, seen[c])
		seen[c] = fmt.Sprint(fields)
	}
	require.NotEqual(t, v.credential("a", "b", "c"), newVerified(time.Now).credential("a", "b", "c"), "the key is this process's own")
}

func TestVerifyCachedNeverRemembersFailures(t *testing.T) {
	p := NewPasswords(1)
	calls := counted(p)
	for i := range 3 {
		ok, _ := verify(t, p, "nobody", "", "password")
		require.False(t, ok)
		require.Len(t, calls(), i+1)
	}
	require.Zero(t, p.verified.until.Len())
}

func TestVerifiedIsBounded(t *testing.T) {
	v := newVerified(time.Now)
	first := v.credential("anna", "x", "0")
	v.add(first)
	require.True(t, v.has(first))
	for i := range verifiedSize {
		v.add(v.credential("berta", "x", fmt.Sprint(i)))
	}
	require.Equal(t, verifiedSize, v.until.Len())
	require.False(t, v.has(first))
}

func TestVerifyCachedTogetherHashesOnceAndRehashesOnce(t *testing.T) {
	p := NewPasswords(2)
	calls := counted(p)
	foreign := ownArgon()
	foreign.passes, foreign.salt = 3, make([]byte, saltLength)
	foreign.hash = p.compute(foreign, "password")
	encoded := foreign.String()

	const callers = 200
	var right, rehashes atomic.Int64
	var start, end sync.WaitGroup
	start.Add(1)
	for range callers {
		end.Go(func() {
			start.Wait()
			ok, rehash, err := p.VerifyCached(context.Background(), "anna", encoded, "password")
			if ok && err == nil {
				right.Add(1)
			}
			if rehash {
				rehashes.Add(1)
			}
		})
	}
	start.Done()
	end.Wait()
	require.EqualValues(t, callers, right.Load())
	require.EqualValues(t, 1, rehashes.Load())
	require.Len(t, calls(), 2, "one to make it, one to verify")
}

func TestVerifyCachedOneGivesUpTheOthersDoNot(t *testing.T) {
	p := NewPasswords(1)
	foreign := ownArgon()
	foreign.salt = make([]byte, saltLength)
	started, release := blocked(p) // answers zeros, which is the hash of foreign
	defer release()

	ctx, cancel := context.WithCancel(t.Context())
	leader := make(chan error, 1)
	go func() {
		_, _, err := p.VerifyCached(ctx, "anna", foreign.String(), "password")
		leader <- err
	}()
	wait(t, started)
	type answer struct {
		ok  bool
		err error
	}
	follower := make(chan answer, 1)
	go func() {
		ok, _, err := p.VerifyCached(context.Background(), "anna", foreign.String(), "password")
		follower <- answer{ok, err}
	}()
	cancel()
	require.ErrorIs(t, wait(t, leader), context.Canceled)
	require.Empty(t, follower, "the answer cannot be there yet")
	release()
	require.Equal(t, answer{ok: true}, wait(t, follower))
	require.Empty(t, started, "and it cost one hash")
}

func TestVerifyCachedGivenUpBeforeItBegins(t *testing.T) {
	p := NewPasswords(1)
	calls := counted(p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := p.VerifyCached(ctx, "anna", "", "password")
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, calls())
}

func TestVerifyCachedBcryptIsToBeRehashed(t *testing.T) {
	p := NewPasswords(1)
	made, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	ok, rehash := verify(t, p, "anna", string(made), "secret")
	require.True(t, ok)
	require.True(t, rehash)
	ok, rehash = verify(t, p, "anna", string(made), "secret")
	require.True(t, ok)
	require.False(t, rehash, "somebody was told already")
}
