package model

import "time"

// Since says where a subscriber wants to begin, in ntfy's language.
type Since struct {
	Kind SinceKind
	// Time is for SinceTime: messages from then on.
	Time time.Time
	// Key is for SinceKey: messages after the one with this key.
	Key string
}

// SinceKind says what Since holds.
type SinceKind uint8

// The kinds of Since.
const (
	// SinceNone: only what comes from now on.
	SinceNone SinceKind = iota
	// SinceAll: everything that is stored.
	SinceAll
	// SinceLatest: the newest message of each topic.
	SinceLatest
	SinceTime
	SinceKey
)
