package ntfy

import (
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/carillon-push/carillon/model"
)

const (
	// maxVisitors bounds the memory: at less than 1 KB each, 100 MB.
	maxVisitors = 100_000
	// maxRetryAfter is what a visitor is told at most.
	maxRetryAfter = time.Hour

	day = 24 * time.Hour
)

// visitors knows what each visitor has used lately of what it may. Who is
// forgotten first is who has not come for the longest time.
type visitors struct {
	limits Limits
	now    func() time.Time
	known  *lru.Cache[string, *visitor]
}

func newVisitors(o Options) *visitors {
	known, _ := lru.New[string, *visitor](maxVisitors) // fails for a size below 1 only
	return &visitors{limits: o.Limits, now: o.Now, known: known}
}

// visitor is one source of requests: a user wherever they are, or the address of
// a stranger. A limit that is nil is none.
type visitor struct {
	// key names it; the attachments that it uploads are counted under it.
	key string
	now func() time.Time
	// Each fills itself up as time passes: nobody has to reset a day.
	requests, messages, bandwidth *rate.Limiter

	mu sync.Mutex
	// streams is how many are open, and most how many may be; zero for any.
	streams, most int
}

// visit returns the visitor that a request comes from. The router has put the
// client's own address into RemoteAddr when a trusted proxy told it.
func (f *Face) visit(c *gin.Context, who *model.Identity) *visitor {
	key, limited := f.visitorKey(c.Request.RemoteAddr, who)
	if !limited {
		return &visitor{key: key, now: f.Now}
	}
	return f.visitors.get(key)
}

// visitorKey returns under which name a request is counted, and whether it is.
func (f *Face) visitorKey(remote string, who *model.Identity) (key string, limited bool) {
	key, limited = "socket", false
	// What has no address came over a socket in the file system: whoever may open
	// it is trusted.
	if peer, err := netip.ParseAddrPort(remote); err == nil {
		address := peer.Addr().Unmap().WithZone("")
		key, limited = addressKey(address), f.Exempt == nil || !f.Exempt(address)
	}
	if who != nil {
		key = "user:" + strconv.FormatInt(who.User.ID, 10)
	}
	return key, limited
}

// addressKey returns the address, or its /64 network for IPv6, which is what one
// person is given.
func addressKey(address netip.Addr) string {
	if address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address, 64).Masked().String()
}

func (v *visitors) get(key string) *visitor {
	if known, ok := v.known.Get(key); ok {
		return known
	}
	fresh := &visitor{
		key: key, now: v.now, most: v.limits.Subscriptions,
		requests:  newLimiter(v.limits.Requests.PerSecond, int64(v.limits.Requests.Burst)),
		messages:  newLimiter(float64(v.limits.Messages)/day.Seconds(), int64(v.limits.Messages)),
		bandwidth: newLimiter(float64(v.limits.Bandwidth)/day.Seconds(), v.limits.Bandwidth),
	}
	if earlier, found, _ := v.known.PeekOrAdd(key, fresh); found {
		return earlier
	}
	return fresh
}

// newLimiter returns nil when there is no limit.
func newLimiter(perSecond float64, burst int64) *rate.Limiter {
	if burst <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(burst, math.MaxInt)))
}

// request counts a request.
func (v *visitor) request() error {
	return v.take(v.requests, 1, 42901)
}

// message counts a message.
func (v *visitor) message() error {
	return v.take(v.messages, 1, 42908)
}

// traffic counts bytes of attachments that come in or go out.
func (v *visitor) traffic(n int64) error {
	return v.take(v.bandwidth, n, 42905)
}

// open counts a stream until it is released, which may be done more than once.
func (v *visitor) open() (release func(), err error) {
	if v.most <= 0 {
		return func() {}, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.streams >= v.most {
		return nil, refuseFor(time.Minute, 42903)
	}
	v.streams++
	return sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.streams--
	}), nil
}

// take takes n from the limiter, or nothing and says when there will be so much.
func (v *visitor) take(l *rate.Limiter, n int64, code int) error {
	if l == nil || n <= 0 {
		return nil
	}
	now := v.now()
	if n <= int64(l.Burst()) && l.AllowN(now, int(n)) {
		return nil
	}
	after := maxRetryAfter
	if missing := float64(n) - l.TokensAt(now); n <= int64(l.Burst()) && l.Limit() > 0 {
		seconds := math.Ceil(missing / float64(l.Limit()))
		after = time.Duration(min(max(seconds, 1), maxRetryAfter.Seconds())) * time.Second
	}
	return refuseFor(after, code)
}

func refuseFor(after time.Duration, code int) *failure {
	refused := failuref(code, "")
	refused.after = after
	return refused
}
