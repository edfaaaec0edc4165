package config

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// typeError is a text that is no value of the setting's type.
type typeError struct{ want, text string }

func (e *typeError) Error() string { return e.want + ", not " + shown(e.text) }

// setText sets a single value from its text. Lists and maps are not its business.
func setText(field reflect.Value, text string) error {
	if isDuration(field) {
		value, err := time.ParseDuration(text)
		if err != nil {
			return &typeError{"must be a duration with its unit, such as 10s or 2m", text}
		}
		field.SetInt(int64(value))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		if strings.IndexByte(text, 0) >= 0 {
			return errors.New("must not hold a NUL character")
		}
		field.SetString(text)
	case reflect.Bool:
		value, ok := truth(text)
		if !ok {
			return &typeError{"must be true or false", text}
		}
		field.SetBool(value)
	case reflect.Float64:
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
			return &typeError{"must be a number", text}
		}
		field.SetFloat(value)
	default:
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil || field.OverflowInt(value) {
			return &typeError{"must be a whole number", text}
		}
		field.SetInt(value)
	}
	return nil
}

func isDuration(field reflect.Value) bool {
	return field.Type() == reflect.TypeFor[time.Duration]()
}

// truth reads a truth value in the spellings of YAML 1.1 and of Gotify.
func truth(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1", "t":
		return true, true
	case "false", "no", "off", "0", "f":
		return false, true
	}
	return false, false
}

// shown quotes a value for a message and cuts what is too long for one.
func shown(text string) string {
	const longest = 40
	if len(text) > longest {
		return strconv.Quote(strings.ToValidUTF8(text[:longest], "")) + "…"
	}
	return strconv.Quote(text)
}
