package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/carillon-push/carillon/model"
)

// MaxPasswordLength is the most bytes a password may have. It keeps the work
// that a request can cause small; argon2id itself has no such limit.
const MaxPasswordLength = 1024

const (
	// waitersPerSlot bounds how many callers wait for each hash that may run.
	waitersPerSlot = 64
	saltLength     = 16
	hashLength     = 32

	// The most that an encoding read from the database may ask for. What asks
	// for more is not computed: it would take the server down, not let anybody in.
	maxMemory     = 64 * 1024 // KiB
	maxPasses     = 16
	maxThreads    = 16
	maxBcryptCost = 16

	// bcryptLength is how many bytes of a password bcrypt looks at.
	bcryptLength = 72
)

var encoding = base64.RawStdEncoding.Strict()

// Passwords hashes and verifies passwords, a bounded number at a time, because
// every hash takes 19 MiB of memory and all of a core. It is safe for concurrent use.
type Passwords struct {
	slots    chan struct{}
	entered  atomic.Int64
	room     int64
	idKey    func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
	verified *verified
}

// NewPasswords returns Passwords that compute as many hashes at once as parallel
// says, and as many as the process has cores when it is zero or less. 64 times
// as many callers may wait; the next ones are refused with TooMany.
func NewPasswords(parallel int) *Passwords {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0) // knows the limits of a container, unlike NumCPU
	}
	return &Passwords{
		slots:    make(chan struct{}, parallel),
		room:     int64(parallel) * (1 + waitersPerSlot),
		idKey:    argon2.IDKey,
		verified: newVerified(time.Now),
	}
}

// CheckPassword reports an Invalid error when the text cannot be a new password:
// when it is empty or longer than MaxPasswordLength bytes.
func CheckPassword(password string) error {
	if password == "" {
		return model.Errorf(model.Invalid, "The password must not be empty")
	}
	if len(password) > MaxPasswordLength {
		return model.Errorf(model.Invalid, "The password must not be longer than %d bytes", MaxPasswordLength)
	}
	return nil
}

// Hash returns the argon2id hash of the password under a new salt, in the PHC
// string format. Errors: Invalid as CheckPassword, TooMany with RetryAfter when
// too many callers wait already, Unavailable when ctx ends first.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	if err := p.enter(ctx); err != nil {
		return "", err
	}
	defer p.leave()
	a := ownArgon()
	a.salt = make([]byte, saltLength)
	rand.Read(a.salt) // never fails: it ends the process instead
	a.hash = p.compute(a, password)
	return a.String(), nil
}

// Verify reports whether the password belongs to the encoded hash, and whether
// the caller should replace that hash by a new one: because it is bcrypt, from an
// import, or argon2id with other costs than ours. bcrypt looks at the first 72
// bytes only, so a longer password that fits is accepted but not taken for the
// new hash: its end may be mistyped.
//
// An encoding that is empty, malformed or too costly takes as long as one of ours
// and never fits, so that a caller who verifies against "" for unknown users does
// not tell who exists. Errors: TooMany and Unavailable as Hash.
func (p *Passwords) Verify(ctx context.Context, encoded, password string) (ok, rehash bool, err error) {
	if err := p.enter(ctx); err != nil {
		return false, false, err
	}
	defer p.leave()
	if CheckPassword(password) == nil {
		if a, valid := parseArgon(encoded); valid {
			ok = subtle.ConstantTimeCompare(p.compute(a, password), a.hash) == 1
			return ok, ok && !a.own(), nil
		}
		if affordableBcrypt(encoded) {
			err := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(password))
			if err == nil {
				return true, len(password) <= bcryptLength, nil
			}
			if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
				return false, false, nil
			}
		}
	}
	a := ownArgon()
	a.salt, a.hash = make([]byte, saltLength), make([]byte, hashLength)
	p.compute(a, password) // for the time it takes
	return false, false, nil
}

// enter waits until a hash may run; every success is followed by leave.
func (p *Passwords) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return givenUp(err)
	}
	if p.entered.Add(1) > p.room {
		p.entered.Add(-1)
		return model.Errorf(model.TooMany, "Too many logins at once, try again later").After(time.Second)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		p.entered.Add(-1)
		return givenUp(ctx.Err())
	}
}

func (p *Passwords) leave() {
	<-p.slots
	p.entered.Add(-1)
}

func (p *Passwords) compute(a argon, password string) []byte {
	return p.idKey([]byte(password), a.salt, a.passes, a.memory, a.threads, uint32(len(a.hash)))
}

// givenUp is the error for a caller whose context ended while it waited.
func givenUp(cause error) error {
	return model.Errorf(model.Unavailable, "The login was given up before its turn came").Because(cause)
}

// argon is one argon2id hash with all that is needed to compute it again.
type argon struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
	salt    []byte
	hash    []byte
}

// ownArgon returns the costs of new hashes: OWASP's first choice, about 20 ms.
func ownArgon() argon {
	return argon{memory: 19 * 1024, passes: 2, threads: 1, hash: make([]byte, hashLength)}
}

func (a argon) own() bool {
	o := ownArgon()
	return a.memory == o.memory && a.passes == o.passes && a.threads == o.threads &&
		len(a.salt) >= saltLength && len(a.hash) >= hashLength
}

func (a argon) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		a.memory, a.passes, a.threads, encoding.EncodeToString(a.salt), encoding.EncodeToString(a.hash))
}

// parseArgon reads the PHC string format, and reports false for what is
// malformed or beyond the bounds of what this server computes.
func parseArgon(encoded string) (argon, bool) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return argon{}, false
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return argon{}, false
	}
	memory, okMemory := parseCost(costs[0], "m=", maxMemory)
	passes, okPasses := parseCost(costs[1], "t=", maxPasses)
	threads, okThreads := parseCost(costs[2], "p=", maxThreads)
	if !okMemory || !okPasses || !okThreads || memory < 8*threads {
		return argon{}, false
	}
	salt, saltErr := encoding.DecodeString(parts[4])
	hash, hashErr := encoding.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 {
		return argon{}, false
	}
	a := argon{memory: memory, passes: passes, threads: uint8(threads), salt: salt, hash: hash}
	// One spelling for one hash: what does not come back the same was not PHC.
	return a, a.String() == encoded
}

func parseCost(text, prefix string, most uint64) (uint32, bool) {
	digits, found := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), found && err == nil && n >= 1 && n <= most
}

// affordableBcrypt reports whether the encoding is bcrypt in one of the three
// spellings of the same algorithm, at a cost that this server computes.
func affordableBcrypt(encoded string) bool {
	if len(encoded) != 60 || encoded[0:2] != "$2" || !strings.ContainsRune("aby", rune(encoded[2])) || encoded[3] != '$' {
		return false
	}
	cost, err := bcrypt.Cost([]byte(encoded))
	return err == nil && cost <= maxBcryptCost
}
