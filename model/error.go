package model

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an Error is. Each face maps kinds to the
// statuses and numbers of its own world.
type Kind uint8

// The kinds of failure. Internal is the zero value: an error nobody classified.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	TooLarge
	TooMany
	Unavailable
)

// Error is a failure that may be shown to the caller: Message is written for
// the person who sent the request and never holds internal details.
type Error struct {
	Kind    Kind
	Message string
	// RetryAfter is how long the caller should wait before trying again; zero
	// when there is nothing to say.
	RetryAfter time.Duration
	cause      error
}

// Error implements error. It includes the cause, for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap returns the internal cause, nil when there is none.
func (e *Error) Unwrap() error { return e.cause }

// Errorf returns an Error of the kind with a message for the caller.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// After returns a copy of e that asks the caller to wait for d.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// KindOf returns the kind of err, Internal when err holds no Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
