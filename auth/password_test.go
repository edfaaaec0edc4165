package auth

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/carillon-push/carillon/model"
)

// deadline is how long a test waits for an event before it fails.
const deadline = 10 * time.Second

// call is one computation of argon2id that a test has seen.
type call struct {
	memory, passes uint32
	threads        uint8
}

// counted makes p note every computation of argon2id, and do it cheaply.
func counted(p *Passwords) func() []call {
	var mu sync.Mutex
	var calls []call
	p.idKey = func(password, salt []byte, passes, memory uint32, threads uint8, length uint32) []byte {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call{memory, passes, threads})
		return argon2.IDKey(password, salt, 1, 8, 1, length)
	}
	return func() []call {
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
}

var ownCall = call{memory: 19456, passes: 2, threads: 1}

func TestHashAndVerify(t *testing.T) {
	p := NewPasswords(0)
	for _, password := range []string{"x", "correct horse", "päss wörd 🔔", "nul\x00inside", "\xff\xfe", strings.Repeat("long", 256)} {
		encoded, err := p.Hash(t.Context(), password)
		require.NoError(t, err)
		require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, encoded)

		ok, rehash, err := p.Verify(t.Context(), encoded, password)
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, rehash)

		ok, rehash, err = p.Verify(t.Context(), encoded, password[:len(password)-1])
		require.NoError(t, err)
		require.False(t, ok)
		require.False(t, rehash)
	}
}

func TestHashUsesANewSalt(t *testing.T) {
	p := NewPasswords(1)
	first, err := p.Hash(t.Context(), "same")
	require.NoError(t, err)
	second, err := p.Hash(t.Context(), "same")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestImpossiblePasswordsAreInvalid(t *testing.T) {
	p := NewPasswords(1)
	calls := counted(p)
	for _, password := range []string{"", strings.Repeat("x", MaxPasswordLength+1)} {
		require.Equal(t, model.Invalid, model.KindOf(CheckPassword(password)))
		_, err := p.Hash(t.Context(), password)
		require.Equal(t, model.Invalid, model.KindOf(err))
	}
	require.Empty(t, calls(), "a refused password costs nothing")
	require.NoError(t, CheckPassword(strings.Repeat("x", MaxPasswordLength)))
}

func TestVerifyForeignArgon(t *testing.T) {
	// Made with the reference implementation's test vector: libargon2, test.c.
	const encoded = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	p := NewPasswords(1)
	ok, rehash, err := p.Verify(t.Context(), encoded, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash, "other costs than ours")

	ok, rehash, err = p.Verify(t.Context(), encoded, "passwore")
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, rehash)
}

func TestVerifyBcrypt(t *testing.T) {
	p := NewPasswords(1)
	made, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	for _, minor := range []string{"a", "b", "y"} {
		encoded := "$2" + minor + string(made[3:])
		ok, rehash, err := p.Verify(t.Context(), encoded, "secret")
		require.NoError(t, err)
		require.True(t, ok, encoded)
		require.True(t, rehash)
		for _, wrong := range []string{"secreT", "", "secret\x00", strings.Repeat("x", 100)} {
			ok, rehash, err = p.Verify(t.Context(), encoded, wrong)
			require.NoError(t, err)
			require.False(t, ok, wrong)
			require.False(t, rehash)
		}
	}
}

func TestVerifyBcryptLooksAt72Bytes(t *testing.T) {
	p := NewPasswords(1)
	password := strings.Repeat("p", 72)
	made, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)

	ok, rehash, err := p.Verify(t.Context(), string(made), password)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, rehash)

	ok, rehash, err = p.Verify(t.Context(), string(made), password+"tail")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, rehash, "the tail may be mistyped")
}

