package broker

import (
	"encoding/json"
	"errors"
	"io"
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
	if err := checkValues(extras, l.ExtrasDepth); err != nil {
		return err
	}
	return checkNamespaces(extras)
}

// checkValues reports an Invalid error for JSON that some client could not read:
// nested deeper than maxDepth (0: any depth), a name given twice in one object,
// which Gson refuses, or a number beyond what a float64 or a parser takes.
func checkValues(extras string, maxDepth int) error {
	decoder := json.NewDecoder(strings.NewReader(extras))
	decoder.UseNumber()
	var open []*level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return model.Errorf(model.Invalid, "Field 'extras' must be a JSON object")
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' || t == ']' {
				open = open[:len(open)-1]
				continue
			}
			named(open)
			if open = append(open, newLevel(t)); maxDepth > 0 && len(open) > maxDepth {
				return model.Errorf(model.Invalid, "Field 'extras' must not be nested deeper than %d levels", maxDepth)
			}
			continue
		case string:
			if name := awaited(open); name != nil {
				if name.seen[t] {
					return model.Errorf(model.Invalid, "Field 'extras': the name %.100q stands twice in an object", t)
				}
				name.seen[t], name.value = true, true
				continue
			}
		case json.Number:
			if _, err := t.Float64(); err != nil || len(t) > maxNumber {
				return model.Errorf(model.Invalid, "Field 'extras': the number %.40s… is too large", t)
			}
		}
		named(open)
	}
}

// maxNumber is the most characters of a number. Some parsers refuse longer ones.
const maxNumber = 400

// level is an object or a list that is open.
type level struct {
	// seen holds the names in an object, nil for a list.
	seen map[string]bool
	// value says that a name was read and its value comes next.
	value bool
}

func newLevel(opened json.Delim) *level {
	if opened == '[' {
		return &level{}
	}
	return &level{seen: map[string]bool{}}
}

// awaited returns the innermost level when a name comes next in it.
func awaited(open []*level) *level {
	if len(open) == 0 || open[len(open)-1].seen == nil || open[len(open)-1].value {
		return nil
	}
	return open[len(open)-1]
}

// named notes that the value for a name has begun.
func named(open []*level) {
	if len(open) > 0 {
		open[len(open)-1].value = false
	}
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
