package model

import "time"

// Client is a receiving device or program of a user. Its client token reads and
// manages and never posts.
type Client struct {
	ID     int64
	UserID int64
	// TokenHash is the SHA-256 of the client token; the token itself is shown
	// once, when the client is created.
	TokenHash []byte
	Name      string
	// Session tells a web session, made by a cookie login, from a client that
	// was created through the API.
	Session   bool
	CreatedAt time.Time  `gorm:"serializer:micros"`
	LastUsed  *time.Time `gorm:"serializer:micros"`
	// ElevatedUntil is when the elevation ends; nil when it never was elevated.
	ElevatedUntil *time.Time `gorm:"serializer:micros"`
	// ExpiresAfterInactivitySeconds is how long the client may be unused before
	// it expires; 0 means that it never does.
	ExpiresAfterInactivitySeconds int64
}

// Elevated reports whether the client is elevated at now.
func (c *Client) Elevated(now time.Time) bool {
	return c.ElevatedUntil != nil && now.Before(*c.ElevatedUntil)
}

// ExpiresAt returns when the client expires if it stays unused, and false when
// it never does.
func (c *Client) ExpiresAt() (time.Time, bool) {
	if c.ExpiresAfterInactivitySeconds <= 0 {
		return time.Time{}, false
	}
	from := c.CreatedAt
	if c.LastUsed != nil {
		from = *c.LastUsed
	}
	return from.Add(time.Duration(c.ExpiresAfterInactivitySeconds) * time.Second), true
}

// Expired reports whether the client's time of inactivity has passed at now.
func (c *Client) Expired(now time.Time) bool {
	at, ok := c.ExpiresAt()
	return ok && !now.Before(at)
}
