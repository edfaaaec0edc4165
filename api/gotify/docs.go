package gotify

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"

	"github.com/carillon-push/carillon/model"
)

//go:embed openapi.yaml
var openapi []byte

//go:embed docs
var docsFiles embed.FS

// maxBaseLength bounds the query parameter base of the spec, in bytes.
const maxBaseLength = 500

// docs serves the description of this face: as a page for people and as an
// OpenAPI document for programs. Both come from openapi.yaml. It is read when
// somebody first asks, because that takes longer than starting the server; a
// test makes sure that it can be read.
//
// The page has no script and loads nothing from elsewhere, and all its links
// are relative, so it works under any path and any content security policy
// that allows 'self'.
type docs struct {
	// address returns the server's address as the caller reaches it, without a
	// slash at its end. It is shown in the examples.
	address func(*http.Request) string
	css     []byte
	// html returns the page, which still holds {base} and {ws} where the server's
	// address belongs.
	html func() (string, error)
	// json returns the document in JSON, without its servers and without the
	// opening brace.
	json func() ([]byte, error)
}

// newDocs prepares the page and the document. An error means that the program
// was built without the files of the page.
func newDocs() (*docs, error) {
	css, err := docsFiles.ReadFile("docs/docs.css")
	if err != nil {
		return nil, err
	}
	text := sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(openapi) })
	return &docs{
		address: requestAddress,
		css:     css,
		html: sync.OnceValues(func() (string, error) {
			text, err := text()
			if err != nil {
				return "", err
			}
			hash := sha256.Sum256(css)
			return renderPage(text, hex.EncodeToString(hash[:6]))
		}),
		json: sync.OnceValues(func() ([]byte, error) {
			text, err := text()
			if err != nil {
				return nil, err
			}
			return withoutServers(text)
		}),
	}, nil
}

// page answers with the documentation for people.
func (d *docs) page(c *gin.Context) error {
	html, err := d.html()
	if err != nil {
		return err
	}
	address := d.address(c.Request)
	html = strings.NewReplacer(
		"{base}", template.HTMLEscapeString(address),
		"{ws}", template.HTMLEscapeString("ws"+strings.TrimPrefix(address, "http")),
	).Replace(html)
	h := c.Writer.Header()
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// The examples depend on how the caller reached us.
	h.Set("Cache-Control", "private, no-cache")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(html))
	return nil
}

// style answers with the style sheet of the page. The page asks for it with a
// hash of its content, so it may be kept.
func (d *docs) style(c *gin.Context) error {
	c.Writer.Header().Set("X-Content-Type-Options", "nosniff")
	c.Writer.Header().Set("Cache-Control", "public, max-age=86400")
	c.Data(http.StatusOK, "text/css; charset=utf-8", d.css)
	return nil
}

