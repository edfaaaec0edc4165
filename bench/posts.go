package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// drainLimit is how long the last answers of a round may take.
const drainLimit = 15 * time.Second

// posts measures durable posts against the limit probe.
func (b *bench) posts(ctx context.Context) (err error) {
	connection, drop, err := b.fresh()
	if err != nil {
		return err
	}
	defer dropAll(&err, drop)
	probeConnection, dropProbe, err := b.fresh()
	if err != nil {
		return err
	}
	defer dropAll(&err, dropProbe)
	server, err := b.carillon(ctx, connection)
	if err != nil {
		return err
	}
	defer stopAll(&err, server)
	limit, err := b.self(ctx, probeCommand, "-dialect", b.dialect.Name, "-connection", probeConnection)
	if err != nil {
		return err
	}
	defer stopAll(&err, limit)
	_, token, err := admin(server).application(ctx, "bench")
	if err != nil {
		return err
	}
	for _, connections := range []int{1, 16, 256} {
		b.say("posts over %s", plural(connections, "connection"))
		var ours, theirs []sample
		for range b.rounds {
			for _, side := range []struct {
				*process
				samples *[]sample
			}{{server, &ours}, {limit, &theirs}} {
				s, err := b.hammer(ctx, side.process, connections, postRequest(side.address, token))
				if err != nil {
					return err
				}
				*side.samples = append(*side.samples, s)
			}
		}
		b.table.add(postsRow(connections, medians(ours), medians(theirs)))
	}
	return nil
}

func postsRow(connections int, ours, theirs sample) row {
	r := row{
		what: "posts, " + plural(connections, "connection"), ours: ours.cells(), cpuUsage: ours.cpu.String(),
		against: "limit probe", theirs: theirs.cells(), ratio: percent(ours.rate / theirs.rate),
	}
	if connections == 256 {
		r.target = atLeast(0.5, ours.rate/theirs.rate)
	}
	return r
}

// hammer lets callers repeat a request for one round, each as soon as it has
// its answer.
func (b *bench) hammer(ctx context.Context, p *process, connections int, r request) (s sample, err error) {
	var latencies histogram
	from := b.loop.now() + warmUp
	until := from + b.span
	all, err := b.loop.callers(ctx, p.address, connections, r, func(c *caller, now, took time.Duration) error {
		if now >= from && now < until {
			latencies.add(took)
		}
		if now < until {
			return c.send()
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	defer hangUp(all)
	for _, c := range all {
		if err := c.send(); err != nil {
			return s, err
		}
	}
	if s.cpu, err = b.round(ctx, p, from, until); err != nil {
		return s, err
	}
	if err := b.loop.run(ctx, until+drainLimit, func() bool { return waitingFor(all) == 0 }); err != nil {
		return s, err
	}
	if late := waitingFor(all); late > 0 {
		return s, fmt.Errorf("%d answers did not come within %s", late, drainLimit)
	}
	if latencies.total == 0 {
		return s, errors.New("no answer came within the round: it is too short")
	}
	s.rate = float64(latencies.total) / b.span.Seconds()
	s.p50, s.p99 = latencies.quantile(0.5), latencies.quantile(0.99)
	return s, nil
}

// round runs the loop over the warm-up and the time that counts, and returns
// what was used in the latter.
func (b *bench) round(ctx context.Context, p *process, from, until time.Duration) (u usage, err error) {
	never := func() bool { return false }
	if err := b.loop.run(ctx, from, never); err != nil {
		return u, err
	}
	before, err := spend(p)
	if err != nil {
		return u, err
	}
	if err := b.loop.run(ctx, until, never); err != nil {
		return u, err
	}
	after, err := spend(p)
	return before.until(after), err
}
