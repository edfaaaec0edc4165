package broker

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// SubscribeOptions say what a subscriber of topics wants to hear first.
type SubscribeOptions struct {
	Since model.Since
	// Scheduled asks for messages that wait for their time, too, when older ones are
	// asked for.
	Scheduled bool
}

// MaySubscribe fails as SubscribeTopics would for who may not, and creates nothing.
func (b *Broker) MaySubscribe(ctx context.Context, who *model.Identity, names []string) error {
	_, err := b.listenable(ctx, who, names)
	return err
}

// listenable returns the topics, all of which the identity may read.
func (b *Broker) listenable(ctx context.Context, who *model.Identity, names []string) ([]topic, error) {
	topics := make([]topic, len(names))
	for i, name := range names {
		var err error
		if topics[i], err = b.topic(ctx, who, name, mayRead); err != nil {
			return nil, err
		}
	}
	return topics, nil
}

// SubscribeTopics opens a stream of topics, whose names are given once each. What
// does not exist is created where it may be, but only when all may be read. The
// subscription is held until replay was run, which first hands over what is stored
// and asked for. Whatever happens around the join, everything comes once, in the
// order of ids.
//
// It fails with Forbidden, NotFound (ErrNoTopic) and TooMany (ErrTopics).
func (b *Broker) SubscribeTopics(ctx context.Context, who *model.Identity, names []string, o SubscribeOptions) (*hub.Subscription, Replay, error) {
	topics, err := b.listenable(ctx, who, names)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range topics {
		if t.application == nil && t.create {
			if _, err := b.createTopic(ctx, who, t); err != nil {
				return nil, nil, err
			}
		}
	}
	subscription, newest, err := b.listen(ctx, who, names)
	if err != nil {
		return nil, nil, err
	}
	return subscription, b.replayTopics(names, o, newest, subscription.Release), nil
}

func topicFeed(who *model.Identity, names []string) model.Feed {
	feed := model.Feed{Topics: names}
	if who != nil {
		feed.UserID = who.User.ID
		if who.Client != nil {
			feed.ClientID = who.Client.ID
		}
		if who.AccessToken != nil {
			feed.TokenID = who.AccessToken.ID
		}
	}
	return feed
}

// PollTopics is SubscribeTopics for who wants to hear only what is stored: it
// creates nothing, and the subscription stays held. It is there to end with the
// right to read.
func (b *Broker) PollTopics(ctx context.Context, who *model.Identity, names []string, o SubscribeOptions) (*hub.Subscription, Replay, error) {
	topics, err := b.listenable(ctx, who, names)
	if err != nil {
		return nil, nil, err
	}
	// What nobody has yet has nothing to hand over.
	topics = slices.DeleteFunc(topics, func(t topic) bool { return t.application == nil && t.create })
	there := make([]string, len(topics))
	for i, t := range topics {
		there[i] = t.name
	}
	if len(there) == 0 {
		return hub.Detached(), func(context.Context, func([]*hub.Envelope) error) error { return nil }, nil
	}
	subscription, newest, err := b.listen(ctx, who, there)
	if err != nil {
		return nil, nil, err
	}
	return subscription, b.replayTopics(there, o, newest, func(int64) bool { return true }), nil
}

// listen opens a held subscription. newest is the newest id of that moment: what is
// stored by then is old, and what comes later waits in the subscription.
func (b *Broker) listen(ctx context.Context, who *model.Identity, names []string) (subscription *hub.Subscription, newest int64, err error) {
	if subscription, err = b.Hub.Subscribe(topicFeed(who, names)); err != nil {
		return nil, 0, err
	}
	if err = b.Auth.StillReads(ctx, who, names); err == nil {
		newest, err = b.DB.LatestMessageID(ctx)
	}
	if err != nil {
		subscription.Close()
	}
	return subscription, newest, err
}

// replayTopics returns the replay of topics up to the place where release joins
// what is live: newest is what was the newest id when the subscription was there.
func (b *Broker) replayTopics(names []string, o SubscribeOptions, newest int64, release func(after int64) bool) Replay {
	return func(ctx context.Context, emit func([]*hub.Envelope) error) error {
		r := topicReplay{Broker: b, emit: emit, newest: newest}
		after, err := newest, r.find(ctx, names)
		if err != nil {
			return err
		}
		switch o.Since.Kind {
		case model.SinceNone:
		case model.SinceLatest:
			err = r.latest(ctx)
		default:
			if after, err = r.start(ctx, o.Since); err == nil {
				after, err = r.log(ctx, after)
			}
			if err == nil && o.Scheduled {
				err = r.scheduled(ctx)
			}
		}
		// When more came meanwhile than could be held, it is stored by now.
		for err == nil && !release(after) {
			if err = r.find(ctx, names); err == nil {
				after, err = r.log(ctx, after)
			}
		}
		return err
	}
}