// spec answers with the OpenAPI document in JSON. The query parameter base, a
// host with an optional path as Gotify takes it or a whole address, becomes its
// server; without it the server is relative to the document. A base that is
// not an address is Invalid.
func (d *docs) spec(c *gin.Context) error {
	server := "."
	if base := c.Query("base"); base != "" {
		scheme, _, _ := strings.Cut(d.address(c.Request), "://")
		var ok bool
		if server, ok = serverURL(base, scheme); !ok {
			return model.Errorf(model.Invalid, "base is not an address")
		}
	}
	quoted, err := json.Marshal(server)
	if err != nil {
		return err
	}
	rest, err := d.json()
	if err != nil {
		return err
	}
	c.Writer.Header().Set("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, "application/json", fmt.Appendf(nil, `{"servers":[{"url":%s}],%s`, quoted, rest))
	return nil
}

// serverURL makes an address of base, with the given scheme when base has none.
func serverURL(base, scheme string) (string, bool) {
	if len(base) > maxBaseLength {
		return "", false
	}
	if !strings.Contains(base, "://") {
		base = scheme + "://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !hostPattern.MatchString(u.Host) {
		return "", false
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), true
}

// hostPattern is what a host with an optional port is made of. Nothing in it means
// anything to a shell, so it may stand in an example that people paste.
var hostPattern = regexp.MustCompile(`^[0-9A-Za-z.:_\[\]-]+$`)

// requestAddress returns the address that the request was sent to; the router
// has put the scheme and host that a trusted proxy told into the request. The
// header X-Forwarded-Proto is believed from anybody: the caller is the only one
// who sees the result.
func requestAddress(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	if !hostPattern.MatchString(r.Host) {
		return scheme + "://localhost:8080"
	}
	return scheme + "://" + r.Host
}

// withoutServers leaves out the servers and the opening brace of an OpenAPI
// document.
func withoutServers(text []byte) ([]byte, error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	delete(document, "servers")
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return text[1:], nil
}

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

// renderPage renders the page. It still holds {base} and {ws} where the
// server's address belongs.
func renderPage(text []byte, cssHash string) (string, error) {
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return "", err
	}
	calls := d.calls()
	links := map[string]string{}
	for _, c := range calls {
		links[c.Method+" "+c.Path] = c.ID
	}
	for _, s := range d.Components.Schemas {
		links[s.Key] = s.Key
	}
	page, err := template.New("page.html").Funcs(template.FuncMap{
		"prose":    func(text string) []pageBlock { return prose(text, links) },
		"who":      d.who,
		"curl":     d.curl,
		"typeOf":   func(s schema) pageShape { return shapeOf(&s) },
		"fields":   d.fields,
		"response": func(r operationResponse) operationResponse { return component(r, r.Ref, d.Components.Responses) },
		"indent":   indent,
		"has":      slices.Contains[[]string],
	}).ParseFS(docsFiles, "docs/page.html")
	if err != nil {
		return "", err
	}
	var html strings.Builder
	err = page.Execute(&html, map[string]any{"D": &d, "Calls": calls, "CSSHash": cssHash})
	return html.String(), err
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

// curl returns a command line that makes the call.
func (d *description) curl(c pageCall) string {
	if c.Example != "" {
		return c.Example
	}
	target, query := "{base}"+c.Path, "?"
	for _, p := range c.Parameters {
		example := strings.Trim(string(p.Example), `"`)
		switch {
		case example == "":
		case p.In == "path":
			target = strings.Replace(target, "{"+p.Name+"}", example, 1)
		case p.In == "query":
			target += query + p.Name + "=" + example
			query = "&"
		}
	}
	line := "curl "
	switch {
	case c.Method == "HEAD":
		line += "-I "
	case c.Method != "GET" && (c.Method != "POST" || len(c.RequestBody.Content) == 0):
		line += "-X " + c.Method + " "
	}
	line += shellQuote(target)
	for _, scheme := range d.schemes(c) {
		if scheme.Curl != "" {
			line += " \\\n  " + scheme.Curl
			break
		}
	}
	for _, m := range c.RequestBody.Content {
		if m.Key == "multipart/form-data" {
			line += " \\\n  -F file=@picture.png"
			break
		}
		line += " \\\n  -H 'Content-Type: " + m.Key + "' \\\n  -d " + shellQuote(string(m.Value.Example))
		break
	}
	return line
}

// pageField is a field of a body, for the page.
type pageField struct {
	Name        string
	Shape       pageShape
	Required    bool
	Description string
}

// fields returns the fields of a schema or of what it refers to.
func (d *description) fields(s schema) []pageField {
	if s.Ref != "" {
		for _, named := range d.Components.Schemas {
			if named.Key == path.Base(s.Ref) {
				s = named.Value
			}
		}
	}
	var fields []pageField
	for _, p := range s.Properties {
		fields = append(fields, pageField{
			Name: p.Key, Shape: shapeOf(&p.Value), Required: slices.Contains(s.Required, p.Key), Description: p.Value.Description,
		})
	}
	return fields
}

// pageShape says what a value looks like: a text, and then perhaps the name of a
// schema that the page describes.
type pageShape struct{ Text, Schema string }

// shapeOf describes the schema for people. Nil, or one without a type, has an
// empty shape.
func shapeOf(s *schema) pageShape {
	switch {
	case s == nil:
		return pageShape{}
	case s.Ref != "":
		return pageShape{Schema: path.Base(s.Ref)}
	case len(s.AllOf) > 0:
		return shapeOf(&s.AllOf[0])
	case s.Type == "array":
		items := shapeOf(s.Items)
		return pageShape{Text: "list of " + items.Text, Schema: items.Schema}
	}
	words := map[string]string{
		"integer": "whole number", "boolean": "true or false", "string": "text", "object": "object", "date-time": "time", "binary": "file",
	}
	text := words[s.Type]
	if word, ok := words[s.Format]; ok {
		text = word
	}
	if len(s.Enum) > 0 {
		text = "one of " + strings.Trim(strings.ReplaceAll(fmt.Sprintf("%q", s.Enum), `" "`, `", "`), "[]")
	}
	if s.Nullable {
		text += " or null"
	}
	if s.Minimum != nil && s.Maximum != nil {
		text += fmt.Sprintf(", %d to %d", *s.Minimum, *s.Maximum)
	}
	if s.Default != nil {
		text += fmt.Sprintf(", %s when left out", s.Default)
	}
	return pageShape{Text: text}
}

// pageBlock is a paragraph, or a list when it has items.
type pageBlock struct {
	Text  []pageSpan
	Items [][]pageSpan
}

// pageSpan is a run of text. Kind is "code", "strong", "em" or empty; Link is the
// name of a place on the page or empty.
type pageSpan struct{ Kind, Text, Link string }

// prose reads the little Markdown that the description uses: paragraphs, lists,
// code, strong and emphasis. Code that names a call or a schema gets a link.
func prose(text string, links map[string]string) []pageBlock {
	var blocks []pageBlock
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		paragraph = strings.TrimSpace(paragraph)
		if !strings.HasPrefix(paragraph, "- ") {
			blocks = append(blocks, pageBlock{Text: spans(paragraph, links)})
			continue
		}
		var list pageBlock
		for item := range strings.SplitSeq(paragraph[2:], "\n- ") {
			list.Items = append(list.Items, spans(item, links))
		}
		blocks = append(blocks, list)
	}
	return blocks
}

var marked = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*|\\*[^*]+\\*")

// spans splits one paragraph at its marks.
func spans(text string, links map[string]string) []pageSpan {
	text = strings.Join(strings.Fields(text), " ")
	var spans []pageSpan
	for at := marked.FindStringIndex(text); at != nil; at = marked.FindStringIndex(text) {
		s := pageSpan{Kind: "em", Text: strings.Trim(text[at[0]:at[1]], "*`")}
		switch {
		case text[at[0]] == '`':
			s.Kind, s.Link = "code", links[s.Text]
		case strings.HasPrefix(text[at[0]:], "**"):
			s.Kind = "strong"
		}
		spans = append(spans, pageSpan{Text: text[:at[0]]}, s)
		text = text[at[1]:]
	}
	return append(spans, pageSpan{Text: text})
}

// indent spreads JSON over several lines.
func indent(text json.RawMessage) (string, error) {
	var out bytes.Buffer
	err := json.Indent(&out, text, "", "  ")
	return out.String(), err
}

// shellQuote makes one word of the text for a POSIX shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
