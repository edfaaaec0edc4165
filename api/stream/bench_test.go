package stream_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

// BenchmarkFanOut measures one message to 1,000 streams, through hub and pumps
// and, as the measure of what the library can do, through a loop that writes a
// prepared message to each connection. A poster posts its next message when all
// streams have got the last one. The clients, which count bytes only, take their
// share of the same processors.
func BenchmarkFanOut(b *testing.B) {
	const streams = 1000
	for _, posters := range []int{1, 16} {
		b.Run(fmt.Sprintf("pumps/posters=%d", posters), func(b *testing.B) {
			s := serve(b, stream.Options{Ping: time.Hour})
			last := int64(0)
			fanOut(b, s.http.Listener.Addr().String(), streams, posters, func(text string) {
				last++
				s.hub.Publish(message(last, text))
			})
		})
		b.Run(fmt.Sprintf("prepared message/posters=%d", posters), func(b *testing.B) {
			address, connections := bareServer(b)
			fanOut(b, address, streams, posters, func(text string) {
				prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(text))
				require.NoError(b, err)
				for _, conn := range connections() {
					if err := conn.WritePreparedMessage(prepared); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// fanOut opens streams and lets posters post b.N messages. The post function is
// called under a lock, as messages are published in the order of the log.
func fanOut(b *testing.B, address string, streams, posters int, post func(text string)) {
	text := strings.Repeat("x", 200)
	size := len(wire(text))
	posts := b.N
	arrived := make([]atomic.Int64, posts)
	complete := make([]chan struct{}, posts)
	for i := range complete {
		complete[i] = make(chan struct{})
	}
	failed := make(chan struct{})
	var broken sync.Once
	var clients, posting sync.WaitGroup
	for range streams {
		conn, reader := rawStream(b, address)
		require.NoError(b, conn.SetDeadline(time.Time{}))
		clients.Go(func() {
			chunk := make([]byte, 16<<10)
			for got, seen := 0, 0; seen < posts; {
				n, err := reader.Read(chunk)
				if err != nil {
					broken.Do(func() { b.Error(err); close(failed) })
					return
				}
				got += n
				for ; seen < got/size; seen++ {
					if arrived[seen].Add(1) == int64(streams) {
						close(complete[seen])
					}
				}
			}
			_ = conn.Close()
		})
	}
	var log sync.Mutex
	next := 0
	b.ResetTimer()
	for range posters {
		posting.Go(func() {
			for {
				log.Lock()
				mine := next
				if mine == posts {
					log.Unlock()
					return
				}
				next++
				post(text)
				log.Unlock()
				select {
				case <-complete[mine]:
				case <-failed:
					return
				}
			}
		})
	}
	posting.Wait()
	b.StopTimer()
	b.ReportMetric(float64(posts*streams)/b.Elapsed().Seconds(), "deliveries/s")
	clients.Wait()
}

// BenchmarkIdleStream reports the heap and the stacks that a stream holds which
// has carried a message, a ping and a pong. The client's end of the connection
// is in this process too.
func BenchmarkIdleStream(b *testing.B) {
	const streams = 2000
	var perStream float64
	for b.Loop() {
		s := serve(b, stream.Options{Ping: time.Second}, withReplay(func(subscription *hub.Subscription) stream.Replay {
			return func(ctx, emit) error { subscription.Release(0); return nil }
		}))
		before := memory()
		conns := make([]net.Conn, streams)
		for i := range conns {
			conns[i], _ = rawStream(b, s.http.Listener.Addr().String())
		}
		s.publish(1, "hello")
		awaited := slices.Concat(wire("hello"), []byte{0x89, 0})
		got := make([]byte, len(awaited))
		for _, conn := range conns {
			_, err := io.ReadFull(conn, got)
			require.NoError(b, err)
			_, err = conn.Write(masked(0x8a, ""))
			require.NoError(b, err)
		}
		perStream = float64(memory()-before) / streams
		s.hub.Close(hub.ReasonShutdown)
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	b.ReportMetric(perStream, "B/stream")
}

// memory returns how much memory the heap and the stacks hold.
func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// bareServer returns an address that upgrades connections, and a function that
// returns them.
func bareServer(b *testing.B) (address string, connections func() []*websocket.Conn) {
	var mu sync.Mutex
	var conns []*websocket.Conn
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			b.Error(err)
			return
		}
		conns = append(conns, conn)
	}))
	connections = func() []*websocket.Conn {
		mu.Lock()
		defer mu.Unlock()
		return conns
	}
	b.Cleanup(func() {
		server.Close()
		for _, conn := range connections() {
			_ = conn.Close()
		}
	})
	return server.Listener.Addr().String(), connections
}
