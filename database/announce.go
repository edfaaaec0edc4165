package database

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carillon-push/carillon/model"
)

// missedAtOnce bounds how many missed messages are read at a time: another node
// may have stored very many.
const missedAtOnce = 500

func (b *batch) announceAll() {
	defer close(b.done)
	for group := range b.groups {
		events := make([]*model.Event, 0, len(group))
		for _, w := range group {
			if w.err == nil {
				events = append(events, w.event())
			}
		}
		b.announce(events)
		for _, w := range group {
			w.end(w.err)
		}
	}
}

// announce tells of the events in the order of their ids. A jump in the ids means
// that something was committed without anybody here hearing of it (by another
// node, or by a commit whose answer was lost): that is announced first.
func (b *batch) announce(events []*model.Event) {
	slices.SortFunc(events, func(x, y *model.Event) int { return cmp.Compare(x.ID, y.ID) })
	for len(events) > 0 {
		first := events[0].ID
		if first > b.announced+1 {
			if err := b.announceMissed(first); err != nil {
				b.log.Error("messages of other nodes were not announced", "after", b.announced, "before", first, "error", err)
			}
		}
		n := 1
		for n < len(events) && events[n].ID == events[n-1].ID+1 {
			n++
		}
		b.announced = max(b.announced, events[n-1].ID)
		b.committed(events[:n:n])
		events = events[n:]
	}
}

func (b *batch) announceMissed(before int64) error {
	for {
		missed, err := b.missed(before)
		if err != nil || len(missed) == 0 {
			return err
		}
		b.announced = missed[len(missed)-1].ID
		b.committed(missed)
	}
}

// missed reads what comes next. While the database is away it waits: order is
// worth more than the answer to senders whose messages are safe.
func (b *batch) missed(before int64) ([]*model.Event, error) {
	for {
		missed, err := b.reader.eventsBetween(context.Background(), b.announced, before, missedAtOnce)
		if model.KindOf(err) != model.Unavailable {
			return missed, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-b.closing:
			return nil, err
		}
	}
}
