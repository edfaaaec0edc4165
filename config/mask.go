package config

import (
	"reflect"
	"regexp"
	"strings"
)

// mask stands for a secret that is set.
const mask = "***"

// Masked returns the settings as YAML, to be shown: secrets that are set become
// ***, also within the connection string of a database.
func (c *Config) Masked() string {
	masked := *c
	for _, s := range settings(&masked) {
		switch text := s.field; s.secret {
		case "value":
			if text.String() != "" {
				text.SetString(mask)
			}
		case "connection":
			text.SetString(maskConnection(text.String()))
		}
	}
	var out strings.Builder
	writeSection(&out, reflect.ValueOf(masked), "")
	return out.String()
}

// Passwords that have a name stand in the key=value form of Postgres, where a value
// may be quoted, and in the query of a URL or a DSN, where it ends at the next &.
const secretNames = `(?:ssl)?password|passwd|pwd|pass|_auth_pass|_key|_pragma_key|_hexkey|secret|token|key`

var (
	keyValueForm  = regexp.MustCompile(`^\s*\w+\s*=`)
	keyValueParam = regexp.MustCompile(`(?is)(^|\s)(` + secretNames + `)(\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)*)`)
	urlForm       = regexp.MustCompile(`^\s*postgres(ql)?://`)
	queryParam    = regexp.MustCompile(`(?i)([?&])(` + secretNames + `)(=)([^&]*)`)
)

// maskConnection hides the password of a connection string in any of the forms that
// the drivers know: URL (postgres://user:secret@host/db), key=value (host=x
// password=secret) and MySQL's DSN (user:secret@tcp(host)/db). When in doubt it
// hides more than the password.
func maskConnection(text string) string {
	const named = "${1}${2}${3}" + mask
	if keyValueForm.MatchString(text) {
		return maskUser(keyValueParam.ReplaceAllString(text, named))
	}
	// The user comes first: what stands before the @ may look like a query.
	return queryParam.ReplaceAllString(maskUser(text), named)
}

// maskUser hides what stands between a user's colon and the last @, since a
// password may itself hold an @.
func maskUser(text string) string {
	start := len(urlForm.FindString(text))
	end := strings.LastIndexByte(text, '@')
	if end < start {
		return text
	}
	colon := strings.IndexByte(text[start:end], ':')
	if colon < 0 {
		return text
	}
	return text[:start+colon+1] + mask + text[end:]
}
