package model

const (
	// partOverhead is what a message, its details or an action cost beside their
	// texts, roughly.
	partOverhead = 256
	// textOverhead is what a text in a list costs beside its bytes, roughly.
	textOverhead = 32
)

// Size returns roughly how many bytes the message holds in memory.
func (m *Message) Size() int {
	return partOverhead + len(m.Title) + len(m.Message) + len(m.Extras) + sizeOfDetails(m.Details)
}

func sizeOfDetails(d *Details) int {
	if d == nil {
		return 0
	}
	n := partOverhead + sizeOfTexts(d.Click, d.Icon, d.Sequence, d.PollID) + sizeOfTexts(d.Tags...)
	for i := range d.Actions {
		a := &d.Actions[i]
		n += partOverhead + sizeOfTexts(a.ID, a.Action, a.Label, a.URL, a.Method, a.Body, a.Intent, a.Value) +
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
