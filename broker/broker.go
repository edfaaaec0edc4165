// Package broker says what happens to a message: it publishes, replays,
// streams and deletes messages, and keeps the applications that send them.
//
// Its verbs take an identity and check what it may do beyond what the doors
// checked already. Every verb stores first and announces afterwards, so that
// nothing is heard that is not remembered; messages are announced in the order
// of their ids by the group commit (database.Options.Committed).
//
// It knows nothing of HTTP and of wire formats.
package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// Limits bound what may be published. Zero means no limit of its own.
type Limits struct {
	// Message and Extras are bytes.
	Message int
	Extras  int
	// ExtrasDepth is how deep objects and lists may nest in extras.
	ExtrasDepth int
	// Streams is how many streams a user may have open on this node.
	Streams int
	Image   ImageLimits
	// Topics is how many applications there may be for one more to come into being by
	// being published or subscribed to; TopicsOfUser is the same for those of a user.
	Topics, TopicsOfUser int64
}

// AutoCreate says for whom an application comes into being when its topic is
// published or subscribed to for the first time.
type AutoCreate string

// The choices for AutoCreate.
const (
	// AutoCreateUsers: for a person, who then owns it.
	AutoCreateUsers AutoCreate = "users"
	// AutoCreateEveryone: for strangers too, where they may do what they want to;
	// the oldest admin owns it.
	AutoCreateEveryone AutoCreate = "everyone"
	// AutoCreateOff: for nobody.
	AutoCreateOff AutoCreate = "off"
)

// Options are what a Broker is made of.
type Options struct {
	DB     *database.DB
	Hub    *hub.Hub
	Auth   *auth.Auth
	Limits Limits
	// Attachments say where uploaded files go, and how many.
	Attachments AttachmentLimits
	AutoCreate  AutoCreate
	// Reserved reports whether a topic cannot be one because it begins the path of
	// something else. Nil reserves none.
	Reserved func(topic string) bool
	Now      func() time.Time
	Log      *slog.Logger
}

// Broker is safe for concurrent use.
type Broker struct {
	Options
	keys        *model.Keys
	attachments attachments
	// uploads holds a token for each image that is arriving or waiting for its turn.
	uploads chan struct{}
	// decoding holds a token while an image is being decoded: one can take
	// hundreds of megabytes.
	decoding chan struct{}
	// sorting is held while a sort key is chosen for a new application.
	sorting sync.Mutex
}

// maxUploads is how many images may be on their way at once. Each is in memory.
const maxUploads = 8

// New returns a Broker over the options.
func New(o Options) *Broker {
	return &Broker{Options: o, keys: model.NewKeys(), uploads: make(chan struct{}, maxUploads), decoding: make(chan struct{}, 1)}
}

// Announce tells the hub of committed events, which come in the order of ids.
// readers says who beside the owner hears of a topic.
func Announce(h *hub.Hub, readers func(topic string, owner int64) []int64, events []*model.Event) {
	for _, e := range events {
		if !e.TopicOnly {
			e.Readers = readers(e.Topic, e.UserID)
		}
	}
	h.Publish(events...)
}

// Run delivers scheduled messages when their time has come and removes files that
// are not needed any more, until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.every(ctx, scheduleEvery, b.deliverDue) })
	group.Go(func() error { return b.every(ctx, filesEvery, b.SweepFiles) })
	group.Go(func() error { return b.every(ctx, noticesEvery, b.sweepNotices) })
	return group.Wait()
}

// filesEvery is how often files are looked through.
const filesEvery = time.Minute

const (
	// noticesEvery is how often notices are looked through, noticesKept how long they
	// are there for those who were away.
	noticesEvery = time.Hour
	noticesKept  = 30 * 24 * time.Hour
)

func (b *Broker) sweepNotices(ctx context.Context) error {
	for {
		n, err := b.DB.DeleteNotices(ctx, b.Now().Add(-noticesKept))
		if err != nil || n == 0 {
			return err
		}
	}
}

// every does work at once and then periodically until ctx ends. What fails is
// tried again the next time.
func (b *Broker) every(ctx context.Context, period time.Duration, work func(context.Context) error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for failing := false; ; {
		err := work(ctx)
		// While the database is away, one line says so.
		if err != nil && ctx.Err() == nil && !failing {
			b.Log.Warn("the work in the background failed", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
