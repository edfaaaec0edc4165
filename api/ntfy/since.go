package ntfy

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-push/carillon/model"
)

// lastSecond is as far in the future as a time can be: the year 9999.
const lastSecond = 253402300799

// parseSince reads where a subscriber wants to begin, in the order in which ntfy
// tries the forms: a word, a message's id, a unix time, a duration. Nothing means
// everything for a poll, and nothing of the past for a stream.
func parseSince(text string, poll bool, now time.Time) (model.Since, error) {
	switch text {
	case "":
		if poll {
			return model.Since{Kind: model.SinceAll}, nil
		}
		return model.Since{Kind: model.SinceNone}, nil
	case "all":
		return model.Since{Kind: model.SinceAll}, nil
	case "latest":
		return model.Since{Kind: model.SinceLatest}, nil
	case "none":
		return model.Since{Kind: model.SinceNone}, nil
	}
	if isKey(text) {
		return model.Since{Kind: model.SinceKey, Key: text}, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds <= 0 {
			return model.Since{Kind: model.SinceAll}, nil
		}
		return sinceSecond(seconds), nil
	}
	if back, ok := parseDuration(text); ok {
		return sinceSecond(now.Add(-back).Unix()), nil
	}
	return model.Since{}, failuref(40008, "%.40q is neither all, latest, none, a message id, a unix time nor a duration such as 10m or 1d", text)
}

// sinceSecond begins with a second: times are whole seconds in ntfy's language.
func sinceSecond(seconds int64) model.Since {
	return model.Since{Kind: model.SinceTime, Time: time.Unix(min(seconds, lastSecond), 0).UTC()}
}

// isKey reports whether the text has the shape of a message's id, ours or one of
// another server's.
func isKey(text string) bool {
	return len(text) == model.KeyLength && !strings.ContainsAny(text, "-_") && model.IsTopic(text)
}

// parseDuration reads a duration as Go writes it, with days as a further unit. What
// is longer than a time.Duration can be is cut to that.
func parseDuration(text string) (time.Duration, bool) {
	unsigned, negative := strings.CutPrefix(text, "-")
	if !negative {
		unsigned = strings.TrimPrefix(text, "+")
	}
	number, rest, found := strings.Cut(unsigned, "d")
	if !found {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	if strings.Trim(number, "0123456789.") != "" {
		return 0, false
	}
	days, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, false
	}
	total := days * float64(24*time.Hour)
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || strings.ContainsAny(rest, "+-") {
			return 0, false
		}
		total += float64(d)
	}
	if negative {
		total = -total
	}
	// As a float64, the largest duration is rounded up to one too many.
	return time.Duration(min(max(total, -math.MaxInt64+1023), math.MaxInt64-1023)), true
}
