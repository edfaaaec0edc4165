package ntfy

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// format is a form in which a stream tells of events. It is a hub.Encoder: what a
// message looks like in a format is made once, for all its streams.
type format uint8

const (
	// jsonFormat: an object in each line. A WebSocket carries the same.
	jsonFormat format = iota + 1
	// sseFormat: server-sent events, whose ids let a browser resume.
	sseFormat
	// rawFormat: the text of each message in a line, and an empty line for all else.
	rawFormat
)

// contentType is what a stream of the format is announced as. ntfy's app for
// Android needs the charset.
func (f format) contentType() string {
	switch f {
	case sseFormat:
		return "text/event-stream; charset=utf-8"
	case rawFormat:
		return "text/plain; charset=utf-8"
	default:
		return "application/x-ndjson; charset=utf-8"
	}
}

// Encode implements hub.Encoder.
func (f format) Encode(e *model.Event) []byte {
	m, ok := toWire(e)
	if !ok {
		return nil
	}
	// What is not stored cannot be resumed from, also when it has an id of the log's.
	return f.write(m, e.ID != 0 && (e.Message == nil || !e.Message.Transient))
}

// sign returns an open or keepalive of a stream of the topics.
func (f format) sign(event, topics string, now time.Time) []byte {
	return f.write(toSign(event, auth.RandomName(model.KeyLength), topics, now), false)
}

func (f format) write(m message, resumable bool) []byte {
	switch f {
	case sseFormat:
		return writeSSE(m, resumable)
	case rawFormat:
		return writeRaw(m)
	default:
		return append(encode(m), '\n')
	}
}

// writeSSE names the events that a page has no onmessage for. Those that tell of
// messages, deleted and cleared ones too, are not named, as in ntfy.
func writeSSE(m message, resumable bool) []byte {
	var b bytes.Buffer
	switch m.Event {
	case openEvent, keepaliveEvent, pollRequestEvent:
		b.WriteString("event: " + m.Event + "\n")
	default:
		if resumable {
			b.WriteString("id: " + m.ID + "\n")
		}
	}
	b.WriteString("data: ")
	b.Write(encode(m))
	b.WriteString("\n\n")
	return b.Bytes()
}

func writeRaw(m message) []byte {
	if m.Event != messageEvent {
		return []byte{'\n'}
	}
	text := m.Message[:cut(m.Message, maxLine-1, func(_ rune, size int) int { return size })]
	return append([]byte(strings.ReplaceAll(text, "\n", " ")), '\n')
}

// toWire returns what ntfy's language has for an event, and false when it has
// nothing.
func toWire(e *model.Event) (message, bool) {
	switch {
	case e.Kind == model.MessagePublished && e.Message != nil:
		return toMessage(e.Message), true
	case (e.Kind == model.MessageDeleted || e.Kind == model.MessageCleared) && e.Notice != nil:
		return toNotice(e.Notice), true
	default:
		return message{}, false
	}
}

// eventJSON returns the event as one line of JSON without the newline, nil when
// ntfy's language has nothing for it. The answer to a publish is such a line.
func eventJSON(e *model.Event) []byte {
	m, ok := toWire(e)
	if !ok {
		return nil
	}
	return encode(m)
}

// maxLine is how long a line may be, its newline included. Many programs read
// lines of at most 64 KiB and fail for good on a longer one, among them ntfy's own
// and every one that uses a bufio.Scanner.
const maxLine = 64<<10 - 64

// encode returns the message as JSON of less than maxLine bytes. From one that is
// longer it takes away, until it is short enough: the extras, which no client of
// this language looks at; the end of the text; then what only messages have that
// were not made for people.
func encode(m message) []byte {
	line := marshal(m)
	for _, shorten := range []func(*message){
		func(m *message) { m.Extras = nil },
		cutText,
		func(m *message) { m.Actions = nil },
		func(m *message) { m.Tags = nil },
		func(m *message) { m.Click, m.Icon, m.Attachment = "", "", nil },
		func(m *message) {
			m.Title = m.Title[:cut(m.Title, maxLine/4, escapedSize)]
		},
		cutText,
	} {
		if len(line) < maxLine {
			return line
		}
		shorten(&m)
		line = marshal(m)
	}
	return line
}

// cutText cuts the text to what there is room for, which may leave a single
// character: the text is never empty.
func cutText(m *message) {
	text := m.Message
	m.Message = ""
	room := maxLine - len(marshal(*m)) - len(`,"message":""`) - 1
	m.Message = text[:max(cut(text, room, escapedSize), cut(text, 1, func(rune, int) int { return 1 }))]
}

// marshal returns the JSON of a message.
func marshal(m message) []byte {
	// It cannot fail: extras were checked to be JSON when they came in.
	text, _ := json.Marshal(m)
	return text
}

// cut returns how many bytes of the text are within room, up to the end of a
// character; cost says what a character of so many bytes takes.
func cut(text string, room int, cost func(r rune, size int) int) int {
	for i, r := range text {
		size := len(string(r))
		if room -= cost(r, size); room < 0 {
			return i
		}
	}
	return len(text)
}

// escapedSize returns how many bytes of JSON a character of so many bytes takes at
// most.
func escapedSize(r rune, size int) int {
	switch r {
	case '<', '>', '&', '\u2028', '\u2029', '\ufffd':
		return 6
	case '"', '\\':
		return 2
	}
	if r < ' ' {
		return 6
	}
	return size
}