// topicReplay hands over what is stored of some topics.
type topicReplay struct {
	*Broker
	emit func([]*hub.Envelope) error
	// ids and byID are the applications of the topics, looked up once: who gets a
	// topic later is somebody else.
	ids  []int64
	byID map[int64]*model.Application
	// newest is what was the newest id when the subscription was there.
	newest int64
	// from is the time before which messages up to newest do not count, zero for none.
	from time.Time
}

// counts reports whether an event is to be handed over. What came since the
// subscription is new, whatever its time: who asked for a time that is still to come
// wants it.
func (r *topicReplay) counts(id int64, date time.Time) bool {
	return id > r.newest || !date.Before(r.from)
}

// find looks up the applications of the topics that exist by now.
func (r *topicReplay) find(ctx context.Context, names []string) error {
	all, err := r.DB.ApplicationsByTopic(ctx, names)
	r.ids, r.byID = nil, make(map[int64]*model.Application, len(all))
	for _, a := range all {
		r.ids = append(r.ids, a.ID)
		r.byID[a.ID] = a
	}
	return err
}

// lateness is how long it may take from giving a message its date or its key to
// its commit.
const lateness = time.Minute

// keyLateness is the same for a key that is not there any more: what comes twice
// is better than what does not come.
const keyLateness = time.Second

// start returns the id after which the replay starts.
func (r *topicReplay) start(ctx context.Context, since model.Since) (int64, error) {
	switch since.Kind {
	case model.SinceKey:
		id, err := r.DB.MarkerID(ctx, since.Key)
		if model.KindOf(err) != model.NotFound {
			return id, err
		}
		// A message that is gone still says when it was.
		made, ok := model.KeyTime(since.Key)
		if now := r.Now(); !ok || made.Year() < 2024 || made.After(now.Add(lateness)) {
			return 0, nil // another server's
		}
		r.from = made.Add(-keyLateness)
	case model.SinceTime:
		r.from = since.Time.Truncate(time.Second)
	default:
		return 0, nil
	}
	after, err := r.DB.LastBefore(ctx, r.ids, r.from.Add(-lateness))
	return min(after, r.newest), err
}

// log hands over what is stored with an id above after, and returns up to where.
func (r *topicReplay) log(ctx context.Context, after int64) (int64, error) {
	for {
		page, err := r.DB.LogAfter(ctx, r.ids, after, replayPage)
		if err != nil {
			return after, err
		}
		var events []*model.Event
		for _, m := range page.Messages {
			if a := r.byID[m.ApplicationID]; r.counts(m.ID, m.Date) {
				m.UserID, m.Topic = a.UserID, a.Topic
				events = append(events, model.Published(m))
			}
		}
		for _, n := range page.Notices {
			if a := r.byID[n.ApplicationID]; r.counts(n.ID, n.Date) {
				n.UserID, n.Topic = a.UserID, a.Topic
				events = append(events, model.Noticed(n))
			}
		}
		slices.SortFunc(events, func(x, y *model.Event) int { return cmp.Compare(x.ID, y.ID) })
		if err := r.send(events); err != nil {
			return after, err
		}
		after = max(after, page.End)
		if !page.More {
			return after, nil
		}
	}
}

func (r *topicReplay) send(events []*model.Event) error {
	if len(events) == 0 {
		return nil
	}
	sealed := make([]*hub.Envelope, len(events))
	for i, e := range events {
		sealed[i] = hub.Seal(e)
	}
	return r.emit(sealed)
}

// latest hands over the newest message of each topic, up to the newest id.
func (r *topicReplay) latest(ctx context.Context) error {
	var events []*model.Event
	for _, id := range r.ids {
		last, _, err := r.DB.MessagesBefore(ctx, []int64{id}, min(r.newest, math.MaxInt64-1)+1, 1)
		if err != nil {
			return err
		}
		for _, m := range last {
			m.UserID, m.Topic = r.byID[id].UserID, r.byID[id].Topic
			events = append(events, model.Published(m))
		}
	}
	slices.SortFunc(events, func(x, y *model.Event) int { return cmp.Compare(x.ID, y.ID) })
	return r.send(events)
}

// scheduledPage is how many messages that wait are read at a time: their size is not
// looked at before.
const scheduledPage = 20

// scheduled hands over the messages that wait, the next one first.
func (r *topicReplay) scheduled(ctx context.Context) error {
	for after := (*model.Scheduled)(nil); ; {
		waiting, err := r.DB.Scheduled(ctx, r.ids, after, scheduledPage)
		if err != nil {
			return err
		}
		events := make([]*model.Event, len(waiting))
		for i, s := range waiting {
			events[i] = model.Published(s.Pending(r.byID[s.ApplicationID]))
		}
		if err := r.send(events); err != nil || len(waiting) < scheduledPage {
			return err
		}
		after = waiting[len(waiting)-1]
	}
}
