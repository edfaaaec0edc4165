package gotify

import (
	"encoding/json"
	"mime"
	"net/http"
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

// Refused fails the test when the answer is not an error in Gotify's shape with
// this status, or when its description lacks one of the words. It returns the
// description.
func (a *Answer) Refused(status int, all ...string) string {
	a.t.Helper()
	a.Want(status)
	var refusal Refusal
	a.Into(&refusal)
	if refusal.Code != status || refusal.Error != http.StatusText(status) || refusal.Description == "" {
		a.t.Fatalf("%s: not Gotify's error for %d: %.500s", a.what, status, a.Body)
	}
	if !words(refusal.Description, all) {
		a.t.Fatalf("%s: the description %q does not say %q", a.what, refusal.Description, all)
	}
	return refusal.Description
}

// ClientError fails the test when the answer is not an error in Gotify's shape
// with some status from 400 to 499.
func (a *Answer) ClientError() {
	a.t.Helper()
	if a.Status < 400 || a.Status > 499 {
		a.t.Fatalf("%s: status %d is not a 4xx: %.500s", a.what, a.Status, a.Body)
	}
	a.Refused(a.Status)
}

// Into decodes the JSON body into value, and fails the test when the body is
// not JSON by its content type and content.
func (a *Answer) Into(value any) {
	a.t.Helper()
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
	a.Want(http.StatusOK)
	var value T
	a.Into(&value)
	return value
}