func TestVerifyEqualTimeForWhatNobodyCanVerify(t *testing.T) {
	salt, hash := strings.Repeat("A", 22), strings.Repeat("A", 43)
	good := "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + hash
	bcryptTail := strings.Repeat("x", 53)
	for _, encoded := range []string{
		"",
		"garbage",
		"$",
		"$$$$$",
		"plain password",
		strings.Replace(good, "m=19456", "m=4194304", 1),
		strings.Replace(good, "m=19456", "m=99999999999999999999", 1),
		strings.Replace(good, "m=19456", "m=0", 1),
		strings.Replace(good, "m=19456", "m=7", 1),
		strings.Replace(good, "m=19456", "m=019456", 1),
		strings.Replace(good, "m=19456", "m=-19456", 1),
		strings.Replace(good, "t=2", "t=0", 1),
		strings.Replace(good, "t=2", "t=4294967295", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=256", 1),
		strings.Replace(good, "m=19456,t=2", "t=2,m=19456", 1),
		strings.Replace(good, ",p=1", "", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, salt, "AAAA", 1),
		strings.Replace(good, salt, salt[:10]+"\n"+salt[10:], 1),
		strings.Replace(good, salt, salt+"==", 1),
		strings.Replace(good, hash, "AAAA", 1),
		strings.Replace(good, hash, "", 1),
		strings.Replace(good, hash, strings.Repeat("A", 2000), 1),
		good + "$more",
		good + "\n",
		"$2a$31$" + bcryptTail,
		"$2a$17$" + bcryptTail,
		"$2a$03$" + bcryptTail,
		"$2a$xx$" + bcryptTail,
		"$2x$04$" + bcryptTail,
		"$2$04$x" + bcryptTail,
		"$2a$04$" + strings.Repeat("!", 53),
		"$2a$04$" + bcryptTail + "x",
	} {
		p := NewPasswords(1)
		calls := counted(p)
		ok, rehash, err := p.Verify(t.Context(), encoded, "password")
		require.NoError(t, err, encoded)
		require.False(t, ok, encoded)
		require.False(t, rehash, encoded)
		require.Equal(t, []call{ownCall}, calls(), "one verification with our own costs for %q", encoded)
	}
}

func TestVerifyImpossiblePasswordCostsTheSame(t *testing.T) {
	p := NewPasswords(1)
	calls := counted(p)
	encoded, err := p.Hash(t.Context(), "password")
	require.NoError(t, err)
	for i, password := range []string{"", strings.Repeat("x", MaxPasswordLength+1)} {
		ok, _, err := p.Verify(t.Context(), encoded, password)
		require.NoError(t, err)
		require.False(t, ok)
		require.Len(t, calls(), i+2)
		require.Equal(t, ownCall, calls()[i+1])
	}
}

// blocked makes every computation of p wait for the returned release, and tells
// on started that one has begun.
func blocked(p *Passwords) (started <-chan struct{}, release func()) {
	begun, gate := make(chan struct{}, 1000), make(chan struct{})
	p.idKey = func(_, _ []byte, _, _ uint32, _ uint8, length uint32) []byte {
		begun <- struct{}{}
		<-gate
		return make([]byte, length)
	}
	return begun, sync.OnceFunc(func() { close(gate) })
}

func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(deadline):
		require.FailNow(t, "nothing came in time")
		panic("unreachable")
	}
}

func TestPasswordsBoundsWhoRunsAndWhoWaits(t *testing.T) {
	const parallel = 2
	p := NewPasswords(parallel)
	started, release := blocked(p)
	defer release()
	const room = parallel * (1 + waitersPerSlot)
	errs := make(chan error, room)
	for range room {
		go func() {
			_, err := p.Hash(context.Background(), "password")
			errs <- err
		}()
	}
	for range parallel {
		wait(t, started)
	}
	require.Eventually(t, func() bool { return p.entered.Load() == room }, deadline, time.Millisecond)
	require.Empty(t, started, "no more than %d at once", parallel)

	_, err := p.Hash(t.Context(), "password")
	var e *model.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, model.TooMany, e.Kind)
	require.Equal(t, time.Second, e.RetryAfter)
	_, _, err = p.Verify(t.Context(), "", "password")
	require.Equal(t, model.TooMany, model.KindOf(err))

	release()
	for range room {
		require.NoError(t, wait(t, errs))
	}
	require.Zero(t, p.entered.Load())
	_, err = p.Hash(t.Context(), "password")
	require.NoError(t, err)
}

func TestPasswordsWaitingEndsWithItsContext(t *testing.T) {
	p := NewPasswords(1)
	started, release := blocked(p)
	defer release()
	first := make(chan error, 1)
	go func() {
		_, err := p.Hash(context.Background(), "password")
		first <- err
	}()
	wait(t, started)

	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, _, err := p.Verify(ctx, "", "password")
		second <- err
	}()
	require.Eventually(t, func() bool { return p.entered.Load() == 2 }, deadline, time.Millisecond)
	cancel()
	err := wait(t, second)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, model.Unavailable, model.KindOf(err))

	_, err = p.Hash(ctx, "password")
	require.ErrorIs(t, err, context.Canceled)
	release()
	require.NoError(t, wait(t, first))
	require.Zero(t, p.entered.Load())
}

func FuzzVerify(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "")
	f.Add("$2a$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijk", "secret")
	f.Add("$2y$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijk", "secret")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, encoded, password string) {
		if a, ok := parseArgon(encoded); ok {
			require.Equal(t, encoded, a.String())
		}
		if strings.HasPrefix(encoded, "$2") && len(encoded) > 7 && encoded[4:6] > "04" {
			return // right or not, it takes too long to fuzz
		}
		p := NewPasswords(1)
		calls := counted(p)
		_, rehash, err := p.Verify(t.Context(), encoded, password)
		require.NoError(t, err)
		for _, c := range calls() {
			require.True(t, c.memory <= maxMemory && c.passes >= 1 && c.passes <= maxPasses && c.threads >= 1 && c.threads <= maxThreads, "%+v", c)
		}
		if rehash {
			require.NoError(t, CheckPassword(password))
		}
	})
}
