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
	// TitleDefaulted says that the sender gave no title and Title holds the
	// application's name of that moment.
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
}
