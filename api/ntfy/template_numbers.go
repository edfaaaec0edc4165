package ntfy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// toNumber reads what is a number or looks like one.
func toNumber(value any) (float64, bool) {
	switch v := reflect.ValueOf(value); {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanFloat():
		return v.Float(), true
	case v.Kind() == reflect.String:
		n, err := strconv.ParseFloat(v.String(), 64)
		return n, err == nil
	}
	return 0, false
}

func (b *budget) reckon(f func(x, y float64) float64) func(x, y any) (number, error) {
	return func(x, y any) (number, error) {
		if err := b.call(x, y); err != nil {
			return 0, err
		}
		m, ok := toNumber(x)
		n, too := toNumber(y)
		if !ok || !too {
			return 0, errors.New("only numbers can be reckoned with")
		}
		return number(f(m, n)), nil
	}
}

// round rounds to so many digits after the point.
func (b *budget) round(value any, digits int) (number, error) {
	n, ok := toNumber(value)
	if !ok || digits < 0 || digits > 15 {
		return 0, errors.New("a number and 0 to 15 digits are needed to round")
	}
	unit := math.Pow10(digits)
	return number(math.Round(n*unit) / unit), b.spend(callWork)
}

// date formats a time that is given in seconds since 1970 or as RFC 3339, in UTC.
func (b *budget) date(layout string, value any) (string, error) {
	if err := b.call(layout, value); err != nil {
		return "", err
	}
	if at, err := time.Parse(time.RFC3339, fmt.Sprint(value)); err == nil {
		return b.keep(at.UTC().Format(layout))
	}
	n, ok := toNumber(value)
	const most = 253402300799 // the end of the year 9999
	if !ok || math.Abs(n) > most {
		return "", errors.New("a time is given in seconds or as RFC 3339")
	}
	return b.keep(time.Unix(int64(n), 0).UTC().Format(layout))
}

// compare orders two numbers or two texts.
func compare(x, y any) (int, error) {
	if text, ok := x.(string); ok {
		if other, ok := y.(string); ok {
			return cmp.Compare(text, other), nil
		}
	}
	_, oneText := x.(string)
	_, otherText := y.(string)
	m, ok := toNumber(x)
	n, too := toNumber(y)
	if !ok || !too || oneText || otherText {
		return 0, errors.New("incompatible types for comparison")
	}
	return cmp.Compare(m, n), nil
}

func (b *budget) order(is func(int) bool) func(x, y any) (bool, error) {
	return func(x, y any) (bool, error) {
		if err := b.call(x, y); err != nil {
			return false, err
		}
		c, err := compare(x, y)
		return err == nil && is(c), err
	}
}

// equal reports whether x is one of the others.
func (b *budget) equal(x any, others ...any) (bool, error) {
	if len(others) == 0 {
		return false, errors.New("missing argument for comparison")
	}
	if err := b.call(append(others, x)...); err != nil {
		return false, err
	}
	for _, y := range others {
		if same(x, y) {
			return true, nil
		}
	}
	return false, nil
}

func same(x, y any) bool {
	if c, err := compare(x, y); err == nil {
		return c == 0
	}
	one, ok := x.(bool)
	other, too := y.(bool)
	return ok && too && one == other || x == nil && y == nil
}

func (b *budget) unequal(x, y any) (bool, error) {
	is, err := b.equal(x, y)
	return !is, err
}
