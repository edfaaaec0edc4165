package config

import (
	"fmt"
	"regexp"
	"strings"
)

// ParsePatterns compiles regular expressions (the syntax of package regexp), each
// so that it must match a text as a whole: if it could match anywhere, as
// Gotify's do, "example.com" would let example.com.evil.net in. The error names
// every expression that is none.
func ParsePatterns(expressions []string) ([]*regexp.Regexp, error) {
	patterns := make([]*regexp.Regexp, 0, len(expressions))
	var problems []string
	for _, expression := range expressions {
		pattern, err := parsePattern(expression)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s is no regular expression: %v", shown(expression), err))
			continue
		}
		patterns = append(patterns, pattern)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return patterns, nil
}

func parsePattern(expression string) (*regexp.Regexp, error) {
	// By itself first: "a)|(?:b" is none, but would be one within the group, and
	// end it.
	if _, err := regexp.Compile(expression); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + expression + ")$")
}
