package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	verifiedFor  = 60 * time.Second
	verifiedSize = 1024
)

// verified remembers for a short time which credentials were right, so that a
// program that sends its password with every request does not cost a hash each
// time. It holds no password, only a keyed digest under a key of this process,
// and only successes: a wrong password always costs its hash.
type verified struct {
	key     []byte
	now     func() time.Time
	until   *lru.Cache[credential, time.Time]
	flights singleflight.Group
}

// credential is the keyed digest of user name, encoded hash and password. The
// encoded hash is part of it, so a changed password is forgotten at once.
type credential [sha256.Size]byte

func newVerified(now func() time.Time) *verified {
	v := &verified{key: make([]byte, sha256.Size), now: now}
	rand.Read(v.key) // never fails: it ends the process instead
	// Not lru/expirable: its clean-up goroutine can never be stopped. An expired
	// entry is worth nothing and leaves when newer ones need the room.
	v.until, _ = lru.New[credential, time.Time](verifiedSize) // fails for a size below 1 only
	return v
}

func (v *verified) credential(user, encoded, password string) credential {
	mac := hmac.New(sha256.New, v.key)
	for _, field := range []string{user, encoded, password} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		mac.Write([]byte(field))
	}
	return credential(mac.Sum(nil))
}

func (v *verified) has(c credential) bool {
	until, ok := v.until.Get(c)
	return ok && v.now().Before(until)
}

func (v *verified) add(c credential) { v.until.Add(c, v.now().Add(verifiedFor)) }

// remembers reports whether the same credentials were right not long ago.
func (p *Passwords) remembers(user, encoded, password string) bool {
	return p.verified.has(p.verified.credential(user, encoded, password))
}

// outcome is what the callers of one verification share.
type outcome struct {
	ok     bool
	rehash atomic.Bool
}

// VerifyCached is Verify with a memory of 60 seconds for credentials that were
// right, so that the same ones sent again cost no hash. Callers who come with the
// same credentials at the same time share one verification; when one of them
// gives up, the others still get their answer. Only one of them is told to rehash,
// and nobody whose answer came from memory.
func (p *Passwords) VerifyCached(ctx context.Context, user, encoded, password string) (ok, rehash bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, false, givenUp(err)
	}
	c := p.verified.credential(user, encoded, password)
	if p.verified.has(c) {
		return true, false, nil
	}
	// The verification belongs to all who wait for it, so no single caller's
	// context ends it. Its own waiting is bounded by the room in Passwords.
	shared := context.WithoutCancel(ctx)
	flight := p.verified.flights.DoChan(string(c[:]), func() (any, error) { return p.verifyOnce(shared, c, encoded, password) })
	select {
	case result := <-flight:
		if result.Err != nil {
			return false, false, result.Err
		}
		o := result.Val.(*outcome)
		return o.ok, o.rehash.Swap(false), nil
	case <-ctx.Done():
		return false, false, givenUp(ctx.Err())
	}
}

func (p *Passwords) verifyOnce(ctx context.Context, c credential, encoded, password string) (*outcome, error) {
	o := new(outcome)
	// A caller may have looked just before an earlier flight landed.
	if p.verified.has(c) {
		o.ok = true
		return o, nil
	}
	ok, rehash, err := p.Verify(ctx, encoded, password)
	if err != nil {
		return nil, err
	}
	if ok {
		p.verified.add(c)
	}
	o.ok = ok
	o.rehash.Store(rehash)
	return o, nil
}
