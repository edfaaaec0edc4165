package model

import "time"

// Message is what was published and stored.
type Message struct {
	// ID orders the log: it is given at delivery, in commit order.
	ID int64 `gorm:"primaryKey;autoIncrement:false"`
	// Key names the message: 12 characters, given at acceptance, unique.
	Key           string `gorm:"column:message_key"`
	ApplicationID int64
	// UserID is the owner of the application, filled where the message is on its
	// way to streams. It is no column of its own.
	UserID int64 `gorm:"->"`
	Title  string
	// TitleDefaulted says that the sender gave no title, or in Gotify's language the
	// application's name, which Title holds as it was at that moment.
	TitleDefaulted bool
	Message        string
	Priority       int
	// PriorityDefaulted says that the sender gave no priority and Priority holds
	// the application's default of that moment.
	PriorityDefaulted bool
	// Extras is the JSON object of the sender without insignificant white space,
	// "" when there is none. Numbers keep every digit.
	Extras string
	Date   time.Time `gorm:"serializer:micros"`
	// Details is nil for a message that was published in Gotify's language.
	Details *Details `gorm:"serializer:json"`
	// Topic is the application's, filled where the message is on its way to
	// streams. It is no column of its own.
	Topic string `gorm:"->" json:"-"`
	// File is an attachment whose row is stored together with the message.
	File *File `gorm:"-" json:"-"`
	// Transient says that the message is announced and not stored.
	Transient bool `gorm:"-" json:"-"`
}

// Sequence returns the name under which later versions of the message, and news
// about it, refer to it.
func (m *Message) Sequence() string {
	if m.Details != nil && m.Details.Sequence != "" {
		return m.Details.Sequence
	}
	return m.Key
}

// Unreadable reports whether the message is meant for a program alone: Gotify's
// people never see it.
func (m *Message) Unreadable() bool {
	return m.Details != nil && (m.Details.Base64 || m.Details.PollID != "") || IsPushTopic(m.Topic)
}

// Draft is a message that somebody wants to publish, before rules and defaults.
type Draft struct {
	// ApplicationID names the application for a person's credentials; an
	// application token posts as its own application whatever stands here. Zero
	// means that none was named.
	ApplicationID int64
	Title         string
	Message       string
	// Priority is nil when the sender gave none.
	Priority *int
	// Extras is a JSON object, or "".
	Extras string

	// What follows is said in ntfy's language only.

	// Details is nil for a draft in Gotify's language.
	Details *Details
	// Deliver is when to deliver the message; zero means now.
	Deliver time.Time
	// Transient says that the message is not to be stored.
	Transient bool
	// Upload is the file that goes with the message, stored already.
	Upload *File
}
