package ntfy

import (
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// parameters are what a request says beside its body: in headers, in the query
// and, for a request in JSON, in the body's fields.
type parameters struct {
	// given are a JSON body's fields, under the first of a parameter's names. They
	// go before everything else.
	given  map[string]string
	header http.Header
	// query has names in lower case.
	query map[string]string
}

// newParameters returns the parameters of the request's headers and query.
func newParameters(r *http.Request) *parameters {
	p := &parameters{given: map[string]string{}, header: r.Header, query: map[string]string{}}
	values := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		// A name in lower case, as ntfy wants it, goes before the others.
		if lower := strings.ToLower(name); lower == name || p.query[lower] == "" {
			p.query[lower] = values[name][0]
		}
	}
	return p
}

// give sets a parameter under the first of its names. An empty value gives nothing.
func (p *parameters) give(name, value string) {
	if value != "" {
		p.given[name] = cleanText(value)
	}
}

// text returns the first value that is not blank, without white space around it.
// The aliases are in lower case; the headers of all of them go before the query.
func (p *parameters) text(aliases ...string) string {
	for _, alias := range aliases {
		if value := strings.TrimSpace(p.given[alias]); value != "" {
			return value
		}
	}
	for _, alias := range aliases {
		for _, raw := range p.header[http.CanonicalHeaderKey(alias)] {
			if alias == "priority" && httpPriority.MatchString(strings.TrimSpace(raw)) {
				continue
			}
			if value := strings.TrimSpace(cleanText(decodeWords(raw))); value != "" {
				return value
			}
		}
	}
	for _, alias := range aliases {
		if value := strings.TrimSpace(cleanText(p.query[alias])); value != "" {
			return value
		}
	}
	return ""
}

// flag reads a yes or no: as in ntfy, everything but 1, yes and true is no.
func (p *parameters) flag(otherwise bool, aliases ...string) bool {
	text := p.text(aliases...)
	if text == "" {
		return otherwise
	}
	return isYes(text)
}

func isYes(text string) bool {
	return text == "1" || strings.EqualFold(text, "yes") || strings.EqualFold(text, "true")
}

// httpPriority is what browsers and proxies say in a header named Priority
// (RFC 9218). They mean the answer's urgency and not the message's.
var httpPriority = regexp.MustCompile(`^(u=\d(,\s*i(=\?[01])?)?|u=\d,\s*\d|i(=\?[01])?(,\s*u=\d)?)$`)

// decodeWords decodes a header that was encoded as RFC 2047 has it. What is broken
// or in a character set that nobody knows is taken literally.
func decodeWords(header string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		return header
	}
	return text
}

// cleanText makes text that every database and every client can take: broken
// UTF-8 is replaced, and control characters other than line breaks and tabs go.
func cleanText(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return -1
		}
		return r
	}, text)
}

func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
