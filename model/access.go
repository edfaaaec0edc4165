package model

import (
	"strings"
	"time"
)

// Permission is what somebody may do with an application that is not theirs.
type Permission struct{ Read, Write bool }

// And returns what both permissions allow.
func (p Permission) And(q Permission) Permission {
	return Permission{Read: p.Read && q.Read, Write: p.Write && q.Write}
}

// AccessRule says who beyond the owner may read or write the applications whose
// topic matches a pattern. A rule without any permission takes it away from who
// would have it by a rule that counts less (see auth.May).
type AccessRule struct {
	ID int64
	// UserID is nil for everyone, strangers included.
	UserID *int64
	// Pattern is a topic in which * stands for any characters.
	Pattern string
	// CanRead and CanWrite are the permission.
	CanRead, CanWrite bool
}

// Permission returns what the rule allows.
func (r *AccessRule) Permission() Permission { return Permission{Read: r.CanRead, Write: r.CanWrite} }

// Matches reports whether the rule is about the topic. Upper and lower case are
// different.
func (r *AccessRule) Matches(topic string) bool { return MatchTopic(r.Pattern, topic) }

// MatchTopic reports whether the topic matches the pattern, in which * stands for
// any characters, also none. It takes time in proportion to both lengths at most.
func MatchTopic(pattern, topic string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == topic
	}
	topic, found := strings.CutPrefix(topic, first)
	for found {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(topic, part)
		}
		// The earliest place leaves the most for the parts to come.
		_, topic, found = strings.Cut(topic, part)
		rest = more
	}
	return false
}

// maxPattern is the longest pattern, in bytes: a topic and some asterisks.
const maxPattern = 2 * maxTopic

// CheckPattern fails with Invalid for what cannot be the pattern of an access rule.
func CheckPattern(pattern string) error {
	if pattern == "" || len(pattern) > maxPattern || strings.ContainsFunc(pattern, func(r rune) bool { return r != '*' && !topicRune(r) }) {
		return Errorf(Invalid, "a topic pattern consists of letters, digits, -, _ and *")
	}
	return nil
}

// AccessToken stands for its user's password on ntfy's face.
type AccessToken struct {
	ID     int64
	UserID int64
	// TokenHash is the SHA-256 of the token; look-ups go by it.
	TokenHash []byte
	// Hint is how the token begins, so that its owner can tell it from others.
	Hint  string
	Label string
	// CanRead and CanWrite bound what it may do of what its user may.
	CanRead, CanWrite bool
	// Topics bounds where, as patterns with commas between; "" is everywhere.
	Topics     string
	CreatedAt  time.Time  `gorm:"serializer:micros"`
	LastUsed   *time.Time `gorm:"serializer:micros"`
	LastOrigin string
	// ExpiresAt is nil for a token that stays.
	ExpiresAt *time.Time `gorm:"serializer:micros"`
}

// Limit returns what the token leaves of its user's permission on the topic.
func (t *AccessToken) Limit(topic string) Permission {
	if t.Topics == "" {
		return Permission{Read: t.CanRead, Write: t.CanWrite}
	}
	for pattern := range strings.SplitSeq(t.Topics, ",") {
		if MatchTopic(pattern, topic) {
			return Permission{Read: t.CanRead, Write: t.CanWrite}
		}
	}
	return Permission{}
}

// Expired reports whether the token has reached its end.
func (t *AccessToken) Expired(now time.Time) bool {
	return t.ExpiresAt != nil && !now.Before(*t.ExpiresAt)
}
