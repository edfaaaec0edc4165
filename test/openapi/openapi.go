// Package openapi compares what the black-box tests send and receive with an
// OpenAPI file, so that the description of a face cannot drift from the server.
//
// It knows OpenAPI and HTTP and no face in particular. Paths that the file does
// not describe are not checked here: that the file describes every route is a
// test of the face.
package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Spec is a loaded OpenAPI file. It may be used by several goroutines.
type Spec struct {
	doc    *openapi3.T
	router routers.Router
}

// Load reads and validates the OpenAPI file at path.
func Load(path string) (*Spec, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	readFilesAsTheyAre()
	doc.Servers = nil // the tests' servers have addresses of their own
	router, err := legacy.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Spec{doc: doc, router: router}, nil
}

// Exchange is one request and its answer, with the bodies already read.
type Exchange struct {
	Request      *http.Request
	RequestBody  []byte
	Response     *http.Response
	ResponseBody []byte
}

// CheckRequest returns an error when the request is not one the file describes.
func (s *Spec) CheckRequest(x Exchange) error {
	input, err := s.input(x)
	if input == nil || err != nil {
		return err
	}
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
		return fmt.Errorf("the request does not fit the OpenAPI file: %w", err)
	}
	return nil
}

// CheckResponse returns an error when the answer is not one the file describes
// for this path, method and status.
func (s *Spec) CheckResponse(x Exchange) error {
	input, err := s.input(x)
	if input == nil || err != nil {
		return err
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input,
		Status:                 x.Response.StatusCode,
		Header:                 x.Response.Header,
		Body:                   io.NopCloser(bytes.NewReader(x.ResponseBody)),
		Options:                input.Options,
	})
	if err != nil {
		return fmt.Errorf("the answer does not fit the OpenAPI file: %w", err)
	}
	return nil
}

// CheckValue returns an error when the JSON value is not one of the schema with
// this name, for what travels outside of requests and answers.
func (s *Spec) CheckValue(schema string, data []byte) error {
	known := s.doc.Components.Schemas[schema]
	if known == nil {
		return fmt.Errorf("the OpenAPI file has no schema %s", schema)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // numbers may be larger than a float64
	var value any
	if err := decoder.Decode(&value); err != nil {
		return err
	}
	if err := known.Value.VisitJSON(value); err != nil {
		return fmt.Errorf("not a %s of the OpenAPI file: %w", schema, err)
	}
	return nil
}

// readFilesAsTheyAre teaches the validator that pages and images are files.
// It knows no content type but JSON, forms and plain text by itself.
func readFilesAsTheyAre() {
	for _, kind := range []string{"image/png", "image/jpeg", "image/gif", "image/webp", "text/html", "text/css"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
}

// input returns nil when the file does not describe the path and method.
func (s *Spec) input(x Exchange) (*openapi3filter.RequestValidationInput, error) {
	request := x.Request.Clone(context.Background())
	// The server accepts "//path" for "/path".
	request.URL.Path = "/" + strings.TrimLeft(request.URL.Path, "/")
	request.Body = io.NopCloser(bytes.NewReader(x.RequestBody))
	request.ContentLength = int64(len(x.RequestBody))
	route, parameters, err := s.router.FindRoute(request)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // not described: nothing to compare
	}
	return &openapi3filter.RequestValidationInput{
		Request:    request,
		PathParams: parameters,
		Route:      route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus: true,
		},
	}, nil
}
