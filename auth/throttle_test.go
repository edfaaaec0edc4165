package auth

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func attempt(t *testing.T, throttle *Throttle, visitor string, failed bool) {
	t.Helper()
	done, err := throttle.Begin(t.Context(), visitor)
	require.NoError(t, err)
	done(failed)
}

func refused(t *testing.T, throttle *Throttle, visitor string) time.Duration {
	t.Helper()
	done, err := throttle.Begin(t.Context(), visitor)
	var e *model.Error
	require.ErrorAs(t, err, &e)
	require.Nil(t, done)
	require.Equal(t, model.TooMany, e.Kind)
	return e.RetryAfter
}

func TestThrottleCountsFailures(t *testing.T) {
	clock := newClock()
	throttle := NewThrottle(3, 6, clock.now)
	for range 100 {
		attempt(t, throttle, "192.0.2.1", false)
	}
	for range 3 {
		attempt(t, throttle, "192.0.2.1", true)
	}
	require.Equal(t, 10*time.Second, refused(t, throttle, "192.0.2.1"))
	attempt(t, throttle, "192.0.2.2", true) // another visitor

	clock.advance(9500 * time.Millisecond)
	require.Equal(t, time.Second, refused(t, throttle, "192.0.2.1"))
	clock.advance(500 * time.Millisecond)
	attempt(t, throttle, "192.0.2.1", false)
	attempt(t, throttle, "192.0.2.1", true)
	refused(t, throttle, "192.0.2.1")

	clock.advance(time.Hour)
	for range 3 {
		attempt(t, throttle, "192.0.2.1", true)
	}
	refused(t, throttle, "192.0.2.1")
}

func TestThrottleOff(t *testing.T) {
	for _, burst := range []int{0, -1} {
		throttle := NewThrottle(burst, 1, newClock().now)
		for range 1000 {
			attempt(t, throttle, "192.0.2.1", true)
		}
		require.Zero(t, throttle.visitors.Len())
	}
}

func TestThrottleThatNeverForgives(t *testing.T) {
	clock := newClock()
	throttle := NewThrottle(1, 0, clock.now)
	attempt(t, throttle, "192.0.2.1", true)
	require.Equal(t, maxRetryAfter, refused(t, throttle, "192.0.2.1"))
	clock.advance(24 * time.Hour)
	require.Equal(t, maxRetryAfter, refused(t, throttle, "192.0.2.1"))
	require.Equal(t, maxRetryAfter, tooSlow(t), "one failure in a year")
}

func tooSlow(t *testing.T) time.Duration {
	t.Helper()
	throttle := NewThrottle(1, 1/(365*24*60.0), newClock().now)
	attempt(t, throttle, "192.0.2.1", true)
	return refused(t, throttle, "192.0.2.1")
}

func TestThrottleVisitors(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"2001:DB8:0::1", "2001:db8::2", true},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"@", "@", true},
		{"", "@", false},
	} {
		throttle := NewThrottle(1, 1, newClock().now)
		attempt(t, throttle, c.a, true)
		if c.same {
			refused(t, throttle, c.b)
		} else {
			attempt(t, throttle, c.b, false)
		}
	}
}

