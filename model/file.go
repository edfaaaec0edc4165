package model

import "time"

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
