package gotify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"path"
	"regexp"
	"slices"
	"strings"
)

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
	if len(c.RequestBody.Content) == 0 {
		return line
	}
	first := c.RequestBody.Content[0]
	if first.Key == "multipart/form-data" {
		return line + " \\\n  -F file=@picture.png"
	}
	return line + " \\\n  -H 'Content-Type: " + first.Key + "' \\\n  -d " + shellQuote(string(first.Value.Example))
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
