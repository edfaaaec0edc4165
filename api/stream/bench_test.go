package stream_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
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
	var clients, posting sync.WaitGroup
	for range streams {
		conn, reader := rawStream(b, address)
		clients.Go(func() {
			chunk := make([]byte, 16<<10)
			for got, seen := 0, 0; seen < posts; {
				n, err := reader.Read(chunk)
				if err != nil {
					b.Error(err)
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
				<-complete[mine]
			}
		})
	}
	posting.Wait()
	b.StopTimer()
	b.ReportMetric(float64(posts*streams)/b.Elapsed().Seconds(), "deliveries/s")
	clients.Wait()
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
