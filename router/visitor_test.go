package router

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func TestVisitorsWait(t *testing.T) {
	clock := newClock()
	v := newVisitors(Limits{Burst: 3, PerSecond: 0.5}, clock.now)
	for range 3 {
		require.Zero(t, v.wait("192.0.2.1:1"))
	}
	for range 10 { // who is refused does not have to wait any longer for it
		require.Equal(t, 2*time.Second, v.wait("192.0.2.1:2"))
	}
	require.Zero(t, v.wait("192.0.2.2:1"))
	clock.advance(time.Second)
	require.Equal(t, time.Second, v.wait("192.0.2.1:1"))
	clock.advance(time.Second)
	require.Zero(t, v.wait("192.0.2.1:1"))
	require.Equal(t, 2*time.Second, v.wait("192.0.2.1:1"))
	require.Equal(t, time.Hour, newVisitorsOfOne(t, Limits{Burst: 1, PerSecond: 1e-9}).wait("192.0.2.1:1"))
}

// newVisitorsOfOne returns visitors of whom 192.0.2.1 has had its burst of one.
func newVisitorsOfOne(t *testing.T, l Limits) *visitors {
	t.Helper()
	v := newVisitors(l, newClock().now)
	require.Zero(t, v.wait("192.0.2.1:1"))
	return v
}

func TestWhoIsTheSameVisitor(t *testing.T) {
	for _, c := range []struct {
		other string
		same  bool
	}{
		{"192.0.2.1:9", true}, {"[::ffff:192.0.2.1]:9", true}, {"192.0.2.2:9", false}, {"[2001:db8::1]:9", false}, {"@", false}, {"", false},
	} {
		v := newVisitorsOfOne(t, Limits{Burst: 1, PerSecond: 1})
		require.Equal(t, c.same, v.wait(c.other) > 0, c.other)
	}
	v := newVisitors(Limits{Burst: 1, PerSecond: 1}, newClock().now)
	require.Zero(t, v.wait("[2001:db8:0:1::1]:9"))
	require.Positive(t, v.wait("[2001:db8:0:1:ffff::2]:9"), "one person is given a /64")
	require.Zero(t, v.wait("[2001:db8:0:2::1]:9"))
	require.Zero(t, v.wait("[fe80::1%eth0]:9"))
	require.Positive(t, v.wait("[fe80::1%eth1]:9"))
	for range 5 {
		require.Zero(t, v.wait("@"), "a Unix socket has no limit")
	}
}

func TestVisitorsThatAreExempt(t *testing.T) {
	exempt := func(a netip.Addr) bool {
		return a == netip.MustParseAddr("192.0.2.1") || a == netip.MustParseAddr("fe80::1")
	}
	v := newVisitors(Limits{Burst: 1, PerSecond: 1, Exempt: exempt}, newClock().now)
	for range 5 {
		require.Zero(t, v.wait("192.0.2.1:1"))
		require.Zero(t, v.wait("[::ffff:192.0.2.1]:1"))
		require.Zero(t, v.wait("[fe80::1%eth0]:1"))
	}
	require.Zero(t, v.limiters.Len())
	off := newVisitors(Limits{}, newClock().now)
	for range 100 {
		require.Zero(t, off.wait("192.0.2.1:1"))
	}
}

func TestVisitorsAtOnce(t *testing.T) {
	v := newVisitors(Limits{Burst: 50, PerSecond: 1e-6}, newClock().now)
	var let atomic.Int64
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if v.wait("192.0.2.1:1") == 0 {
				let.Add(1)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 50, let.Load())
}

func TestVisitorsAreBounded(t *testing.T) {
	v := newVisitors(Limits{Burst: 1, PerSecond: 1}, newClock().now)
	for i := range maxVisitors + 10 {
		v.wait(fmt.Sprintf("10.%d.%d.%d:1", i>>16&255, i>>8&255, i&255))
	}
	require.Equal(t, maxVisitors, v.limiters.Len())
}
