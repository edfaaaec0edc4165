package main

import "context"

// topic measures deliveries of one topic to many subscribers who read lines of
// JSON, in ntfy's language: at ease, and in turns with a bare broadcast of such
// lines. All subscribers must get all messages once and in one order.
//
// Then it measures a subscriber that never reads, on a server of its own, because
// that one's memory counts.
func (b *bench) topic(ctx context.Context) error {
	if err := allowFiles(2 * b.subscribers); err != nil {
		return err
	}
	if err := b.onTopic(ctx, b.topicCompared); err != nil {
		return err
	}
	return b.onTopic(ctx, b.stuck)
}

// onTopic measures something on a new server that has the topic.
func (b *bench) onTopic(ctx context.Context, part func(context.Context, *process) error) (err error) {
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
	// The first message to a topic creates it.
	if err := admin(server).call(ctx, "/", map[string]any{"topic": topicName}, nil); err != nil {
		return err
	}
	return part(ctx, server)
}

func (b *bench) topicCompared(ctx context.Context, server *process) (err error) {
	p, err := b.self(ctx, broadcastCommand)
	if err != nil {
		return err
	}
	defer stopAll(&err, p)
	ours, bare := &side{target: topicOf(server)}, &side{target: topicOf(p)}
	for _, s := range []*side{ours, bare} {
		if s.all, err = b.loop.subscribeTo(ctx, s.address, b.subscribers); err != nil {
			return err
		}
		defer s.all.close()
	}
	// The bare broadcast lets many posters overtake each other.
	ours.all.order = &order{}
	audience := plural(b.subscribers, "JSON subscriber")
	b.say("%s, one message at a time", audience)
	var calm []sample
	for range b.rounds {
		s, err := b.spread(ctx, ours.target, ours.all, 1, 1)
		if err != nil {
			return err
		}
		calm = append(calm, s)
	}
	b.table.add(fanoutRow("deliveries, "+audience+", one at a time", medians(calm)))
	return b.compare(ctx, audience, ours, bare)
}

// topicOf is a server that takes messages to the topic.
func topicOf(p *process) target {
	return target{process: p, post: putRequest(p.address, messageLength)}
}
