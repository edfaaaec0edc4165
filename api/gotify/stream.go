package gotify

import (
	"encoding/json"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// plainStream encodes what Gotify's clients understand: messages, and nothing
// else. A frame holds the very bytes that the sender got as its answer.
type plainStream struct{}

// Encode implements hub.Encoder.
func (plainStream) Encode(e *model.Event) []byte {
	if e.Kind != model.MessagePublished {
		return nil
	}
	// Marshalling cannot fail: extras were checked to be JSON when they came in.
	text, _ := json.Marshal(toMessage(e.Message))
	return text
}

// eventStream encodes what Gotify has words for, for clients that ask for
// ?events=all. That a message was cleared is news in ntfy's language only.
type eventStream struct{}

type event struct {
	Event   string   `json:"event"`
	Message *message `json:"message,omitempty"`
	// ID is the message's, of a deleted one or the last of the deleted ones.
	ID    int64 `json:"id,omitempty"`
	AppID int64 `json:"appid,omitempty"`
}

var eventNames = map[model.EventKind]string{
	model.MessagePublished:   "message",
	model.MessageDeleted:     "message_deleted",
	model.MessagesDeleted:    "messages_deleted",
	model.ApplicationCreated: "application_created",
	model.ApplicationUpdated: "application_updated",
	model.ApplicationDeleted: "application_deleted",
}

// Encode implements hub.Encoder.
func (eventStream) Encode(e *model.Event) []byte {
	w := event{Event: eventNames[e.Kind]}
	if w.Event == "" {
		return nil
	}
	if e.Kind == model.MessagePublished {
		m := toMessage(e.Message)
		w.Message = &m
	} else {
		w.ID, w.AppID = e.MessageID, e.ApplicationID
	}
	text, _ := json.Marshal(w)
	return text
}

// stream upgrades to a WebSocket that carries the user's messages.
//
// since resumes after a message id; events=all adds the other kinds of events;
// close=frame, or events=all, asks for close frames. Without it the connection is
// simply cut, because the Android app would take a close frame for a connection
// that still stands.
func (f *Face) stream(c *gin.Context) error {
	var since *int64
	if text := c.Query("since"); text != "" {
		id, err := parseSince(text)
		if err != nil {
			return err
		}
		since = &id
	}
	var encoder hub.Encoder = plainStream{}
	switch c.Query("events") {
	case "all":
		encoder = eventStream{}
	case "", "message":
	default:
		return model.Errorf(model.Invalid, "Field 'events' must be 'all' or 'message'")
	}
	subscription, replay, err := f.Broker.Subscribe(c.Request.Context(), who(c), since, f.visitor(c).Exempt)
	if err != nil {
		return err
	}
	return f.Pumps.WebSocket(c.Writer, c.Request, stream.Stream{
		Subscription: subscription, Replay: stream.Replay(replay), Encoder: encoder,
		CloseFrames: c.Query("events") == "all" || c.Query("close") == "frame",
	})
}
