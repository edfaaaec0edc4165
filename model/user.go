package model

import "time"

// User is a person with a name and a password. The name is unique and
// case-sensitive.
type User struct {
	ID int64
	// Name is 1 to MaxNameLength characters, without spaces at its ends.
	Name string
	// Password is the encoded hash (argon2id, or bcrypt from an import), never
	// the password itself.
	Password  string
	Admin     bool
	CreatedAt time.Time `gorm:"serializer:micros"`
}
