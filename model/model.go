// Package model holds Carillon's nouns: what a user, a client, an application,
// a message and an event are, what can go wrong, and which single values are
// well formed.
//
// It knows nothing of HTTP, of SQL or of wire formats: the gorm tags only name
// columns, and no type here carries json or form tags, because each face has
// its own wire structs. It imports the standard library only.
//
// Times are UTC and cut to the microsecond by Now, so that what was answered to
// the sender is what a later read finds, on every database.
package model

import "time"

// Now returns the current time in UTC, cut to the microsecond, which is the
// finest unit every supported database keeps.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
