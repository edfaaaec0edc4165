package router

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxVisitors bounds the memory of the rate limit.
const maxVisitors = 100_000

// visitors limits how many requests come from an address, or from a /64 network
// for IPv6, which is what one person is given.
type visitors struct {
	limits   Limits
	now      func() time.Time
	limiters *lru.Cache[netip.Addr, *rate.Limiter]
}

func newVisitors(l Limits, now func() time.Time) *visitors {
	limiters, _ := lru.New[netip.Addr, *rate.Limiter](maxVisitors) // fails for a size below 1 only
	return &visitors{limits: l, now: now, limiters: limiters}
}

// wait returns how long the sender of a request has to wait, 0 when it may come.
func (v *visitors) wait(remote string) time.Duration {
	if v.limits.Burst <= 0 {
		return 0
	}
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return 0 // a socket in the file system: whoever may open it is trusted
	}
	address := peer.Addr().Unmap().WithZone("")
	if v.limits.Exempt != nil && v.limits.Exempt(address) {
		return 0
	}
	if address.Is6() {
		network, _ := address.Prefix(64)
		address = network.Addr()
	}
	limiter, ok := v.limiters.Get(address)
	if !ok {
		limiter = rate.NewLimiter(rate.Limit(v.limits.PerSecond), v.limits.Burst)
		if earlier, found, _ := v.limiters.PeekOrAdd(address, limiter); found {
			limiter = earlier
		}
	}
	now := v.now()
	reservation := limiter.ReserveN(now, 1)
	if !reservation.OK() {
		return time.Minute
	}
	delay := reservation.DelayFrom(now)
	if delay > 0 {
		reservation.CancelAt(now)
	}
	return min(delay, time.Hour)
}
