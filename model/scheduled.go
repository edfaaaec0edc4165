package model

import "time"

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
