package ntfy

import (
	"regexp"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// shortActions reads the short form: actions with a semicolon between them, their
// parameters with a comma. The first three need no name: what it is, its label,
// and its address or, to copy, its value. All others are "name=value". Values that
// hold a comma or a semicolon stand in quotes, in which \ comes before a quote.
func shortActions(text string) ([]model.Action, error) {
	s := &shortForm{text: text}
	var actions []model.Action
	for !s.blank() {
		if len(actions) > maxActions {
			return actions, nil // too many already
		}
		a, err := s.action()
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// shortForm reads a text from the left to the right.
type shortForm struct {
	text string
	at   int
}

// blank skips white space and reports whether nothing is left.
func (s *shortForm) blank() bool {
	s.at = len(s.text) - len(strings.TrimLeft(s.text[s.at:], " \t\r\n"))
	return s.at == len(s.text)
}

// action reads one action and the semicolon after it.
func (s *shortForm) action() (a model.Action, err error) {
	for position := 0; ; position++ {
		key, value, err := s.parameter()
		if err != nil {
			return a, err
		}
		if key == "" {
			key = positional(position, a.Action)
		}
		if key == "" {
			return a, failuref(40018, "term '%.40s' unknown", value)
		}
		if err := setAction(&a, key, value); err != nil {
			return a, err
		}
		if s.at == len(s.text) {
			return a, nil
		}
		s.at++
		if s.text[s.at-1] == ';' {
			return a, nil
		}
	}
}

// positional returns the name of a parameter that was given without one.
func positional(position int, action string) string {
	switch {
	case position == 0:
		return "action"
	case position == 1:
		return "label"
	case position > 2 || action == actionBroadcast:
		return ""
	case action == actionCopy:
		return "value"
	default:
		return "url"
	}
}

// shortKey is the name of a parameter.
var shortKey = regexp.MustCompile(`^([-.\w]+)\s*=\s*`)

// parameter reads one parameter up to the comma or semicolon after it, or up to
// the end.
func (s *shortForm) parameter() (key, value string, err error) {
	s.blank()
	if found := shortKey.FindStringSubmatch(s.text[s.at:]); found != nil {
		key, s.at = found[1], s.at+len(found[0])
	}
	rest := s.text[s.at:]
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		value, err = s.quoted(rest[0])
		return key, value, err
	}
	end := strings.IndexAny(rest, ",;")
	if end < 0 {
		end = len(rest)
	}
	s.at += end
	return key, strings.TrimSpace(rest[:end]), nil
}

// quoted reads a value in quotes and the white space after it.
func (s *shortForm) quoted(quote byte) (string, error) {
	var value strings.Builder
	for at := s.at + 1; at < len(s.text); at++ {
		switch letter := s.text[at]; {
		case letter == '\\' && at+1 < len(s.text) && s.text[at+1] == quote:
			value.WriteByte(quote)
			at++
		case letter != quote:
			value.WriteByte(letter)
		default:
			s.at = at + 1
			if !s.blank() && s.text[s.at] != ',' && s.text[s.at] != ';' {
				return "", failuref(40018, "unexpected character %q at position %d", firstRune(s.text[s.at:]), s.at)
			}
			return value.String(), nil
		}
	}
	return "", failuref(40018, "unexpected end of input, quote started at position %d", s.at)
}

func firstRune(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}
