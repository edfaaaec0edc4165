package ntfy

import (
	"strings"
)

// parsePriority reads a priority as ntfy has it, 1 to 5 or a name; 0 means that
// none was given.
func parsePriority(text string) (int, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "":
		return 0, nil
	case "1", "min":
		return 1, nil
	case "2", "low":
		return 2, nil
	case "3", "default":
		return 3, nil
	case "4", "high":
		return 4, nil
	case "5", "max", "urgent":
		return 5, nil
	}
	return 0, failuref(40007, "%.40q is neither 1 to 5 nor min, low, default, high, max or urgent", text)
}

// toGotifyPriority translates one of ntfy's priorities, 1 to 5, to Gotify's scale,
// on which they are stored.
func toGotifyPriority(priority int) int {
	switch {
	case priority <= 1:
		return 0
	case priority == 2:
		return 2
	case priority == 3:
		return 5
	case priority == 4:
		return 8
	default:
		return 10
	}
}
