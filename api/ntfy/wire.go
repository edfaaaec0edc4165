package ntfy

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/carillon-push/carillon/model"
)

// The names of events.
const (
	openEvent        = "open"
	keepaliveEvent   = "keepalive"
	messageEvent     = "message"
	pollRequestEvent = "poll_request"
	deleteEvent      = "message_delete"
	clearEvent       = "message_clear"
)

// emptyMessage stands where there is no text: clients rely on one.
const emptyMessage = "triggered"

// message is what a stream carries, and the answer to a publish: a message, a
// request to poll, news about a message, or a sign of the stream itself.
type message struct {
	ID string `json:"id"`
	// SequenceID is absent when it is the ID.
	SequenceID string `json:"sequence_id,omitempty"`
	// Time is in seconds since 1970.
	Time  int64  `json:"time"`
	Event string `json:"event"`
	// Topic is the list that was subscribed to for the signs of a stream.
	Topic   string `json:"topic"`
	Title   string `json:"title,omitempty"`
	Message string `json:"message,omitempty"`
	// Priority is 1 to 5, 0 when the sender gave none.
	Priority    int         `json:"priority,omitempty"`
	Tags        []string    `json:"tags,omitempty"`
	Click       string      `json:"click,omitempty"`
	Icon        string      `json:"icon,omitempty"`
	Actions     []action    `json:"actions,omitempty"`
	Attachment  *attachment `json:"attachment,omitempty"`
	PollID      string      `json:"poll_id,omitempty"`
	ContentType string      `json:"content_type,omitempty"`
	Encoding    string      `json:"encoding,omitempty"`
	// Extras are those of Gotify's language, which ntfy's clients do not look at.
	Extras json.RawMessage `json:"extras,omitempty"`
}

// action is a button. Clear is never left out.
type action struct {
	ID      string            `json:"id"`
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	Clear   bool              `json:"clear"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Intent  string            `json:"intent,omitempty"`
	Extras  map[string]string `json:"extras,omitempty"`
	Value   string            `json:"value,omitempty"`
}

// attachment is a file. Type, Size and Expires are set for uploaded ones only.
type attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Expires int64  `json:"expires,omitempty"`
	URL     string `json:"url"`
}

// toMessage translates a message into ntfy's language, whichever language it was
// published in.
func toMessage(m *model.Message) message {
	w := message{
		ID: m.Key, Time: m.Date.Unix(), Event: messageEvent, Topic: m.Topic,
		Title: titleOf(m), Message: textOf(m), Priority: priorityOf(m), Extras: json.RawMessage(m.Extras),
	}
	if sequence := m.Sequence(); sequence != m.Key {
		w.SequenceID = sequence
	}
	if m.Details == nil {
		w.fromExtras(m)
		return w
	}
	d := m.Details
	w.Tags, w.Click, w.Icon = d.Tags, d.Click, d.Icon
	w.ContentType = contentType(d.Markdown)
	for i := range d.Actions {
		w.Actions = append(w.Actions, action(d.Actions[i]))
	}
	if a := d.Attachment; a != nil {
		w.Attachment = &attachment{Name: a.Name, Type: a.Type, Size: a.Size, Expires: a.Expires, URL: a.URL}
	}
	if d.Base64 {
		w.Encoding = "base64"
	}
	if d.PollID != "" {
		w.Event, w.PollID, w.Message = pollRequestEvent, d.PollID, m.Message
	}
	return w
}

// toNotice tells that a message was deleted or cleared.
func toNotice(n *model.Notice) message {
	w := message{ID: n.Key, SequenceID: n.Sequence, Time: n.Date.Unix(), Event: deleteEvent, Topic: n.Topic}
	if n.Kind == model.MessageCleared {
		w.Event = clearEvent
	}
	return w
}

// toSign returns an open or keepalive of a stream of the topics, as the path
// lists them.
func toSign(event, id, topics string, now time.Time) message {
	return message{ID: id, Time: now.Unix(), Event: event, Topic: topics}
}

// titleOf returns the title that the sender gave, "" when there was none: ntfy's
// clients show the topic then.
func titleOf(m *model.Message) string {
	if m.TitleDefaulted {
		return ""
	}
	return m.Title
}

func textOf(m *model.Message) string {
	if m.Message == "" {
		return emptyMessage
	}
	return m.Message
}

// priorityOf returns the priority on ntfy's scale, 0 when there is none to tell:
// the sender gave none, and the application has no default of its own. The
// default of an application counts for what comes from Gotify's language only,
// because who speaks ntfy's expects that none stays none.
func priorityOf(m *model.Message) int {
	if m.PriorityDefaulted && (m.Details != nil || m.Priority == 0) {
		return 0
	}
	return fromGotifyPriority(m.Priority)
}

// fromGotifyPriority follows how Gotify's app for Android shows a priority.
func fromGotifyPriority(priority int) int {
	switch {
	case priority <= 0:
		return 1
	case priority <= 3:
		return 2
	case priority <= 7:
		return 3
	case priority <= 9:
		return 4
	default:
		return 5
	}
}

// tagsOf returns the tags of a message.
func tagsOf(m *model.Message) []string {
	if m.Details != nil {
		return m.Details.Tags
	}
	if !strings.Contains(m.Extras, "tags") { // nearly always
		return nil
	}
	return toTags(members(json.RawMessage(m.Extras))["ntfy::tags"])
}

func contentType(markdown bool) string {
	if markdown {
		return "text/markdown"
	}
	return ""
}
