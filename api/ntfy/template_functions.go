package ntfy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

// harmlessFunctions are those of text/template that cost next to nothing and make
// nothing.
var harmlessFunctions = []string{"and", "or", "not", "index", "slice"}

// payingFunctions are those that templates may call beside the harmless ones. Each
// of them pays before it works. Those of text/template that make text, or go
// through it, are replaced by ones that do.
func (b *budget) payingFunctions() template.FuncMap {
	return template.FuncMap{
		chargeName: b.charge,
		"print":    b.text(fmt.Sprint),
		"println":  b.text(fmt.Sprintln),
		"printf":   b.printf,
		"html":     b.text(template.HTMLEscaper), "js": b.text(template.JSEscaper), "urlquery": b.text(template.URLQueryEscaper),
		"upper": b.change(strings.ToUpper), "lower": b.change(strings.ToLower), "title": b.change(capitalise), "trim": b.change(strings.TrimSpace),
		"toString": b.change(func(text string) string { return text }), "quote": b.change(strconv.Quote), "toJson": b.toJSON,
		"trimPrefix": b.with(func(prefix, text string) string { return strings.TrimPrefix(text, prefix) }),
		"trimSuffix": b.with(func(suffix, text string) string { return strings.TrimSuffix(text, suffix) }),
		"replace":    b.replace, "trunc": b.truncate, "join": b.join,
		"contains":  b.test(func(part, text string) bool { return strings.Contains(text, part) }),
		"hasPrefix": b.test(func(prefix, text string) bool { return strings.HasPrefix(text, prefix) }),
		"hasSuffix": b.test(func(suffix, text string) bool { return strings.HasSuffix(text, suffix) }),
		"default":   b.otherwise, "coalesce": b.coalesce, "ternary": b.ternary, "empty": b.empty,
		"len": b.length, "first": b.first, "last": b.last,
		"add": b.reckon(func(x, y float64) float64 { return x + y }), "sub": b.reckon(func(x, y float64) float64 { return x - y }),
		"mul": b.reckon(func(x, y float64) float64 { return x * y }), "div": b.reckon(func(x, y float64) float64 { return x / y }),
		"round": b.round, "date": b.date,
		"eq": b.equal, "ne": b.unequal,
		"lt": b.order(func(c int) bool { return c < 0 }), "le": b.order(func(c int) bool { return c <= 0 }),
		"gt": b.order(func(c int) bool { return c > 0 }), "ge": b.order(func(c int) bool { return c >= 0 }),
	}
}

// printed is how a value is written: nothing is nothing.
func printed(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// text wraps a function that makes a text of anything.
func (b *budget) text(make func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		if err := b.call(args...); err != nil {
			return "", err
		}
		return b.keep(make(args...))
	}
}

// change wraps a function of one text.
func (b *budget) change(change func(string) string) func(any) (string, error) {
	return b.one(func(value any) string { return change(printed(value)) })
}

func (b *budget) one(make func(any) string) func(any) (string, error) {
	return func(value any) (string, error) {
		if err := b.call(value); err != nil {
			return "", err
		}
		return b.keep(make(value))
	}
}

// with wraps a function of two texts, of which the second is the one to change.
func (b *budget) with(change func(first, text string) string) func(any, any) (string, error) {
	return func(first, text any) (string, error) {
		if err := b.call(first, text); err != nil {
			return "", err
		}
		return b.keep(change(printed(first), printed(text)))
	}
}

// test wraps a question about two texts.
func (b *budget) test(ask func(first, text string) bool) func(any, any) (bool, error) {
	return func(first, text any) (bool, error) {
		err := b.call(first, text)
		return err == nil && ask(printed(first), printed(text)), err
	}
}

// greedy finds what lets a format make much out of little: a width or a precision
// of three digits, one that is an argument, and arguments that are used again.
var greedy = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{3}|[*\[])`)

func (b *budget) printf(format string, args ...any) (string, error) {
	if greedy.MatchString(format) {
		return "", errors.New("widths, precisions of more than two digits, * and [ are not allowed in a format")
	}
	// Each verb can make 99 characters out of nothing, and an error message.
	if err := b.call(append(args, format)...); err != nil {
		return "", err
	}
	if err := b.spend(128 * strings.Count(format, "%")); err != nil {
		return "", err
	}
	return b.keep(fmt.Sprintf(format, args...))
}

func (b *budget) toJSON(value any) (string, error) {
	if err := b.call(value); err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return b.keep(string(text))
}

func capitalise(text string) string {
	start := true
	return strings.Map(func(r rune) rune {
		first := start
		start = unicode.IsSpace(r)
		if first {
			return unicode.ToTitle(r)
		}
		return r
	}, text)
}

func (b *budget) replace(from, to, text any) (string, error) {
	if err := b.call(from, to, text); err != nil {
		return "", err
	}
	old, fresh, in := printed(from), printed(to), printed(text)
	if made := len(in) + strings.Count(in, old)*len(fresh); made > b.made {
		return b.keep(strings.Repeat(" ", b.made+1))
	}
	return b.keep(strings.ReplaceAll(in, old, fresh))
}

func (b *budget) truncate(length int, text any) (string, error) {
	if err := b.call(text); err != nil {
		return "", err
	}
	letters := []rune(printed(text))
	switch {
	case length >= 0 && length < len(letters):
		letters = letters[:length]
	case length < 0 && -length < len(letters) && length != math.MinInt:
		letters = letters[len(letters)+length:]
	}
	return b.keep(string(letters))
}

func (b *budget) join(separator string, list []any) (string, error) {
	if err := b.call(separator, list); err != nil {
		return "", err
	}
	if err := b.spend(len(separator) * len(list)); err != nil {
		return "", err
	}
	texts := make([]string, len(list))
	for i, element := range list {
		texts[i] = printed(element)
	}
	return b.keep(strings.Join(texts, separator))
}

func isEmpty(value any) bool {
	truth, ok := template.IsTrue(value)
	return !ok || !truth
}

func (b *budget) empty(value any) (bool, error) { return isEmpty(value), b.spend(callWork) }

func (b *budget) otherwise(fallback, value any) (any, error) {
	if isEmpty(value) {
		value = fallback
	}
	return value, b.spend(callWork)
}

func (b *budget) coalesce(values ...any) (any, error) {
	for _, value := range values {
		if !isEmpty(value) {
			return value, b.spend(callWork)
		}
	}
	return "", b.spend(callWork)
}

func (b *budget) ternary(yes, no any, condition bool) (any, error) {
	if condition {
		return yes, b.spend(callWork)
	}
	return no, b.spend(callWork)
}

// length is len of text/template, for which nothing has no length.
func (b *budget) length(value any) (int, error) {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Invalid:
		return 0, b.spend(callWork)
	case reflect.String, reflect.Map, reflect.Slice:
		return v.Len(), b.spend(callWork)
	default:
		return 0, errors.New("only texts, lists and objects have a length")
	}
}

func (b *budget) first(list []any) (any, error) {
	if len(list) == 0 {
		return "", b.spend(callWork)
	}
	return list[0], b.spend(callWork)
}

func (b *budget) last(list []any) (any, error) {
	if len(list) == 0 {
		return "", b.spend(callWork)
	}
	return list[len(list)-1], b.spend(callWork)
}
