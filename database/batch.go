package database

import (
	"context"
	"log/slog"
	"runtime"
	"sync"

	"github.com/carillon-push/carillon/model"
	"gorm.io/gorm"
)

// Bounds of the group commit.
const (
	// queueLength is how many messages may wait for a commit; more senders wait
	// for a place.
	queueLength = 4096
	// groupLength and groupBytes bound one transaction, so that it fits into a
	// server's packet and nobody waits for long.
	groupLength = 1024
	groupBytes  = 1 << 20
)

const messageCounter = "message"

// batch is the group commit: one goroutine commits whatever is waiting in one
// transaction (commit.go), a second one announces what was committed, in the
// order of ids, and then answers the senders (announce.go). The two overlap, so
// that a large audience does not hold up the next commit.
type batch struct {
	reader    *Reader
	publisher *gorm.DB
	committed func([]*model.Event)
	log       *slog.Logger

	mu      sync.RWMutex // guards sends on queue against its close
	closed  bool
	closing chan struct{} // closed when no sender is let in any more
	queue   chan *write
	groups  chan []*write
	done    chan struct{} // closed when every sender was answered
	// announced is the last id that was announced; only announce touches it.
	announced int64
}

func startBatch(ctx context.Context, reader *Reader, publisher *gorm.DB, o Options) (*batch, error) {
	latest, err := reader.LatestMessageID(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{
		reader: reader, publisher: publisher, committed: o.Committed, log: o.Log, announced: latest,
		closing: make(chan struct{}), queue: make(chan *write, queueLength),
		groups: make(chan []*write, 2), done: make(chan struct{}),
	}
	if b.committed == nil {
		b.committed = func([]*model.Event) {}
	}
	go b.commitAll()
	go b.announceAll()
	return b, nil
}

func (b *batch) add(w *write) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return model.Errorf(model.Unavailable, "the server is stopping").After(retryAfter)
	}
	select {
	case b.queue <- w:
		return nil
	case <-w.ctx.Done():
		return translate(w.ctx.Err())
	}
}

// close commits what is queued and returns when all senders were answered.
func (b *batch) close() {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.closing)
		close(b.queue)
	}
	b.mu.Unlock()
	<-b.done
}

func (b *batch) commitAll() {
	defer close(b.groups)
	var next *write
	for {
		if next == nil {
			w, open := <-b.queue
			if !open {
				return
			}
			next = w
		}
		var group []*write
		group, next = b.collect(next)
		if len(group) == 0 {
			continue
		}
		if err := b.commit(group); err != nil {
			next = b.refuse(group, next, err)
			continue
		}
		b.groups <- group
	}
}

// collect takes everything that waits, within the bounds of a group. A message
// that does not fit any more is returned as the first of the next group.
func (b *batch) collect(first *write) (group []*write, next *write) {
	size := 0
	for w := first; w != nil; w = b.waiting() {
		if err := w.ctx.Err(); err != nil {
			w.end(translate(err))
			continue
		}
		n := w.size()
		if len(group) > 0 && size+n > groupBytes {
			return group, w
		}
		group, size = append(group, w), size+n
		if len(group) == groupLength {
			break
		}
	}
	return group, nil
}

// waiting returns a message that waits, nil when there is none. Before it gives
// up, it lets others run: senders who were answered by the last commit are about
// to send their next messages, and a commit costs the same for one as for many.
func (b *batch) waiting() *write {
	for yielded := false; ; yielded = true {
		select {
		case w := <-b.queue:
			return w
		default:
		}
		if yielded {
			return nil
		}
		runtime.Gosched()
	}
}

// refuse answers a group that could not be stored, and returns next if that is
// still to be tried. While the database is away, everything else that waits is
// refused too: to try group after group would keep the last of them waiting for
// minutes.
func (b *batch) refuse(group []*write, next *write, err error) *write {
	if model.KindOf(err) == model.Unavailable {
		if next != nil {
			group, next = append(group, next), nil
		}
		// Taken out before anybody is answered: who comes later gets a fresh try.
		for range len(b.queue) {
			if w, open := <-b.queue; open {
				group = append(group, w)
			}
		}
	}
	// One line for all of them: who waited may have gone, and logs nothing.
	b.log.Error("messages were not stored", "count", len(group), "error", err)
	for _, w := range group {
		w.end(err)
	}
	return next
}
