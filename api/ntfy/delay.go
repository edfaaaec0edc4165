package ntfy

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	// Zones are known wherever the program runs: an image made from scratch has no
	// files about them.
	_ "time/tzdata"

	"github.com/olebedev/when"
)

const (
	minDelay = 10 * time.Second
	maxDelay = 3 * 24 * time.Hour
	// maxDelayText bounds what the parser of natural language is given, in bytes.
	maxDelayText = 128
	// maxZone is longer than any name of a time zone.
	maxZone = 64
)

// parseDelay reads when to deliver a message: in seconds since 1970, as a duration,
// or in English ("tomorrow, 10am"), which is meant in the zone of now.
func parseDelay(text string, now time.Time) (time.Time, error) {
	if len(text) > maxDelayText {
		return time.Time{}, failuref(40004, "it is longer than %d bytes", maxDelayText)
	}
	due, err := parseTime(text, now)
	if err != nil {
		return time.Time{}, err
	}
	// Seconds are compared, as they are what is sent and shown.
	switch wait := due.Unix() - now.Unix(); {
	case wait < int64(minDelay/time.Second):
		return time.Time{}, failuref(40005, "it must be %s at least", minDelay)
	case wait > int64(maxDelay/time.Second):
		return time.Time{}, failuref(40006, "it must be 3 days at most")
	}
	return due, nil
}

// parseTime is parseDelay without the bounds.
func parseTime(text string, now time.Time) (time.Time, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds <= now.Unix() {
			return time.Time{}, failuref(40004, "%d is in the past", seconds)
		}
		return time.Unix(seconds, 0), nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	if found := spelledDuration.FindStringSubmatch(text); found != nil {
		count, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil || count > int64(maxDelay/time.Second) {
			return time.Time{}, failuref(40006, "it must be 3 days at most")
		}
		return now.Add(time.Duration(count) * spelledUnit(found[2])), nil
	}
	if due, ok := parseEnglish(text, now); ok {
		return due, nil
	}
	return time.Time{}, failuref(40004, "%q is neither a time nor a duration", text)
}

// spelledDuration is a duration in units that Go has no name for, or in words.
var spelledDuration = regexp.MustCompile(`(?i)^(\d+)\s*(d|days?|h|hours?|m|mins?|minutes?|s|secs?|seconds?)$`)

func spelledUnit(name string) time.Duration {
	switch strings.ToLower(name)[0] {
	case 'd':
		return 24 * time.Hour
	case 'h':
		return time.Hour
	case 'm':
		return time.Minute
	default:
		return time.Second
	}
}

// afterMidnight is the first hour of a day, which the parser takes for noon.
var afterMidnight = regexp.MustCompile(`(?i)\b12((?:[:-]\d\d)?\s*a\.?m\b)`)

// parseEnglish returns the first time after now that the words can mean: a time of
// day that has passed is tomorrow's.
func parseEnglish(text string, now time.Time) (time.Time, bool) {
	text = afterMidnight.ReplaceAllString(text, "0$1")
	for _, words := range []string{text, "tomorrow, " + text} {
		found, err := when.EN.Parse(words, now)
		if err != nil || found == nil {
			return time.Time{}, false
		}
		if found.Time.After(now) {
			return found.Time, true
		}
	}
	return time.Time{}, false
}

// parseZone returns the named time zone, the server's own for "".
func parseZone(name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	if len(name) > maxZone {
		return nil, failuref(40004, "no time zone has a name of more than %d bytes", maxZone)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, failuref(40004, "%q is no time zone", name)
	}
	return zone, nil
}
