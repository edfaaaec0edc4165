package ntfy

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"testing"
)

// Answer is what a server answered, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	t    testing.TB
	what string
}

// Want fails the test when the status is another one.
func (a *Answer) Want(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s: status %d instead of %d: %.500s", a.what, a.Status, status, a.Body)
	}
	return a
}

// Empty fails the test when the status is another one or there is a body.
func (a *Answer) Empty(status int) *Answer {
	a.t.Helper()
	a.Want(status)
	if len(a.Body) > 0 {
		a.t.Fatalf("%s: a body where none is expected: %.500s", a.what, a.Body)
	}
	return a
}

// Refused fails the test when the answer is not an error in ntfy's shape with
// this code, such as 40101, or when its text lacks one of the words.
func (a *Answer) Refused(code int, words ...string) *Answer {
	a.t.Helper()
	a.Want(code / 100)
	if a.Header.Get("Content-Type") != "application/json" || !strings.HasSuffix(string(a.Body), "}\n") {
		a.t.Fatalf("%s: not a line of JSON but %q: %.500s", a.what, a.Header.Get("Content-Type"), a.Body)
	}
	var refusal Refusal
	if err := strictly(a.Body, &refusal); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.what, err, a.Body)
	}
	if refusal.Code != code || refusal.HTTP != code/100 || refusal.Error == "" {
		a.t.Fatalf("%s: not ntfy's error %d: %.500s", a.what, code, a.Body)
	}
	for _, word := range words {
		if !strings.Contains(strings.ToLower(refusal.Error), strings.ToLower(word)) {
			a.t.Fatalf("%s: the error %q does not say %q", a.what, refusal.Error, word)
		}
	}
	return a
}

// Into decodes the JSON body of a 200 answer.
func (a *Answer) Into(value any) {
	a.t.Helper()
	a.Want(http.StatusOK)
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		a.t.Fatalf("%s: Content-Type is %q: %.500s", a.what, a.Header.Get("Content-Type"), a.Body)
	}
	if err := json.Unmarshal(a.Body, value); err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.what, err, a.Body)
	}
}

// As decodes the JSON body of a 200 answer.
func As[T any](a *Answer) T {
	a.t.Helper()
	var value T
	a.Into(&value)
	return value
}

// Message returns the event in a 200 answer, such as that to a publish.
func (a *Answer) Message() Message {
	a.t.Helper()
	var whole json.RawMessage
	a.Into(&whole)
	m, err := parse(whole)
	if err != nil {
		a.t.Fatalf("%s: %v: %.500s", a.what, err, a.Body)
	}
	return m
}

// Messages returns the events in a 200 answer, a line each: those of a poll.
func (a *Answer) Messages() []Message {
	a.t.Helper()
	a.Want(http.StatusOK)
	if kind := a.Header.Get("Content-Type"); kind != "application/x-ndjson; charset=utf-8" {
		a.t.Fatalf("%s: Content-Type is %q: %.500s", a.what, kind, a.Body)
	}
	messages := []Message{}
	for line := range strings.Lines(string(a.Body)) {
		m, err := parse([]byte(line))
		if err != nil || !strings.HasSuffix(line, "\n") {
			a.t.Fatalf("%s: %v: %.500q", a.what, err, line)
		}
		messages = append(messages, m)
	}
	return messages
}
