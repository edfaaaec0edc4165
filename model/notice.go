package model

import "time"

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
	// Gone is the key of the message with the id MessageID, by which others may ask for
	// what came after it.
	Gone string
	// MessageID is the oldest message that it made an end of, 0 when none was there.
	MessageID int64
	Date      time.Time `gorm:"serializer:micros"`
}
