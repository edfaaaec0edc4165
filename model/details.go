package model

import "time"

// Details is what a message published in ntfy's language has beyond title, text
// and priority, as the sender said it. A message that was published in Gotify's
// language has none. The json tags name the fields in the database's column and
// belong to no wire format.
type Details struct {
	Tags []string `json:"tags,omitempty"`
	// Click is an address to open when the message is tapped.
	Click string `json:"click,omitempty"`
	// Icon is the address of a picture to show with the message.
	Icon string `json:"icon,omitempty"`
	// Markdown says that the text is to be shown as markdown.
	Markdown   bool        `json:"markdown,omitempty"`
	Actions    []Action    `json:"actions,omitempty"`
	Attachment *Attachment `json:"attachment,omitempty"`
	// Base64 says that the text is the base64 of bytes that are no UTF-8. Only
	// UnifiedPush sends such; no person wants to read it.
	Base64 bool `json:"base64,omitempty"`
	// Sequence is what the sender calls this message and all later versions of it;
	// "" when there is no such name, and the message's key stands for it.
	Sequence string `json:"sequence,omitempty"`
	// PollID makes this no message but a request to ask the named server for the
	// message with this key. It is never stored.
	PollID string `json:"-"`
}

// Action is a button of a message.
type Action struct {
	// ID is made by the server: 10 random characters.
	ID string `json:"id"`
	// Action is view, http, broadcast or copy.
	Action string `json:"action"`
	Label  string `json:"label"`
	// Clear says that the notification goes away when the button is used.
	Clear   bool              `json:"clear,omitempty"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Intent  string            `json:"intent,omitempty"`
	Extras  map[string]string `json:"extras,omitempty"`
	Value   string            `json:"value,omitempty"`
}

// Attachment is a file that goes with a message: one that the sender names by
// its address, or one that was uploaded and has a Type, a Size and an expiry.
type Attachment struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Type is the media type, found by looking at the content.
	Type string `json:"type,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size,omitempty"`
	// Expires is when the file goes, in seconds since 1970; 0 for a file that is
	// not ours.
	Expires int64 `json:"expires,omitempty"`
}

// File is an uploaded attachment as the database knows it. Its content lies in
// the folder for attachments, under its token.
type File struct {
	// Token is the unguessable name that whoever may download it knows.
	Token         string `gorm:"primaryKey"`
	ApplicationID int64
	// MessageKey is the message it goes with, "" for a message that is not stored.
	MessageKey string
	// Visitor is whose share of the room it takes.
	Visitor string
	Name    string
	Type    string
	// Size is in bytes.
	Size    int64
	Expires time.Time `gorm:"serializer:micros"`
}

// TableName is where gorm finds files.
func (File) TableName() string { return "attachments" }

// Scheduled is a message that waits for its time. It has a key and no id yet.
type Scheduled struct {
	Key           string `gorm:"primaryKey;column:message_key"`
	ApplicationID int64
	// Sequence is the message's own, or its key.
	Sequence string
	Due      time.Time `gorm:"serializer:micros"`
	Message  *Message  `gorm:"serializer:json;column:content"`
}

// TableName is where gorm finds scheduled messages.
func (Scheduled) TableName() string { return "scheduled_messages" }

// Pending returns the message as it will be, with the time at which it is due.
func (s *Scheduled) Pending(a *Application) *Message {
	m := *s.Message
	m.Key, m.Date = s.Key, s.Due
	m.ApplicationID, m.UserID, m.Topic = a.ID, a.UserID, a.Topic
	return &m
}

// Notice is news about a message that has a place in the log, so that who was
// away hears of it too: the message was deleted or cleared.
type Notice struct {
	// ID orders the log together with the ids of messages.
	ID  int64  `gorm:"primaryKey;autoIncrement:false"`
	Key string `gorm:"column:message_key"`
	// Kind is MessageDeleted or MessageCleared.
	Kind          EventKind
	ApplicationID int64
	// UserID and Topic are the application's, as in Message.
	UserID int64  `gorm:"->"`
	Topic  string `gorm:"->"`
	// Sequence names the message that it is about: its sequence or its key.
	Sequence string
	// MessageID is the newest message that it is about, 0 when none was there.
	MessageID int64
	Date      time.Time `gorm:"serializer:micros"`
}
