package auth

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/carillon-push/carillon/model"
)

const (
	// maxVisitors bounds the memory: at about 300 bytes each, 30 MB.
	maxVisitors = 100_000
	// maxWaiting bounds how many attempts of one visitor wait for the others.
	maxWaiting = 1024
	// maxRetryAfter is what a visitor is told at most.
	maxRetryAfter = time.Hour
)

// Throttle limits how fast a visitor may guess passwords: it counts failed
// logins per address, and per /64 network for IPv6, because that is what one
// person is given. Successful logins cost nothing. It is safe for concurrent use.
type Throttle struct {
	burst int
	rate  rate.Limit
	now   func() time.Time

	mu sync.Mutex
	// visitors holds who failed lately or is trying now; who is forgotten first
	// when it is full is who has not tried for the longest time.
	visitors *simplelru.LRU[string, *visitor]
}

// visitor is what is known of one source of logins. Throttle.mu guards it.
type visitor struct {
	failures *rate.Limiter
	// inside counts the calls of Begin that have not ended, one way or another.
	inside int
	// pending counts the attempts whose outcome is not known yet.
	pending int
	// waiting are the attempts that wait for a pending one, oldest first.
	waiting []chan struct{}
}

// NewThrottle returns a Throttle that allows each visitor burst failed logins, and
// perMinute more for every minute that passes, never more than burst at once. A
// burst of zero or less switches it off.
func NewThrottle(burst int, perMinute float64, now func() time.Time) *Throttle {
	visitors, _ := simplelru.NewLRU[string, *visitor](maxVisitors, nil) // fails for a size below 1 only
	return &Throttle{burst: burst, rate: rate.Limit(perMinute / 60), now: now, visitors: visitors}
}

// Begin asks whether the visitor, an IP address, may try a password now. Unless
// it returns an error, the caller must call done once, and say whether the login
// failed: because the credentials were wrong, or because the caller went away
// before that was known, else guessing and hanging up would cost it nothing.
//
// An attempt holds one of the visitor's allowed failures until it is done, so
// that many at the same time cannot make more guesses than one after the other.
// An attempt that only other pending ones stand in the way of waits for them:
// right passwords sent in parallel are not refused. Errors: TooMany with
// RetryAfter in whole seconds; Unavailable when ctx ends while waiting.
func (t *Throttle) Begin(ctx context.Context, address string) (done func(failed bool), err error) {
	if t.burst <= 0 {
		return func(bool) {}, nil
	}
	key := visitorKey(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	v, known := t.visitors.Get(key)
	if !known {
		v = &visitor{failures: rate.NewLimiter(t.rate, t.burst)}
		t.visitors.Add(key, v)
	}
	v.inside++
	if err := t.admit(ctx, v); err != nil {
		t.leave(key, v)
		return nil, err
	}
	v.pending++
	ended := false
	return func(failed bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if ended {
			return
		}
		ended = true
		v.pending--
		if failed {
			v.failures.ReserveN(t.now(), 1)
		}
		t.leave(key, v)
	}, nil
}

// admit returns nil when the visitor has an allowed failure that no pending
// attempt holds. It is called with t.mu held, and gives it up while it waits.
func (t *Throttle) admit(ctx context.Context, v *visitor) error {
	for {
		left := v.failures.TokensAt(t.now())
		if left < 1 {
			return tooManyFailures(t.untilNext(left))
		}
		if left-float64(v.pending) >= 1 {
			return nil
		}
		if len(v.waiting) >= maxWaiting {
			return tooManyFailures(time.Second)
		}
		turn := make(chan struct{})
		v.waiting = append(v.waiting, turn)
		t.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
		}
		t.mu.Lock()
		if err := ctx.Err(); err != nil {
			v.waiting = slices.DeleteFunc(v.waiting, func(c chan struct{}) bool { return c == turn })
			return givenUp(err)
		}
	}
}

// leave ends a call of Begin: the next attempt that waits looks again, and a
// visitor of whom there is nothing to remember is forgotten. Everybody who was
// woken comes here in the end, so the attempts that wait wake each other.
func (t *Throttle) leave(key string, v *visitor) {
	v.inside--
	if len(v.waiting) > 0 {
		close(v.waiting[0])
		v.waiting = v.waiting[1:]
	}
	if v.inside > 0 || v.failures.TokensAt(t.now()) < float64(t.burst) {
		return
	}
	if known, ok := t.visitors.Peek(key); ok && known == v {
		t.visitors.Remove(key)
	}
}

// untilNext returns when the next failure will be allowed, in whole seconds,
// given how many are left: less than one.
func (t *Throttle) untilNext(left float64) time.Duration {
	if t.rate <= 0 {
		return maxRetryAfter
	}
	seconds := math.Ceil((1 - left) / float64(t.rate))
	return time.Duration(min(max(seconds, 1), maxRetryAfter.Seconds())) * time.Second
}

func tooManyFailures(after time.Duration) error {
	return model.Errorf(model.TooMany, "Too many failed logins, try again later").After(after)
}

// visitorKey returns what the address is counted under. What is no IP address,
// such as the name of a local socket, is counted as it is.
func visitorKey(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
