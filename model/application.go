package model

import "time"

// Application is a sender owned by a user. Its application token can only post,
// and only as this application.
type Application struct {
	ID     int64
	UserID int64
	// TokenHash is the SHA-256 of the application token; look-ups go by it.
	TokenHash []byte
	// TokenSealed is the application token, encrypted under the server's secret
	// key, because its owner may look at it.
	TokenSealed []byte
	Name        string
	// Topic is the application's name in ntfy's language, unique among all. Only
	// one that was stored by an older version has none, until the next start.
	Topic       string `gorm:"default:null"`
	Description string
	// Internal says that it belongs to a plugin; nobody deletes it.
	Internal        bool
	DefaultPriority int
	// Image is the file name of the application's image, "" for the default one.
	Image     string
	SortKey   string
	CreatedAt time.Time  `gorm:"serializer:micros"`
	LastUsed  *time.Time `gorm:"serializer:micros"`
}

// Image is the picture of an application, checked and re-encoded.
type Image struct {
	ApplicationID int64 `gorm:"primaryKey;autoIncrement:false"`
	// Name is the unguessable file name it is served under, with its extension.
	Name string
	Data []byte
}
