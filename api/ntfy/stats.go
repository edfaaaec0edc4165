package ntfy

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/singleflight"
)

type stats struct {
	Messages int64 `json:"messages"`
	// MessagesRate is per second.
	MessagesRate float64 `json:"messages_rate"`
}

func (f *Face) stats(c *gin.Context) error {
	// Counting takes time on a large table: those who ask meanwhile get the same
	// answer.
	counted, err, _ := f.counts.group.Do("", func() (any, error) {
		return f.Reader.CountMessages(context.WithoutCancel(c.Request.Context()))
	})
	if err != nil {
		return err
	}
	messages, _ := counted.(int64)
	return writeJSON(c, http.StatusOK, stats{Messages: messages, MessagesRate: f.counts.rate(messages, f.Now())})
}

// counts remembers how many messages there were, to tell how fast they come. The
// zero value is ready.
type counts struct {
	group singleflight.Group

	mu sync.Mutex
	// earlier and later are the last two counts that were rateSpan apart.
	earlier, later count
}

type count struct {
	messages int64
	at       time.Time
}

// rateSpan is over how long a rate is told, at least; nobody who asks often makes
// it shorter.
const rateSpan = time.Minute

// rate returns the messages per second since an earlier count, 0 for the first one
// and when messages were deleted.
func (s *counts) rate(messages int64, now time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.later.at.IsZero() || now.Sub(s.later.at) >= rateSpan {
		s.earlier, s.later = s.later, count{messages, now}
	}
	from := s.earlier
	if from.at.IsZero() {
		from = s.later
	}
	seconds := now.Sub(from.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return max(float64(messages-from.messages), 0) / seconds
}
