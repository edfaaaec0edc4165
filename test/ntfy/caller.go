package ntfy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

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

// With returns a caller that sends more headers: names and values in turn. They
// replace those of the same name; the name is sent as it is written.
func (c *Caller) With(pairs ...string) *Caller {
	changed := *c
	changed.header = c.header.Clone()
	for i := 0; i+1 < len(pairs); i += 2 {
		changed.header[pairs[i]] = []string{pairs[i+1]}
	}
	return &changed
}

// Authorization returns a caller with this header and no other credentials.
func (c *Caller) Authorization(value string) *Caller { return c.With("Authorization", value) }

// Basic returns a caller with a user name and a password.
func (c *Caller) Basic(name, password string) *Caller {
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth(name, password)
	return c.Authorization(request.Header.Get("Authorization"))
}

// Bearer returns a caller with a token of any kind.
func (c *Caller) Bearer(token string) *Caller { return c.Authorization("Bearer " + token) }

// Loose returns a caller whose requests may be wrong: they are not compared with
// the OpenAPI file. The answers still are.
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

// Publish puts a text to a topic and returns the message that was made of it.
// Headers are names and values in turn.
func (c *Caller) Publish(topic, text string, headers ...string) Message {
	c.T.Helper()
	return c.With(headers...).Put("/"+topic, text).Message()
}

// Poll returns what is stored of the topics. The query has no question mark.
func (c *Caller) Poll(topics, query string) []Message {
	c.T.Helper()
	return c.Get("/" + topics + "/json?poll=1&" + query).Messages()
}

// Do sends a request and fails the test when there is no answer. The body is a
// string or bytes as they are, a reader of unknown length, nothing (nil), or
// anything else as JSON.
func (c *Caller) Do(method, path string, body any) *Answer {
	c.T.Helper()
	answer, err := c.Try(context.Background(), method, path, body)
	if err != nil {
		c.T.Fatalf("%s %.300s: %v", method, path, err)
	}
	return answer
}

// Try is Do with an error instead of a failed test. It may be called from any
// goroutine.
func (c *Caller) Try(ctx context.Context, method, path string, body any) (*Answer, error) {
	request, data, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
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
	return c.answer(request, response, read), nil
}

// TryPublish is Publish with an error instead of a failed test. It may be called
// from any goroutine.
func (c *Caller) TryPublish(ctx context.Context, topic, text string, headers ...string) (Message, error) {
	answer, err := c.With(headers...).Try(ctx, "PUT", "/"+topic, text)
	if err != nil {
		return Message{}, err
	}
	if answer.Status != http.StatusOK {
		return Message{}, fmt.Errorf("PUT /%s: status %d: %.500s", topic, answer.Status, answer.Body)
	}
	return parse(answer.Body)
}

func (c *Caller) answer(request *http.Request, response *http.Response, body []byte) *Answer {
	what := fmt.Sprintf("%s %.300s", request.Method, request.URL.RequestURI())
	return &Answer{t: c.T, what: what, Status: response.StatusCode, Header: response.Header, Body: body}
}

func (c *Caller) request(ctx context.Context, method, path string, body any) (*http.Request, []byte, error) {
	var data []byte
	var reader io.Reader
	header := c.header.Clone()
	switch body := body.(type) {
	case nil:
	case string:
		data = []byte(body)
	case []byte:
		data = body
	case io.Reader:
		reader = body
	default:
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, nil, err
		}
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/json")
		}
	}
	if reader == nil {
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Server.URL()+path, reader)
	if err != nil {
		return nil, nil, err
	}
	request.Header = header
	return request, data, nil
}

// compare compares the exchange with the OpenAPI file. Streams and files have
// types that the file's checker does not know; what is in a stream is compared
// line by line when it is read. What has no request id was answered before the
// request came to the program's own code; an address or headers that are too long
// are refused whatever the route.
func (c *Caller) compare(x openapi.Exchange) {
	spec, err := description()
	if err != nil {
		c.T.Error(err)
	}
	if spec == nil || x.Response.Header.Get("X-Request-Id") == "" || x.Response.Header.Get("Content-Type") != "application/json" ||
		x.Response.StatusCode == http.StatusRequestURITooLong || x.Response.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
		return
	}
	if !c.loose && x.Response.StatusCode < 300 {
		x.Request = x.Request.Clone(context.Background())
		if x.Request.Header.Get("Content-Type") != "application/json" {
			x.Request.Header.Set("Content-Type", "text/plain") // a body is a text, whatever it is called
		}
		if err := spec.CheckRequest(x); err != nil {
			c.T.Errorf("%s %.300s: %v", x.Request.Method, x.Request.URL, err)
		}
	}
	if err := spec.CheckResponse(x); err != nil {
		c.T.Errorf("%s %.300s -> %d: %v", x.Request.Method, x.Request.URL, x.Response.StatusCode, err)
	}
}
