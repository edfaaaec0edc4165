package broker

import (
	"encoding/json"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// checkExtras reports an Invalid or TooLarge error for extras, a JSON object or
// "", that the clients of the contract could not live with.
func (l Limits) checkExtras(extras string) error {
	if extras == "" {
		return nil
	}
	if l.Extras > 0 && len(extras) > l.Extras {
		return model.Errorf(model.TooLarge, "Field 'extras' must not be larger than %d bytes", l.Extras)
	}
	if l.ExtrasDepth > 0 && depth(extras) > l.ExtrasDepth {
		return model.Errorf(model.Invalid, "Field 'extras' must not be nested deeper than %d levels", l.ExtrasDepth)
	}
	return checkNamespaces(extras)
}

// depth returns how deep objects and lists nest in valid JSON.
func depth(text string) int {
	deepest, level, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// objects are the places in extras where Gotify's Android app expects an
// object: it casts without looking and would fail on anything else.
var objects = [][]string{
	{"client::display"},
	{"client::notification"},
	{"client::notification", "click"},
	{"android::action"},
	{"android::action", "onReceive"},
}

func checkNamespaces(extras string) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(extras), &all); err != nil || all == nil {
		return model.Errorf(model.Invalid, "Field 'extras' must be a JSON object")
	}
	for _, path := range objects {
		object := all
		for i, name := range path {
			value := object[name]
			if len(value) == 0 || string(value) == "null" {
				break
			}
			object = nil
			if json.Unmarshal(value, &object) != nil {
				return model.Errorf(model.Invalid, "Field 'extras': '%s' must be an object", strings.Join(path[:i+1], "."))
			}
		}
	}
	return nil
}