func TestThrottleForgetsWhoDidNotFail(t *testing.T) {
	clock := newClock()
	throttle := NewThrottle(2, 60, clock.now)
	done, err := throttle.Begin(t.Context(), "192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, 1, throttle.visitors.Len())
	done(false)
	require.Zero(t, throttle.visitors.Len())

	attempt(t, throttle, "192.0.2.1", true)
	require.Equal(t, 1, throttle.visitors.Len())
	clock.advance(time.Second)
	attempt(t, throttle, "192.0.2.1", false)
	require.Zero(t, throttle.visitors.Len(), "the failure is forgiven")
}

func TestThrottleIsBoundedAndForgetsTheIdle(t *testing.T) {
	throttle := NewThrottle(1, 1, newClock().now)
	attempt(t, throttle, "guesser", true)
	attempt(t, throttle, "idle", true)
	for i := range maxVisitors - 1 {
		attempt(t, throttle, fmt.Sprint(i), true)
		if i%1000 == 0 {
			refused(t, throttle, "guesser")
		}
	}
	require.Equal(t, maxVisitors, throttle.visitors.Len())
	refused(t, throttle, "guesser")
	require.False(t, throttle.visitors.Contains("idle"))
}

func TestThrottleDoneCountsOnce(t *testing.T) {
	throttle := NewThrottle(2, 1, newClock().now)
	done, err := throttle.Begin(t.Context(), "192.0.2.1")
	require.NoError(t, err)
	for range 5 {
		done(true)
	}
	attempt(t, throttle, "192.0.2.1", true)
	refused(t, throttle, "192.0.2.1")
}

// waiting returns how many attempts of the visitor wait.
func waiting(throttle *Throttle, address string) int {
	throttle.mu.Lock()
	defer throttle.mu.Unlock()
	v, ok := throttle.visitors.Peek(visitorKey(address))
	if !ok {
		return 0
	}
	return len(v.waiting)
}

func TestThrottleParallelGuessesMakeNoMoreThanBurst(t *testing.T) {
	const burst, callers = 5, 300
	throttle := NewThrottle(burst, 1, newClock().now)
	var guesses, now, most, refusals atomic.Int64
	var end sync.WaitGroup
	for range callers {
		end.Go(func() {
			done, err := throttle.Begin(context.Background(), "192.0.2.1")
			if err != nil {
				refusals.Add(1)
				return
			}
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			guesses.Add(1)
			now.Add(-1)
			done(true)
		})
	}
	end.Wait()
	require.EqualValues(t, burst, guesses.Load())
	require.EqualValues(t, callers-burst, refusals.Load())
	require.LessOrEqual(t, most.Load(), int64(burst))
}

func TestThrottleParallelSuccessesAllPass(t *testing.T) {
	const burst, callers = 3, 300
	throttle := NewThrottle(burst, 1, newClock().now)
	first, err := throttle.Begin(t.Context(), "192.0.2.1")
	require.NoError(t, err)
	var passed atomic.Int64
	var end sync.WaitGroup
	for range callers {
		end.Go(func() {
			done, err := throttle.Begin(context.Background(), "192.0.2.1")
			if err == nil {
				passed.Add(1)
				done(false)
			}
		})
	}
	end.Wait()
	require.EqualValues(t, callers, passed.Load())
	require.Equal(t, 1, throttle.visitors.Len(), "one attempt is still pending")
	first(false)
	require.Zero(t, throttle.visitors.Len())
}

func TestThrottleWaitsForThePendingOne(t *testing.T) {
	for _, failed := range []bool{true, false} {
		throttle := NewThrottle(1, 1, newClock().now)
		done, err := throttle.Begin(t.Context(), "192.0.2.1")
		require.NoError(t, err)
		errs := make(chan error, 3)
		for range cap(errs) {
			go func() {
				next, err := throttle.Begin(context.Background(), "192.0.2.1")
				if err == nil {
					next(false)
				}
				errs <- err
			}()
		}
		require.Eventually(t, func() bool { return waiting(throttle, "192.0.2.1") == cap(errs) }, deadline, time.Millisecond)
		done(failed)
		for range cap(errs) {
			err := wait(t, errs)
			if failed {
				require.Equal(t, model.TooMany, model.KindOf(err))
			} else {
				require.NoError(t, err)
			}
		}
	}
}

func TestThrottleWaitingEndsWithItsContext(t *testing.T) {
	throttle := NewThrottle(1, 1, newClock().now)
	done, err := throttle.Begin(t.Context(), "192.0.2.1")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	impatient, patient := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := throttle.Begin(ctx, "192.0.2.1")
		impatient <- err
	}()
	require.Eventually(t, func() bool { return waiting(throttle, "192.0.2.1") == 1 }, deadline, time.Millisecond)
	go func() {
		next, err := throttle.Begin(context.Background(), "192.0.2.1")
		if err == nil {
			next(false)
		}
		patient <- err
	}()
	require.Eventually(t, func() bool { return waiting(throttle, "192.0.2.1") == 2 }, deadline, time.Millisecond)
	cancel()
	require.ErrorIs(t, wait(t, impatient), context.Canceled)
	done(false)
	require.NoError(t, wait(t, patient), "who gave up must not take the turn with it")
	require.Zero(t, throttle.visitors.Len())
}

func TestThrottleBoundsWhoWaits(t *testing.T) {
	throttle := NewThrottle(1, 1, newClock().now)
	done, err := throttle.Begin(t.Context(), "192.0.2.1")
	require.NoError(t, err)
	var end sync.WaitGroup
	for range maxWaiting {
		end.Go(func() {
			if next, err := throttle.Begin(context.Background(), "192.0.2.1"); err == nil {
				next(false)
			}
		})
	}
	require.Eventually(t, func() bool { return waiting(throttle, "192.0.2.1") == maxWaiting }, deadline, time.Millisecond)
	require.Equal(t, time.Second, refused(t, throttle, "192.0.2.1"))
	done(true)
	end.Wait()
	require.Equal(t, time.Minute, refused(t, throttle, "192.0.2.1"))
}
