package gotify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
)

// The part of OpenAPI that the page needs. A value with a Ref stands for the
// component that the reference names.
type (
	description struct {
		Info struct {
			Title, Version, Description string
		}
		Tags       []struct{ Name, Description string }
		Security   []map[string][]string
		Paths      ordered[pathItem]
		Components struct {
			SecuritySchemes map[string]securityScheme
			Parameters      map[string]parameter
			RequestBodies   map[string]requestBody
			Responses       map[string]operationResponse
			Schemas         ordered[schema]
		}
	}
	pathItem struct {
		Parameters                            []parameter
		Post, Get, Put, Delete, Options, Head *operation
	}
	operation struct {
		ID                   string `json:"operationId"`
		Tags                 []string
		Summary, Description string
		Security             *[]map[string][]string
		Parameters           []parameter
		RequestBody          requestBody
		Responses            ordered[operationResponse]
		Elevated             bool   `json:"x-elevated"`
		Admin                bool   `json:"x-admin"`
		Example              string `json:"x-example"`
	}
	securityScheme struct {
		Name string `json:"x-name"`
		Curl string `json:"x-curl"`
	}
	parameter struct {
		Ref                   string `json:"$ref"`
		Name, In, Description string
		Required              bool
		Schema                schema
		Example               json.RawMessage
	}
	requestBody struct {
		Ref     string `json:"$ref"`
		Content ordered[media]
	}
	operationResponse struct {
		Ref         string `json:"$ref"`
		Description string
		Content     ordered[media]
	}
	media struct {
		Schema  schema
		Example json.RawMessage
	}
	schema struct {
		Ref                       string `json:"$ref"`
		Type, Format, Description string
		Nullable                  bool
		Required                  []string
		Properties                ordered[schema]
		Items                     *schema
		AllOf                     []schema
		Enum                      []string
		Minimum, Maximum          *int64
		Default, Example          json.RawMessage
	}
)

// ordered is a mapping in the order of the file.
type ordered[T any] []entry[T]

type entry[T any] struct {
	Key   string
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *ordered[T]) UnmarshalJSON(text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	if start, err := in.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("%.20s… is not an object", text)
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return err
		}
		e := entry[T]{Key: fmt.Sprint(key)}
		if err := in.Decode(&e.Value); err != nil {
			return fmt.Errorf("%s: %w", e.Key, err)
		}
		*o = append(*o, e)
	}
	return nil
}

// pageCall is an operation together with the place where it stands.
type pageCall struct {
	Method, Path string
	Parameters   []parameter
	*operation
}

// calls returns all operations in the order of the file, with references to
// parameters and bodies resolved.
func (d *description) calls() []pageCall {
	var calls []pageCall
	for _, place := range d.Paths {
		p := place.Value
		for _, m := range []entry[*operation]{
			{"POST", p.Post}, {"GET", p.Get}, {"PUT", p.Put}, {"DELETE", p.Delete}, {"OPTIONS", p.Options}, {"HEAD", p.Head},
		} {
			if m.Value == nil {
				continue
			}
			c := pageCall{Method: m.Key, Path: place.Key, operation: m.Value}
			for _, parameter := range slices.Concat(p.Parameters, m.Value.Parameters) {
				c.Parameters = append(c.Parameters, component(parameter, parameter.Ref, d.Components.Parameters))
			}
			c.RequestBody = component(c.RequestBody, c.RequestBody.Ref, d.Components.RequestBodies)
			calls = append(calls, c)
		}
	}
	return calls
}

// component returns what ref names, or value when there is no reference.
func component[T any](value T, ref string, components map[string]T) T {
	if ref == "" {
		return value
	}
	return components[path.Base(ref)]
}

// who returns the names of the credentials that the call takes, each once.
func (d *description) who(c pageCall) []string {
	var names []string
	for _, scheme := range d.schemes(c) {
		if !slices.Contains(names, scheme.Name) {
			names = append(names, scheme.Name)
		}
	}
	return names
}

const noCredentials = "no credentials"

// schemes returns the security schemes of the call in their order. A call that
// needs no credentials has one that says so.
func (d *description) schemes(c pageCall) []securityScheme {
	requirements := d.Security
	if c.Security != nil {
		requirements = *c.Security
	}
	var schemes []securityScheme
	for _, requirement := range requirements {
		for name := range requirement {
			schemes = append(schemes, d.Components.SecuritySchemes[name])
		}
		if len(requirement) == 0 {
			schemes = append(schemes, securityScheme{Name: noCredentials})
		}
	}
	if len(schemes) == 0 {
		schemes = append(schemes, securityScheme{Name: noCredentials})
	}
	return schemes
}
