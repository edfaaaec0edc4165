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
	ApplicationCreated
	ApplicationUpdated
	ApplicationDeleted
)

// Published returns the event that tells of a stored message.
func Published(m *Message) *Event {
	return &Event{Kind: MessagePublished, UserID: m.UserID, Message: m, MessageID: m.ID, ApplicationID: m.ApplicationID}
}

// Event is something that a stream may carry.
type Event struct {
	Kind EventKind
	// UserID is the user whose streams hear of it.
	UserID int64
	// Message is set for MessagePublished.
	Message *Message
	// MessageID and ApplicationID say what it is about.
	MessageID     int64
	ApplicationID int64
}

// Feed is what a stream listens to: everything that a user may read.
type Feed struct {
	UserID int64
	// ClientID is the client whose token opened the stream, zero for a password.
	// A stream ends with its client.
	ClientID int64
}
