package gotify

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// link is a TCP proxy between a server and its database that can be cut.
type link struct {
	address string // of the proxy
	target  string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	frozen   chan struct{} // closed when bytes may flow
}

func newLink(t *testing.T, target string) *link {
	t.Helper()
	l := &link{target: target, address: "127.0.0.1:0", conns: map[net.Conn]bool{}, frozen: make(chan struct{})}
	close(l.frozen)
	l.mend(t)
	t.Cleanup(func() { l.thaw(); l.cut() })
	return l
}

// mend lets connections through, on the same address as before.
func (l *link) mend(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", l.address)
	require.NoError(t, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener, l.address = listener, listener.Addr().String()
	go l.accept(listener)
}

// cut ends all connections and refuses new ones.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener.Close()
	for conn := range l.conns {
		conn.Close()
	}
}

// freeze keeps all connections open and lets no byte through.
func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = make(chan struct{})
}

// thaw lets bytes flow again.
func (l *link) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.frozen:
	default:
		close(l.frozen)
	}
}

func (l *link) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.target)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		l.conns[near], l.conns[far] = true, true
		l.mu.Unlock()
		go l.pump(near, far)
		go l.pump(far, near)
	}
}

func (l *link) pump(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		frozen := l.frozen
		l.mu.Unlock()
		<-frozen
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			break
		}
	}
	to.Close()
	from.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, to)
	delete(l.conns, from)
}

// The database goes away and comes back: meanwhile the answer is 503, then all
// goes on without a restart, and what was acknowledged is stored.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		trouble(t, d, 2, Patience, (*link).cut, func(between *link) { between.mend(t) })
	})
}

// A database that says nothing more, on connections that stay open, is away when
// the time for a statement is over.
func TestDatabaseFreezes(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		trouble(t, d, 1, 3*Patience, (*link).freeze, (*link).thaw)
	})
}

// trouble lets a storm of posts go on while the link to the database is in
// trouble for some rounds. noticed is how long the server may take to notice.
func trouble(t *testing.T, d dialect.Dialect, rounds int, noticed time.Duration, begin, end func(*link)) {
	t.Helper()
	place := server.NewPlace(t, d, nil)
	between := newLink(t, d.Address(place.Connection))
	place.Settings["database.connection"] = d.Through(place.Connection, between.address)
	s := place.Start(t)
	user := NewPerson(t, s)
	sender, book := user.NewSender("app"), newLedger()
	l := &listener{device: user.NewDevice("phone")}
	l.connect()

	stop := book.storm(sender, 6, "storm")
	defer stop()
	for range rounds {
		book.reach(t, http.StatusOK, 100)
		begin(between)
		read, health := ask(user.Caller, "/message"), ask(Anonymous(t, s), "/health")
		UntilWithin(t, noticed, "posts are refused", func() bool { return book.count(http.StatusServiceUnavailable) > 0 })
		for _, refused := range []*Answer{book.lastRefused(), (<-read)(t)} {
			refused.Refused(http.StatusServiceUnavailable)
			require.NotEmpty(t, refused.Header.Get("Retry-After"))
		}
		red := (<-health)(t).Want(http.StatusInternalServerError)
		require.JSONEq(t, `{"health":"orange","database":"red"}`, string(red.Body))
		end(between)
		book.reach(t, http.StatusOK, 100)
		Until(t, "green health", func() bool { return Anonymous(t, s).Get("/health").Status == http.StatusOK })
	}
	stop()
	before := len(book.acked)
	require.NoError(t, book.post(sender, "the last one"))
	require.Len(t, book.acked, before+1, "%v", book.refused)
	stored := user.History()
	book.matches(t, stored)
	require.Equal(t, book.count(200)+book.count(503), total(book.statuses), "%v", book.statuses)
	l.follow(stored[len(stored)-1].ID)
	l.sawAll(stored)
}

// ask sends a GET request in the background.
func ask(c *Caller, path string) <-chan func(*testing.T) *Answer {
	result := make(chan func(*testing.T) *Answer, 1)
	go func() {
		answer, err := c.Try(context.Background(), "GET", path, nil)
		result <- func(t *testing.T) *Answer {
			t.Helper()
			require.NoError(t, err)
			return answer
		}
	}()
	return result
}

func total(counts map[int]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}
