package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	// stuckText is the length of the texts that a reader does not read: as long as
	// ntfy's may be by default, so that connections and queues are full soon.
	stuckText = 4000
	// stuckReaders are those who read beside it, and stuckPosters post to them.
	stuckReaders = 10
	stuckPosters = 16
	// stuckMemory is what one reader may cost: a queue of 8 MiB, what its pump took
	// out of the queue before and cannot write, and room for garbage.
	stuckMemory = 32 << 20
	// unreadRoom and drainRoom are how much a connection takes in that nobody reads,
	// and that somebody does.
	unreadRoom = 4 << 10
	drainRoom  = 1 << 20
)

// stuck measures what a subscriber costs that opens a stream and never reads:
// those who post, and those who read beside it, and the process.
func (b *bench) stuck(ctx context.Context, p *process) error {
	t := target{process: p, post: putRequest(p.address, stuckText)}
	all, err := b.loop.subscribeTo(ctx, t.address, stuckReaders)
	if err != nil {
		return err
	}
	defer all.close()
	all.order = &order{}
	b.say("%s, with and without one that never reads", plural(stuckReaders, "JSON subscriber"))
	// The first round is not counted: memory grows in it to what it stays at.
	if _, err := b.watched(ctx, t, all); err != nil {
		return err
	}
	var without, with []sample
	for range b.rounds {
		s, err := b.watched(ctx, t, all)
		if err != nil {
			return err
		}
		without = append(without, s)
		if s, err = b.besideStuck(ctx, t, all); err != nil {
			return err
		}
		with = append(with, s)
	}
	b.addStuck(medians(with), medians(without))
	return nil
}

func (b *bench) addStuck(with, without sample) {
	ratio := with.rate / without.rate
	r := fanoutRow("deliveries, "+plural(stuckReaders, "JSON subscriber")+" and one that never reads", with)
	r.against, r.theirs, r.ratio, r.target = "without it", without.cells(), percent(ratio), atLeast(0.9, ratio)
	b.table.add(r)
	more := with.peak - without.peak
	b.table.add(row{
		what: "memory of a subscriber that never reads, at most", ours: cells{value: mebibytes(more)},
		against: "the process without it", theirs: cells{value: mebibytes(without.peak)},
		target: "≤ " + mebibytes(stuckMemory) + met(more <= stuckMemory),
	})
}

func mebibytes(n float64) string { return fmt.Sprintf("%.1f MiB", n/(1<<20)) }

// watched is one round and the most memory that the server held in it.
func (b *bench) watched(ctx context.Context, t target, all *audience) (s sample, err error) {
	if err := t.forgetPeak(); err != nil {
		return s, err
	}
	if s, err = b.spread(ctx, t, all, stuckPosters, lag); err != nil {
		return s, err
	}
	peak, err := t.peak()
	s.peak = float64(peak)
	return s, err
}

// besideStuck is a round in which one more subscriber does not read until the
// round is over. What it finds then must be what the others got, from the first
// message on, up to where the server gave it up.
func (b *bench) besideStuck(ctx context.Context, t target, all *audience) (s sample, err error) {
	c, err := dial(ctx, t.address, 0)
	if err != nil {
		return s, err
	}
	defer c.Close()
	// With little room for what is not read, the server has to keep it sooner.
	if err := errors.Join(c.(*net.TCPConn).SetReadBuffer(unreadRoom), subscribe(c, t.address)); err != nil {
		return s, err
	}
	before := len(all.order.all)
	if s, err = b.watched(ctx, t, all); err != nil {
		return s, err
	}
	late := &subscriber{audience: &audience{heard: func(_, _ time.Duration) {}, order: all.order}, taken: before}
	posts := len(all.order.all)
	if err := errors.Join(c.(*net.TCPConn).SetReadBuffer(drainRoom), late.drain(c, posts)); err != nil {
		return s, fmt.Errorf("the subscriber that did not read: %w", err)
	}
	if late.taken == posts {
		b.say("it has all %d messages, which nobody had to give up: a longer round says more", posts-before)
	} else {
		b.say("the server gave it up after %d of %d messages", late.taken-before, posts-before)
	}
	return s, nil
}

// drain reads until the server has ended the subscription, or so many messages
// were taken.
func (s *subscriber) drain(c net.Conn, messages int) error {
	for piece := make([]byte, 64<<10); s.taken < messages; {
		if err := c.SetReadDeadline(time.Now().Add(drainLimit)); err != nil {
			return err
		}
		n, err := c.Read(piece)
		if failed := s.receive(piece[:n], 0); failed != nil {
			err = failed
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, errEnded):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}
