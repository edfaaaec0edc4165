package ntfy

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// looseText is a text in JSON for which a number, true or false may stand, as they
// are written. Null is no text.
type looseText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		*t = ""
		return nil
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case raw[0] == '{' || raw[0] == '[':
		return errors.New("a text is expected, not a list or an object")
	default:
		*t = looseText(raw)
		return nil
	}
}

// looseList is a list of texts in JSON for which one text with commas may stand.
type looseList string

// UnmarshalJSON implements json.Unmarshaler.
func (l *looseList) UnmarshalJSON(raw []byte) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' {
		return (*looseText)(l).UnmarshalJSON(raw)
	}
	var list []looseText
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = string(text)
	}
	*l = looseList(strings.Join(texts, ","))
	return nil
}
