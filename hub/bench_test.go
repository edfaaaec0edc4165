package hub_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// BenchmarkPublish measures one message to the streams of one user, with
// readers that take at once, and without any.
func BenchmarkPublish(b *testing.B) {
	for _, streams := range []int{1, 100, 5000} {
		b.Run(fmt.Sprintf("queue only/%d", streams), func(b *testing.B) {
			h := hub.New(hub.Options{QueueEvents: 64})
			var all []*hub.Subscription
			for range streams {
				all = append(all, live(b, h, model.Feed{UserID: 1, ClientID: 1}))
			}
			var into []*hub.Envelope
			id := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				id++
				h.Publish(message(1, id))
				if id%32 == 0 {
					b.StopTimer()
					for _, s := range all {
						into = s.Take(into[:0])
					}
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(streams), "ns/delivery")
		})
		b.Run(fmt.Sprintf("with readers/%d", streams), func(b *testing.B) {
			h := hub.New(hub.Options{QueueEvents: 1 << 30, QueueBytes: 1 << 50})
			finished := make(chan struct{})
			for range streams {
				s := live(b, h, model.Feed{UserID: 1, ClientID: 1})
				go func() {
					defer func() { finished <- struct{}{} }()
					var into []*hub.Envelope
					for {
						select {
						case <-s.Ready():
							into = s.Take(into[:0])
						case <-s.Done():
							return
						}
					}
				}()
			}
			id := int64(0)
			b.ReportAllocs()
			for b.Loop() {
				id++
				h.Publish(message(1, id))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(streams), "ns/delivery")
			h.Close(hub.ReasonShutdown)
			for range streams {
				<-finished
			}
		})
	}
}

// BenchmarkPublishBesideTopics measures one message to the only stream of a user
// who has thousands of topic streams, too, on other topics.
func BenchmarkPublishBesideTopics(b *testing.B) {
	h := hub.New(hub.Options{})
	s := live(b, h, model.Feed{UserID: 1})
	for i := range 5000 {
		live(b, h, model.Feed{UserID: 1, Topics: []string{fmt.Sprintf("topic%d", i)}})
	}
	var into []*hub.Envelope
	id := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		h.Publish(message(1, id))
		into = s.Take(into[:0])
	}
}

// BenchmarkIdleSubscription reports the memory of a subscription that waits.
func BenchmarkIdleSubscription(b *testing.B) {
	const streams = 10_000
	var before, after runtime.MemStats
	for b.Loop() {
		h := hub.New(hub.Options{})
		all := make([]*hub.Subscription, streams)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range all {
			all[i] = live(b, h, model.Feed{UserID: int64(i), ClientID: int64(i + 1)})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(all)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/streams, "B/stream")
}
