package stream_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
			s := serve(b, stream.Options{})
			var last int64 // guarded by the benchmark's lock
			fanOut(b, s, streams, posters, func(text string) {
				last++
				s.hub.Publish(message(last, text))
			})
		})
		b.Run(fmt.Sprintf("prepared message/posters=%d", posters), func(b *testing.B) {
			bare := newBareServer(b, streams)
			fanOut(b, bare.server, streams, posters, func(text string) {
				prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, []byte(text))
				require.NoError(b, err)
				for _, conn := range bare.conns {
					if err := conn.WritePreparedMessage(prepared); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// fanOut lets posters post b.N messages to streams of s. The post function is
// called under a lock, in the order of the log.
func fanOut(b *testing.B, s *server, streams, posters int, post func(text string)) {
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
		conn, reader := s.raw(b)
		s.subscription(b)
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

// bareServer holds connections of the library and nothing else.
type bareServer struct {
	*server
	conns []*websocket.Conn
}
