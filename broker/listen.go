package broker

import (
	"cmp"
	"context"
	"errors"
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
			if _, err := b.createTopic(ctx, who, t.name); err != nil {
				return nil, nil, err
			}
		}
	}
	// What is the newest counts from before the subscription: it gets the next one.
	newest, err := b.DB.LatestMessageID(ctx)
	if err != nil {
		return nil, nil, err
	}
	subscription, err := b.Hub.Subscribe(topicFeed(who, names))
	if err != nil {
		return nil, nil, err
	}
	if err := b.Auth.StillReads(ctx, who, names); err != nil {
		subscription.Close()
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

// PollTopics returns what hands over what is stored of the topics and asked for.
// It creates nothing.
func (b *Broker) PollTopics(ctx context.Context, who *model.Identity, names []string, o SubscribeOptions) (Replay, error) {
	if _, err := b.listenable(ctx, who, names); err != nil {
		return nil, err
	}
	newest, err := b.DB.LatestMessageID(ctx)
	if err != nil {
		return nil, err
	}
	return b.replayTopics(names, o, newest, func(int64) bool { return true }), nil
}

// replayTopics returns the replay of topics up to the place where release joins
// what is live: newest is the newest id of the moment before the subscription.
func (b *Broker) replayTopics(names []string, o SubscribeOptions, newest int64, release func(after int64) bool) Replay {
	return func(ctx context.Context, emit func([]*hub.Envelope) error) error {
		r := topicReplay{Broker: b, names: names, emit: emit}
		after, err := newest, error(nil)
		switch o.Since.Kind {
		case model.SinceNone:
		case model.SinceLatest:
			err = r.latest(ctx, newest)
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
			after, err = r.log(ctx, after)
		}
		return err
	}
}

// topicReplay hands over what is stored of some topics.
type topicReplay struct {
	*Broker
	names []string
	emit  func([]*hub.Envelope) error
	// from is the time before which messages do not count, zero for none.
	from time.Time
}

// applications returns the applications of the topics that exist by now.
func (r *topicReplay) applications(ctx context.Context) (ids []int64, byID map[int64]*model.Application, err error) {
	all, err := r.DB.ApplicationsByTopic(ctx, r.names)
	byID = make(map[int64]*model.Application, len(all))
	for _, a := range all {
		ids = append(ids, a.ID)
		byID[a.ID] = a
	}
	return ids, byID, err
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
	ids, _, err := r.applications(ctx)
	if err != nil {
		return 0, err
	}
	return r.DB.LastBefore(ctx, ids, r.from.Add(-lateness))
}

// log hands over what is stored with an id above after, and returns up to where.
func (r *topicReplay) log(ctx context.Context, after int64) (int64, error) {
	for {
		ids, byID, err := r.applications(ctx)
		if err != nil {
			return after, err
		}
		page, err := r.DB.LogAfter(ctx, ids, after, replayPage)
		if err != nil {
			return after, err
		}
		var events []*model.Event
		for _, m := range page.Messages {
			if a := byID[m.ApplicationID]; !m.Date.Before(r.from) {
				m.UserID, m.Topic = a.UserID, a.Topic
				events = append(events, model.Published(m))
			}
		}
		for _, n := range page.Notices {
			if a := byID[n.ApplicationID]; !n.Date.Before(r.from) {
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

// latest hands over the newest message of each topic, up to the id newest.
func (r *topicReplay) latest(ctx context.Context, newest int64) error {
	ids, byID, err := r.applications(ctx)
	if err != nil {
		return err
	}
	var events []*model.Event
	for _, id := range ids {
		last, _, err := r.DB.MessagesBefore(ctx, []int64{id}, min(newest, math.MaxInt64-1)+1, 1)
		if err != nil {
			return err
		}
		for _, m := range last {
			m.UserID, m.Topic = byID[id].UserID, byID[id].Topic
			events = append(events, model.Published(m))
		}
	}
	slices.SortFunc(events, func(x, y *model.Event) int { return cmp.Compare(x.ID, y.ID) })
	return r.send(events)
}

// scheduled hands over the messages that wait, the next one first.
func (r *topicReplay) scheduled(ctx context.Context) error {
	ids, byID, err := r.applications(ctx)
	if err != nil {
		return err
	}
	waiting, err := r.DB.Scheduled(ctx, ids)
	if err != nil {
		return err
	}
	events := make([]*model.Event, len(waiting))
	for i, s := range waiting {
		events[i] = model.Published(s.Pending(byID[s.ApplicationID]))
	}
	return r.send(events)
}

// errTopicTaken says that a topic belongs to another application.
var errTopicTaken = errors.New("the topic is taken")
