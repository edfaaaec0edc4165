package main

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

const (
	// settleLimit bounds how long the server's memory is watched until it falls
	// no more.
	settleLimit = 20 * time.Second
	settleStep  = 2 * time.Second
	// pingLimit is more than the period of the server's pings, 25 s.
	pingLimit = 45 * time.Second
	// idleUsers are those whom the idle streams belong to.
	idleUsers = 20
)

// idle measures what a stream costs that only waits.
func (b *bench) idle(ctx context.Context) (err error) {
	if err := allowFiles(b.idleStreams); err != nil {
		return err
	}
	connection, drop, err := b.fresh()
	if err != nil {
		return err
	}
	defer dropAll(&err, drop)
	server, err := b.carillon(ctx, connection)
	if err != nil {
		return err
	}
	defer stopAll(&err, server)
	owners, err := b.owners(ctx, server)
	if err != nil {
		return err
	}
	b.say("memory before %s streams", count(b.idleStreams))
	before, err := b.settled(ctx, server)
	if err != nil {
		return err
	}
	for _, o := range owners {
		all, err := b.loop.listenTo(ctx, server.address, o.stream, b.idleStreams/len(owners))
		if err != nil {
			return err
		}
		defer all.close()
		o.audience = all
	}
	b.say("waiting until %s streams were pinged", count(b.idleStreams))
	if err := b.everybodyPinged(ctx, owners); err != nil {
		return err
	}
	b.say("memory with %s streams", count(b.idleStreams))
	after, err := b.settled(ctx, server)
	if err != nil {
		return err
	}
	if err := b.everybodyHears(ctx, owners); err != nil {
		return err
	}
	each := float64(after-before) / float64(b.idleStreams)
	b.table.add(row{
		what: "memory of one idle stream of " + count(b.idleStreams), ours: cells{value: fmt.Sprintf("%.1f KiB", each/1024)},
		against: "the process before", theirs: cells{value: fmt.Sprintf("%d MiB", before>>20)},
		target: "≤ 10 KiB" + met(each <= 10<<10),
	})
	return nil
}

// owner is a user with streams and an application.
type owner struct {
	target
	audience *audience
}

func (b *bench) owners(ctx context.Context, p *process) ([]*owner, error) {
	all := make([]*owner, idleUsers)
	for i := range all {
		u, err := admin(p).user(ctx, fmt.Sprintf("user %d", i))
		if err != nil {
			return nil, err
		}
		_, token, err := u.application(ctx, "bench")
		if err != nil {
			return nil, err
		}
		client, err := u.client(ctx)
		if err != nil {
			return nil, err
		}
		all[i] = &owner{target: target{process: p, post: postRequest(p.address, token), stream: "/stream?token=" + url.QueryEscape(client)}}
	}
	return all, nil
}

// settled returns the server's resident memory when it falls no more. Requests
// go before, so that garbage was collected since the streams were opened.
func (b *bench) settled(ctx context.Context, p *process) (int, error) {
	if _, err := b.hammer(ctx, p, 4, getRequest(p.address, "/version", "")); err != nil {
		return 0, err
	}
	least, err := p.resident()
	for end := b.loop.now() + settleLimit; err == nil && b.loop.now() < end; {
		// The loop goes on, because pings want an answer.
		if err := b.loop.run(ctx, b.loop.now()+settleStep, func() bool { return false }); err != nil {
			return 0, err
		}
		now, err := p.resident()
		if err != nil || now > least-least/100 {
			return min(now, least), err
		}
		least = now
	}
	return least, err
}

// everybodyPinged waits for the server's first ping to each stream: from then on
// a stream holds what it goes on to hold, and not what its start needed.
func (b *bench) everybodyPinged(ctx context.Context, owners []*owner) error {
	missing := func() (n int) {
		for _, o := range owners {
			n += max(len(o.audience.streams)-o.audience.pinged, 0)
		}
		return n
	}
	if err := b.loop.run(ctx, b.loop.now()+pingLimit, func() bool { return missing() == 0 }); err != nil {
		return err
	}
	if n := missing(); n != 0 {
		return fmt.Errorf("%d streams were not pinged within %s", n, pingLimit)
	}
	return nil
}

// everybodyHears shows that the streams were alive all the time.
func (b *bench) everybodyHears(ctx context.Context, owners []*owner) error {
	missing := func() (n int) {
		for _, o := range owners {
			n += len(o.audience.streams) - o.audience.delivered
		}
		return n
	}
	for _, o := range owners {
		one, err := b.loop.callers(ctx, o.address, 1, o.post, func(*caller, time.Duration, time.Duration) error { return nil })
		if err != nil {
			return err
		}
		defer hangUp(one)
		if err := one[0].send(); err != nil {
			return err
		}
	}
	if err := b.loop.run(ctx, b.loop.now()+drainLimit, func() bool { return missing() == 0 }); err != nil {
		return err
	}
	if n := missing(); n != 0 {
		return fmt.Errorf("%d streams did not get a message after the rest", n)
	}
	return nil
}
