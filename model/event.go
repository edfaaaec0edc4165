package model

// EventKind says what an Event tells.
type EventKind uint8

// The kinds of event. A plain stream carries MessagePublished only.
const (
	MessagePublished EventKind = iota + 1
	// MessageDeleted tells that one message is gone.
	MessageDeleted
	// MessagesDeleted tells that all messages up to MessageID are gone: of one
	// application, or of all of the user's when ApplicationID is zero.
	MessagesDeleted
	// MessageCleared tells that a message was read and needs no notification.
	MessageCleared
	ApplicationCreated
	ApplicationUpdated
	ApplicationDeleted
)

// Published returns the event that tells of a message.
func Published(m *Message) *Event {
	return &Event{
		Kind: MessagePublished, ID: m.ID, UserID: m.UserID, Topic: m.Topic, TopicOnly: m.Unreadable(),
		Message: m, MessageID: m.ID, ApplicationID: m.ApplicationID,
	}
}

// Noticed returns the event that a notice stands for.
func Noticed(n *Notice) *Event {
	return &Event{
		Kind: n.Kind, ID: n.ID, UserID: n.UserID, Topic: n.Topic, TopicOnly: n.MessageID == 0,
		Notice: n, MessageID: n.MessageID, ApplicationID: n.ApplicationID,
	}
}

// Event is something that a stream may carry.
type Event struct {
	Kind EventKind
	// ID is the event's place in the log, 0 when it has none.
	ID int64
	// UserID is the owner, whose streams hear of it.
	UserID int64
	// Readers are the other users whose streams hear of it, in no order.
	Readers []int64
	// Topic is the topic whose streams hear of it, "" for none.
	Topic string
	// TopicOnly says that no user's streams hear of it.
	TopicOnly bool
	// Message is set for MessagePublished.
	Message *Message
	// Notice is set for MessageCleared, and for MessageDeleted when it has a place
	// in the log.
	Notice *Notice
	// MessageID and ApplicationID say what it is about.
	MessageID     int64
	ApplicationID int64
}

// Feed is what a stream listens to: everything that a user may read, or some
// topics.
type Feed struct {
	// UserID is whose stream it is, zero for a stranger.
	UserID int64
	// ClientID is the client whose token opened the stream, zero for a password.
	// A stream ends with its client.
	ClientID int64
	// TokenID is the access token that opened the stream, or zero.
	TokenID int64
	// Topics are what it listens to, each once; none means everything that the
	// user may read.
	Topics []string
}
