package broker

import (
	"slices"

	"github.com/carillon-push/carillon/model"
)

// digits are the digits of sort keys, in ASCII order.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// sortKeyAfter returns a key that sorts after every well-formed one of keys and
// equals none of them.
//
// Keys are fractional indices as Gotify's clients make them: an integer, whose
// first letter tells its length ("a0" is zero, "b00" follows "az"), and a
// fraction. A client may also set any other text; such a key keeps its place and
// is passed over here, so that it never stands in the way of the next one.
func sortKeyAfter(keys []string) string {
	last := ""
	for _, key := range keys {
		if _, ok := integerPart(key); ok {
			last = max(last, key)
		}
	}
	if integer, ok := integerPart(last); ok {
		if next, ok := increment(integer); ok {
			return next
		}
		// Nobody reaches the last integer by counting, but a client may set it.
		if next := last + "V"; len(next) <= model.MaxNameLength {
			return next
		}
	}
	// There is no key yet, or no room behind the last one.
	next := "a0"
	for slices.Contains(keys, next) {
		next, _ = increment(next)
	}
	return next
}

// integerPart returns the integer of a fractional index, and false for what is
// none.
func integerPart(key string) (string, bool) {
	if key == "" {
		return "", false
	}
	length := 0
	switch head := key[0]; {
	case head >= 'a' && head <= 'z':
		length = int(head-'a') + 2
	case head >= 'A' && head <= 'Z':
		length = int('Z'-head) + 2
	}
	if length == 0 || len(key) < length {
		return "", false
	}
	for i := range key {
		if digit(key[i]) < 0 {
			return "", false
		}
	}
	return key[:length], true
}

// increment returns the integer that follows, and false after the last one.
func increment(integer string) (string, bool) {
	next := []byte(integer)
	for i := len(next) - 1; i > 0; i-- {
		if d := digit(next[i]); d < len(digits)-1 {
			next[i] = digits[d+1]
			return string(next), true
		}
		next[i] = digits[0]
	}
	switch head := next[0]; {
	case head == 'Z':
		return "a0", true
	case head == 'z':
		return "", false
	case head > 'Z':
		next[0]++
		return string(append(next, digits[0])), true
	default:
		next[0]++
		return string(next[:len(next)-1]), true
	}
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 36
	}
	return -1
}
