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
	"log/slog"
	"sync"
	"time"

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
}

// Options are what a Broker is made of.
type Options struct {
	DB     *database.DB
	Hub    *hub.Hub
	Auth   *auth.Auth
	Limits Limits
	Now    func() time.Time
	Log    *slog.Logger
}

// Broker is safe for concurrent use.
type Broker struct {
	Options
	keys *model.Keys
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

// Announce returns what tells the hub of committed messages; the database calls
// it in the order of ids.
func Announce(h *hub.Hub) func([]*model.Message) {
	return func(messages []*model.Message) {
		events := make([]*model.Event, len(messages))
		for i, m := range messages {
			events[i] = model.Published(m)
		}
		h.Publish(events...)
	}
}
