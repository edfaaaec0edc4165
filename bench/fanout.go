package main

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// lag is how many messages the streams may be behind while posters go on; a
// server ends streams that are too far behind.
const lag = 256

// comparedStreams are open on each of two servers.
const comparedStreams = 1000

// fanout measures deliveries: alone for small and large audiences, and at 1,000
// streams against a bare broadcast.
func (b *bench) fanout(ctx context.Context) (err error) {
	if err := allowFiles(max(b.widest, 2*comparedStreams)); err != nil {
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
	t, err := newTarget(ctx, server)
	if err != nil {
		return err
	}
	for _, streams := range []int{1, 100, b.widest} {
		if err := b.fanoutAlone(ctx, t, streams); err != nil {
			return err
		}
	}
	return b.fanoutCompared(ctx, t)
}

// target is a server that streams and takes posts.
type target struct {
	*process
	post   request
	stream string // the path
}

func newTarget(ctx context.Context, p *process) (t target, err error) {
	_, token, err := admin(p).application(ctx, "bench")
	if err != nil {
		return t, err
	}
	client, err := admin(p).client(ctx)
	if err != nil {
		return t, err
	}
	return target{process: p, post: postRequest(p.address, token), stream: "/stream?token=" + url.QueryEscape(client)}, nil
}

// fanoutAlone adds two rows: one poster that posts as fast as it can, and one
// that waits until everybody has the message.
func (b *bench) fanoutAlone(ctx context.Context, t target, streams int) error {
	b.say("fan-out to %s", plural(streams, "stream"))
	all, err := b.loop.listenTo(ctx, t.address, t.stream, streams)
	if err != nil {
		return err
	}
	defer all.close()
	var busy, calm []sample
	for range b.rounds {
		s, err := b.spread(ctx, t, all, 1, lag)
		if err != nil {
			return err
		}
		busy = append(busy, s)
		if s, err = b.spread(ctx, t, all, 1, 1); err != nil {
			return err
		}
		calm = append(calm, s)
	}
	what := "deliveries, " + plural(streams, "stream")
	b.table.add(fanoutRow(what+", 1 poster", medians(busy)))
	b.table.add(fanoutRow(what+", one at a time", medians(calm)))
	return nil
}

func fanoutRow(what string, s sample) row {
	return row{what: what, ours: s.cells(), cpuUsage: s.cpu.String()}
}

func (b *bench) fanoutCompared(ctx context.Context, ours target) (err error) {
	p, err := b.self(ctx, broadcastCommand)
	if err != nil {
		return err
	}
	defer stopAll(&err, p)
	bare := target{process: p, post: postRequest(p.address, "nobody"), stream: "/stream"}
	sides := []*side{{target: ours}, {target: bare}}
	for _, s := range sides {
		if s.all, err = b.loop.listenTo(ctx, s.address, s.stream, comparedStreams); err != nil {
			return err
		}
		defer s.all.close()
	}
	return b.compare(ctx, plural(comparedStreams, "stream"), sides[0], sides[1])
}

// side is one of two servers that are compared, with those who listen to it.
type side struct {
	target
	all *audience
}

// compare adds two rows: one poster and many, in turns on both sides.
func (b *bench) compare(ctx context.Context, audience string, ours, bare *side) error {
	for _, c := range []struct {
		posters int
		target  float64
	}{{1, 0.6}, {16, 1}} {
		b.say("fan-out to %s with %s, against a bare broadcast", audience, plural(c.posters, "poster"))
		samples := map[*side][]sample{}
		for range b.rounds {
			for _, s := range []*side{ours, bare} {
				one, err := b.spread(ctx, s.target, s.all, c.posters, lag)
				if err != nil {
					return err
				}
				samples[s] = append(samples[s], one)
			}
		}
		mine, theirs := medians(samples[ours]), medians(samples[bare])
		r := fanoutRow("deliveries, "+audience+", "+plural(c.posters, "poster"), mine)
		r.against, r.theirs = "bare broadcast", theirs.cells()
		r.ratio, r.target = percent(mine.rate/theirs.rate), atLeast(c.target, mine.rate/theirs.rate)
		b.table.add(r)
	}
	return nil
}

// spread lets posters post for one round and measures what arrives. A poster
// sends its next message when it has its answer and fewer than ahead messages
// are still on their way to anybody.
func (b *bench) spread(ctx context.Context, t target, to *audience, posters, ahead int) (s sample, err error) {
	var latencies histogram
	from := b.loop.now() + warmUp
	until := from + b.span
	to.heard = func(now, took time.Duration) {
		if now >= from && now < until {
			latencies.add(took)
		}
	}
	posted, before := 0, to.delivered
	behind := func() int { return posted*len(to.streams) - (to.delivered - before) }
	var all []*caller
	post := func() error {
		for _, c := range all {
			if c.waiting || b.loop.now() >= until || behind() > (ahead-1)*len(to.streams) {
				continue
			}
			if err := c.send(); err != nil {
				return err
			}
			posted++
		}
		return nil
	}
	all, err = b.loop.callers(ctx, t.address, posters, t.post, func(*caller, time.Duration, time.Duration) error { return nil })
	if err != nil {
		return s, err
	}
	defer hangUp(all)
	b.loop.after = post
	defer func() { b.loop.after = nil }()
	if s.cpu, err = b.round(ctx, t.process, from, until); err != nil {
		return s, err
	}
	if err := b.loop.run(ctx, until+drainLimit, func() bool { return behind() == 0 && waitingFor(all) == 0 }); err != nil {
		return s, err
	}
	if behind() != 0 {
		return s, fmt.Errorf("%d deliveries of %d posts to %d streams are missing", behind(), posted, len(to.streams))
	}
	s.rate = float64(latencies.total) / b.span.Seconds()
	s.p50, s.p99 = latencies.quantile(0.5), latencies.quantile(0.99)
	return s, nil
}
