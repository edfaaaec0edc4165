package model

import (
	"strings"
	"unicode/utf8"
)

// MaxNameLength is the most characters a name of a user, client or application
// may have. It keeps a name within an indexed column on every database.
const MaxNameLength = 180

// CheckText reports an Invalid error when the text cannot be stored on every
// database: when it is not UTF-8 or holds a NUL character.
func CheckText(field, text string) error {
	if !utf8.ValidString(text) {
		return Errorf(Invalid, "Field '%s' is not valid UTF-8", field)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return Errorf(Invalid, "Field '%s' must not contain NUL characters", field)
	}
	return nil
}

// CheckName reports an Invalid error when the text cannot be a name: when it is
// blank, too long, or cannot be stored.
func CheckName(field, name string) error {
	if strings.TrimSpace(name) == "" {
		return Errorf(Invalid, "Field '%s' is required", field)
	}
	if utf8.RuneCountInString(name) > MaxNameLength {
		return Errorf(Invalid, "Field '%s' must not be longer than %d characters", field, MaxNameLength)
	}
	return CheckText(field, name)
}
