package gotify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carillon-push/carillon/test/openapi"
	"github.com/carillon-push/carillon/test/server"
)

// Caller sends requests to one server with one set of credentials. The methods
// that change something return a changed copy.
type Caller struct {
	T      testing.TB
	Server *server.Server

	header http.Header
	http   *http.Client
	loose  bool
}

// Raw is a body that is sent as it is.
type Raw struct {
	Type string
	Data []byte
}

// Anonymous returns a caller without credentials.
func Anonymous(t testing.TB, s *server.Server) *Caller {
	return &Caller{T: t, Server: s, header: http.Header{}, http: &http.Client{
		Timeout:       2 * Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Admin returns a caller with the administrator's name and password.
func Admin(t testing.TB, s *server.Server) *Caller {
	return Anonymous(t, s).Basic(server.AdminName, server.AdminPassword)
}

// With returns a caller that sends one more header. The header Host is the
// request's Host.
func (c *Caller) With(name, value string) *Caller {
	changed := *c
	changed.header = c.header.Clone()
	changed.header.Set(name, value)
	return &changed
}

// Basic returns a caller with a user name and a password.
func (c *Caller) Basic(name, password string) *Caller {
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth(name, password)
	return c.With("Authorization", request.Header.Get("Authorization"))
}

// Key returns a caller with a token in the header X-Gotify-Key.
func (c *Caller) Key(token string) *Caller { return c.With("X-Gotify-Key", token) }

// Browser returns a caller that keeps cookies of its own.
func (c *Caller) Browser() *Caller {
	changed := *c
	browser := *c.http
	browser.Jar, _ = cookiejar.New(nil) // without options it cannot fail
	changed.http = &browser
	return &changed
}

// Loose returns a caller whose requests may be wrong: they are not compared
// with the OpenAPI file. The answers still are.
func (c *Caller) Loose() *Caller {
	changed := *c
	changed.loose = true
	return &changed
}

// On returns a caller that reports to another test, for a sub-test.
func (c *Caller) On(t testing.TB) *Caller {
	changed := *c
	changed.T = t
	return &changed
}

// Get sends a GET request.
func (c *Caller) Get(path string) *Answer { c.T.Helper(); return c.Do("GET", path, nil) }

// Post sends a POST request; see Do for the body.
func (c *Caller) Post(path string, body any) *Answer { c.T.Helper(); return c.Do("POST", path, body) }

// Put sends a PUT request; see Do for the body.
func (c *Caller) Put(path string, body any) *Answer { c.T.Helper(); return c.Do("PUT", path, body) }

// Delete sends a DELETE request.
func (c *Caller) Delete(path string) *Answer { c.T.Helper(); return c.Do("DELETE", path, nil) }

// Do sends a request and fails the test when there is no answer. The body is a
// Raw, a form (url.Values), nothing (nil), or anything else as JSON.
func (c *Caller) Do(method, path string, body any) *Answer {
	c.T.Helper()
	answer, err := c.Try(context.Background(), method, path, body)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// Try is Do with an error instead of a failed test. It may be called from any
// goroutine.
func (c *Caller) Try(ctx context.Context, method, path string, body any) (*Answer, error) {
	kind, data, err := encode(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Server.URL()+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header = c.header.Clone()
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	c.compare(openapi.Exchange{Request: request, RequestBody: data, Response: response, ResponseBody: read})
	return &Answer{t: c.T, what: method + " " + path, Status: response.StatusCode, Header: response.Header, Body: read}, nil
}

// compare compares the exchange with the OpenAPI file.
func (c *Caller) compare(x openapi.Exchange) {
	spec, err := description()
	if err != nil {
		c.T.Error(err)
	}
	if spec == nil {
		return
	}
	if !c.loose && x.Response.StatusCode < 300 {
		if err := spec.CheckRequest(x); err != nil {
			c.T.Errorf("%s %s: %v", x.Request.Method, x.Request.URL, err)
		}
	}
	if err := spec.CheckResponse(x); err != nil {
		c.T.Errorf("%s %s -> %d: %v", x.Request.Method, x.Request.URL, x.Response.StatusCode, err)
	}
}

func encode(body any) (kind string, data []byte, err error) {
	switch body := body.(type) {
	case nil:
		return "", nil, nil
	case Raw:
		return body.Type, body.Data, nil
	case url.Values:
		return "application/x-www-form-urlencoded", []byte(body.Encode()), nil
	default:
		data, err := json.Marshal(body)
		return "application/json", data, err
	}
}

// Until calls probe again and again until it returns true, and fails the test
// when that takes longer than Patience. It is for things that happen without an
// event that a test could wait for.
func Until(t testing.TB, what string, probe func() bool) {
	t.Helper()
	UntilWithin(t, Patience, what, probe)
}

// UntilWithin is Until with another patience.
func UntilWithin(t testing.TB, patience time.Duration, what string, probe func() bool) {
	t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticks.C {
		if probe() {
			return
		}
	}
	t.Fatalf("%s: did not happen within %s", what, patience)
}

// words reports whether text holds all the words, whatever their case.
func words(text string, all []string) bool {
	for _, word := range all {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return false
		}
	}
	return true
}
