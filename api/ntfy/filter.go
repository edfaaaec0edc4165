package ntfy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// filter says which messages a subscriber wants. The zero value lets all through.
type filter struct {
	id, message, title string
	// priorities are those of which one has to be the message's.
	priorities []int
	// tags are those that all have to be the message's.
	tags []string
}

// parseFilter reads a filter out of the parameters. Values are compared as they
// are, upper and lower case being different.
func parseFilter(p *parameters) (filter, error) {
	f := filter{
		id:      p.text("x-id", "id"),
		message: p.text("x-message", "message", "m"),
		title:   p.text("x-title", "title", "t"),
	}
	for part := range strings.SplitSeq(p.text("x-priority", "priority", "prio", "p"), ",") {
		priority, err := parsePriority(part)
		if err != nil {
			return filter{}, err
		}
		if priority != 0 { // an empty part
			f.priorities = append(f.priorities, priority)
		}
	}
	for tag := range strings.SplitSeq(p.text("x-tags", "tags", "tag", "ta"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			f.tags = append(f.tags, tag)
		}
	}
	return f, nil
}

// function returns the filter as the pumps take it, nil when it lets all through.
func (f *filter) function() func(*model.Event) bool {
	if f.id == "" && f.message == "" && f.title == "" && len(f.priorities) == 0 && len(f.tags) == 0 {
		return nil
	}
	return f.passes
}

// passes reports whether a subscriber wants to hear of the event. Only messages
// are ever held back. They are looked at as ntfy's language shows them.
func (f *filter) passes(e *model.Event) bool {
	m := e.Message
	if e.Kind != model.MessagePublished || m == nil || m.Details != nil && m.Details.PollID != "" {
		return true
	}
	return (f.id == "" || f.id == m.Key) &&
		(f.message == "" || f.message == textOf(m)) &&
		(f.title == "" || f.title == titleOf(m)) &&
		(len(f.priorities) == 0 || slices.Contains(f.priorities, cmp.Or(priorityOf(m), 3))) &&
		(len(f.tags) == 0 || containsAll(tagsOf(m), f.tags))
}

func containsAll(have, wanted []string) bool {
	for _, tag := range wanted {
		if !slices.Contains(have, tag) {
			return false
		}
	}
	return true
}
