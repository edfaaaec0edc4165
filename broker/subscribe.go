package broker

import (
	"context"
	"slices"
	"time"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// replayPage is how many messages are read at a time for a stream that resumes.
const replayPage = 200

// Replay hands the messages that a stream missed to emit, in order, and then
// lets the live ones through.
type Replay func(ctx context.Context, emit func([]*hub.Envelope) error) error

// Subscribe opens a stream of everything the identity may read. The
// subscription is held until replay was run: with since, replay first hands over
// the stored messages with a greater id. A since beyond the newest message counts
// as the newest. Whatever happens around the join, every message comes once, in
// the order of ids.
//
// It fails with TooMany when the user has too many streams, unless exempt, and
// with Unauthenticated when the identity was revoked meanwhile.
func (b *Broker) Subscribe(ctx context.Context, who *model.Identity, since *int64, exempt bool) (*hub.Subscription, Replay, error) {
	feed := model.Feed{UserID: who.User.ID}
	if who.Client != nil {
		feed.ClientID = who.Client.ID
	}
	if limit := b.Limits.Streams; limit > 0 && !exempt && b.Hub.StreamsOf(feed.UserID) >= limit {
		return nil, nil, model.Errorf(model.TooMany, "you have %d open streams, which is the limit", limit).After(5 * time.Second)
	}
	// What is the newest counts from before the subscription: it gets the next one.
	after, err := b.startOf(ctx, since)
	if err != nil {
		return nil, nil, err
	}
	subscription, err := b.Hub.Subscribe(feed)
	if err != nil {
		return nil, nil, err
	}
	// Who was revoked before the subscription existed did not end it.
	if err := b.Auth.Still(ctx, who); err != nil {
		subscription.Close()
		return nil, nil, err
	}
	return subscription, func(ctx context.Context, emit func([]*hub.Envelope) error) error {
		// Who does not resume is owed nothing from before, but everything since.
		if since == nil && subscription.Release(after) {
			return nil
		}
		return b.replay(ctx, subscription, after, emit)
	}, nil
}

// startOf returns the id after which a stream starts.
func (b *Broker) startOf(ctx context.Context, since *int64) (int64, error) {
	after, err := b.DB.LatestMessageID(ctx)
	if since != nil {
		after = min(after, *since)
	}
	return after, err
}

func (b *Broker) replay(ctx context.Context, s *hub.Subscription, after int64, emit func([]*hub.Envelope) error) error {
	for {
		page, more, err := b.after(ctx, s.Feed().UserID, after)
		if err != nil {
			return err
		}
		if len(page) > 0 {
			after = page[len(page)-1].Event.MessageID
			page = slices.DeleteFunc(page, func(e *hub.Envelope) bool { return e.Event.TopicOnly })
			if err := emit(page); err != nil {
				return err
			}
		}
		// When more came meanwhile than could be held, it is stored by now.
		if !more && s.Release(after) {
			return nil
		}
	}
}

// after returns the next stored messages of the user, and whether there are more.
func (b *Broker) after(ctx context.Context, user, after int64) (page []*hub.Envelope, more bool, err error) {
	applications, err := b.ReadableIDs(ctx, user)
	if err != nil {
		return nil, false, err
	}
	messages, more, err := b.DB.MessagesAfter(ctx, applications, after, replayPage)
	page = make([]*hub.Envelope, len(messages))
	for i, m := range messages {
		page[i] = hub.Seal(model.Published(m))
	}
	return page, more, err
}
