package hub_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// Streams come, read, leave and are ended while messages are published. What
// each one sees stays in order, and nothing stays behind.
func TestChurn(t *testing.T) {
	const users, clients, readers, streamsEach = 4, 6, 12, 150
	h := hub.New(hub.Options{QueueEvents: 64})
	stop := make(chan struct{})
	var reading, others sync.WaitGroup

	for user := int64(1); user <= users; user++ {
		others.Go(func() {
			for id := int64(1); ; id++ {
				select {
				case <-stop:
					return
				default:
					even, odd := message(user, 2*id), message(user, 2*id+1)
					even.Topic, odd.Topic = topicOf(user), topicOf(user)
					h.Publish(even, odd)
				}
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			switch rand.IntN(4) {
			case 0:
				h.EndUser(rand.Int64N(users)+1, hub.ReasonRevoked)
			case 1:
				h.EndClient(rand.Int64N(clients)+1, hub.ReasonRevoked)
			case 2:
				h.EndWhere(func(f model.Feed) bool { return len(f.Topics) > 0 && f.UserID == 0 }, hub.ReasonRevoked)
			default:
				h.Clients()
				h.StreamsOf(1)
			}
		}
	})
	for range readers {
		reading.Go(func() {
			for range streamsEach {
				feed := model.Feed{UserID: rand.Int64N(users) + 1, ClientID: rand.Int64N(clients + 1)}
				if rand.IntN(2) == 0 {
					// Several users publish at a time here, so only the topics of one keep the order.
					feed.Topics = []string{topicOf(feed.UserID), "silent"}
					feed.UserID *= rand.Int64N(2)
				}
				readSome(t, h, feed)
			}
		})
	}
	reading.Wait()
	close(stop)
	others.Wait()
	require.Zero(t, h.Streams())
	byUser, byTopic, byClient := h.Entries()
	require.Zero(t, byUser+byTopic+byClient)
}

func topicOf(user int64) string { return fmt.Sprintf("topic%d", user) }

// readSome opens a stream, reads until it has seen a few messages or was ended,
// and leaves.
func readSome(t *testing.T, h *hub.Hub, feed model.Feed) {
	s, err := h.Subscribe(feed)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	s.Release(rand.Int64N(100))
	last := int64(0)
	for range 5 {
		select {
		case <-s.Done():
			if r := s.Reason(); r != hub.ReasonRevoked && r != hub.ReasonSlow {
				t.Errorf("ended as %s", r)
			}
			return
		case <-s.Ready():
			for _, id := range ids(s.Take(nil)) {
				if id <= last {
					t.Errorf("message %d after %d", id, last)
				}
				last = id
			}
		}
	}
}
