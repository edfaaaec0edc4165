package config

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxDocumentBytes is the most bytes of a settings file.
	maxDocumentBytes = 1 << 20
	// maxDocumentTokens bounds the parser's time, which grows with the square of
	// the number of keys.
	maxDocumentTokens = 10_000
	// maxDocumentDepth bounds the parser's stack, which Go cannot recover from.
	maxDocumentDepth = 16
)

// lineError is a problem at a line of a document; line 0 is the document as a whole.
type lineError struct {
	line int
	text string
}

func (e *lineError) Error() string { return e.text }

// parseDocument parses text as one YAML document and returns its root, nil when it
// is empty. Whatever the text is, it returns within about a second.
func parseDocument(text []byte) (root ast.Node, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if err := checkCharacters(text); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &lineError{text: "is not YAML that can be read"}
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	// Keys given twice are found by the reader, which knows their names.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		// The error's own text quotes the lines around it, and with them secrets.
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return nil, &lineError{lineOf(syntax.GetToken()), syntax.GetMessage()}
		}
		return nil, &lineError{text: "is not valid YAML"}
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if root != nil {
			return nil, &lineError{lineOf(document.Body.GetToken()), "a second YAML document is not read"}
		}
		root = document.Body
	}
	return root, nil
}

func checkCharacters(text []byte) error {
	if len(text) > maxDocumentBytes {
		return &lineError{text: fmt.Sprintf("is larger than %d bytes", maxDocumentBytes)}
	}
	line := 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return &lineError{line, "is not valid UTF-8"}
		case r == '\n':
			line++
		case r == 0x7f, r < ' ' && r != '\t' && r != '\r':
			return &lineError{line, fmt.Sprintf("holds the control character %U", r)}
		}
		rest = rest[size:]
	}
	return nil
}

// checkTokens refuses what settings have no use for and what would let a small
// document grow or nest without end.
func checkTokens(tokens token.Tokens) error {
	depth, entries, entryLine, count := 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.CommentType:
			continue
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType:
			return &lineError{lineOf(t), "anchors, aliases and tags are not supported; a text with &, * or ! at its start needs quotes"}
		case token.MappingKeyType, token.DirectiveType:
			return &lineError{lineOf(t), "a text with ? or % at its start needs quotes"}
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			if lineOf(t) != entryLine {
				entries, entryLine = 0, lineOf(t)
			}
			entries++
		}
		if count++; count > maxDocumentTokens {
			return &lineError{lineOf(t), fmt.Sprintf("has more than %d keys, values and marks", maxDocumentTokens)}
		}
		if max(depth, entries) > maxDocumentDepth {
			return &lineError{lineOf(t), "is nested too deep"}
		}
	}
	return nil
}

func lineOf(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	return t.Position.Line
}
