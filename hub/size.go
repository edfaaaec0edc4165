package hub

import "github.com/carillon-push/carillon/model"

const (
	// eventOverhead is what a waiting event costs beside its texts, roughly.
	eventOverhead = 256
	// textOverhead is what a text in a list costs beside its bytes, roughly.
	textOverhead = 32
)

// sizeOf returns roughly how many bytes the event holds in memory.
func sizeOf(e *model.Event) int {
	m := e.Message
	if m == nil {
		return eventOverhead
	}
	return eventOverhead + len(m.Title) + len(m.Message) + len(m.Extras) + sizeOfDetails(m.Details)
}

func sizeOfDetails(d *model.Details) int {
	if d == nil {
		return 0
	}
	n := eventOverhead + sizeOfTexts(d.Click, d.Icon, d.Sequence, d.PollID) + sizeOfTexts(d.Tags...)
	for i := range d.Actions {
		a := &d.Actions[i]
		n += eventOverhead + sizeOfTexts(a.ID, a.Action, a.Label, a.URL, a.Method, a.Body, a.Intent, a.Value) +
			sizeOfMap(a.Headers) + sizeOfMap(a.Extras)
	}
	if a := d.Attachment; a != nil {
		n += sizeOfTexts(a.Name, a.URL, a.Type)
	}
	return n
}

func sizeOfTexts(texts ...string) int {
	n := 0
	for _, text := range texts {
		n += textOverhead + len(text)
	}
	return n
}

func sizeOfMap(m map[string]string) int {
	n := 0
	for key, value := range m {
		n += sizeOfTexts(key, value)
	}
	return n
}
