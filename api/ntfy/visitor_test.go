package ntfy

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// booth is where visitors come to.
type booth struct {
	*Face
	t   *testing.T
	now time.Time
}

func newBooth(t *testing.T, l Limits) *booth {
	b := &booth{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	o := Options{Limits: l, Now: func() time.Time { return b.now }, Exempt: func(a netip.Addr) bool { return a.IsLoopback() }}
	b.Face = &Face{Options: o, visitors: newVisitors(o)}
	return b
}

func (b *booth) from(remote string, user int64) *visitor {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "/", nil)
	c.Request.RemoteAddr = remote
	if user == 0 {
		return b.visit(c, nil)
	}
	return b.visit(c, &model.Identity{User: &model.User{ID: user}})
}

func TestVisitorRequests(t *testing.T) {
	b := newBooth(t, Limits{Requests: RequestLimits{Burst: 3, PerSecond: 0.2}})
	v := b.from("192.0.2.1:1000", 0)
	for range 3 {
		require.NoError(t, v.request())
	}
	require.Equal(t, 5*time.Second, failedWith(t, 42901, v.request()))
	require.Equal(t, 5*time.Second, failedWith(t, 42901, v.request()), "a refusal costs nothing")
	b.now = b.now.Add(4 * time.Second)
	require.Equal(t, time.Second, failedWith(t, 42901, v.request()))
	b.now = b.now.Add(time.Second)
	require.NoError(t, v.request())
	failedWith(t, 42901, v.request())
	require.NoError(t, v.message(), "nothing else is limited")
	require.NoError(t, v.traffic(1<<40))
}

func TestVisitorMessages(t *testing.T) {
	b := newBooth(t, Limits{Messages: 24})
	v := b.from("192.0.2.1:1000", 0)
	for range 24 {
		require.NoError(t, v.message())
	}
	require.Equal(t, time.Hour, failedWith(t, 42908, v.message()))
	b.now = b.now.Add(2 * time.Hour)
	require.NoError(t, v.message())
	require.NoError(t, v.message())
	failedWith(t, 42908, v.message())
	b.now = b.now.Add(48 * time.Hour)
	for range 24 {
		require.NoError(t, v.message())
	}
	failedWith(t, 42908, v.message())
}

func TestVisitorTraffic(t *testing.T) {
	b := newBooth(t, Limits{Bandwidth: 86_400_000})
	v := b.from("192.0.2.1:1000", 0)
	require.Equal(t, time.Hour, failedWith(t, 42905, v.traffic(86_400_001)))
	require.NoError(t, v.traffic(86_400_000))
	require.NoError(t, v.traffic(0))
	require.NoError(t, v.traffic(-1))
	require.Equal(t, time.Second, failedWith(t, 42905, v.traffic(1)))
	require.Equal(t, time.Minute, failedWith(t, 42905, v.traffic(60_000)))
	b.now = b.now.Add(time.Minute)
	require.NoError(t, v.traffic(60_000))
}

func TestVisitorStreams(t *testing.T) {
	b := newBooth(t, Limits{Subscriptions: 2})
	first, err := b.from("192.0.2.1:1000", 0).open()
	require.NoError(t, err)
	_, err = b.from("192.0.2.1:1001", 0).open()
	require.NoError(t, err)
	_, err = b.from("192.0.2.1:1002", 0).open()
	require.Positive(t, failedWith(t, 42903, err))
	_, err = b.from("192.0.2.2:1002", 0).open()
	require.NoError(t, err)
	first()
	first()
	_, err = b.from("192.0.2.1:1000", 0).open()
	require.NoError(t, err)
	_, err = b.from("192.0.2.1:1000", 0).open()
	failedWith(t, 42903, err)
}

func TestWhoIsOneVisitor(t *testing.T) {
	b := newBooth(t, Limits{Requests: RequestLimits{Burst: 1}})
	for _, c := range []struct {
		one, other         string
		oneUser, otherUser int64
		same               bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", 0, 0, true},
		{"192.0.2.1:1", "192.0.2.2:1", 0, 0, false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", 0, 0, true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1%eth0]:2", 0, 0, true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", 0, 0, false},
		{"192.0.2.1:1", "[2001:db8::1]:1", 5, 5, true},
		{"192.0.2.1:1", "192.0.2.1:1", 5, 6, false},
		{"192.0.2.1:1", "192.0.2.1:1", 5, 0, false},
	} {
		one, other := b.from(c.one, c.oneUser), b.from(c.other, c.otherUser)
		require.Equal(t, c.same, one.key == other.key, "%+v", c)
		require.Equal(t, c.same, one == other, "%+v", c)
	}
	v := b.from("192.0.2.77:1", 0)
	require.NoError(t, v.request())
	require.Equal(t, maxRetryAfter, failedWith(t, 42901, v.request()), "a limiter that never refills")
}

func TestWhoHasNoLimits(t *testing.T) {
	all := Limits{Requests: RequestLimits{Burst: 1, PerSecond: 1}, Messages: 1, Subscriptions: 1, Bandwidth: 1}
	for what, v := range map[string]*visitor{
		"exempt address":  newBooth(t, all).from("127.0.0.1:1", 0),
		"exempt user":     newBooth(t, all).from("[::1]:1", 5),
		"socket":          newBooth(t, all).from("@", 0),
		"no limits":       newBooth(t, Limits{}).from("192.0.2.1:1", 0),
		"negative limits": newBooth(t, Limits{Requests: RequestLimits{Burst: -1}, Messages: -1, Subscriptions: -1, Bandwidth: -1}).from("192.0.2.1:1", 0),
	} {
		require.NotEmpty(t, v.key, what)
		for range 10 {
			require.NoError(t, v.request(), what)
			require.NoError(t, v.message(), what)
			require.NoError(t, v.traffic(1<<62), what)
			_, err := v.open()
			require.NoError(t, err, what)
		}
	}
}

func TestVisitorsAreBounded(t *testing.T) {
	b := newBooth(t, Limits{Messages: 1})
	for i := range maxVisitors + 10 {
		b.visitors.get(strconv.Itoa(i))
	}
	require.Equal(t, maxVisitors, b.visitors.known.Len())
}
