package ntfy

import (
	"bytes"
	"encoding/json"
)

// The names of events.
const (
	OpenEvent        = "open"
	KeepaliveEvent   = "keepalive"
	MessageEvent     = "message"
	PollRequestEvent = "poll_request"
	DeleteEvent      = "message_delete"
	ClearEvent       = "message_clear"
)

// Message is an event on the wire, whatever it is about. Extras stays as it was
// written.
type Message struct {
	ID          string          `json:"id"`
	SequenceID  string          `json:"sequence_id"`
	Time        int64           `json:"time"`
	Expires     int64           `json:"expires"`
	Event       string          `json:"event"`
	Topic       string          `json:"topic"`
	Title       string          `json:"title"`
	Message     string          `json:"message"`
	Priority    int             `json:"priority"`
	Tags        []string        `json:"tags"`
	Click       string          `json:"click"`
	Icon        string          `json:"icon"`
	Actions     []Action        `json:"actions"`
	Attachment  *Attachment     `json:"attachment"`
	PollID      string          `json:"poll_id"`
	ContentType string          `json:"content_type"`
	Encoding    string          `json:"encoding"`
	Extras      json.RawMessage `json:"extras"`
}

// Action is a button on the wire.
type Action struct {
	ID      string            `json:"id"`
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	Clear   bool              `json:"clear"`
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Intent  string            `json:"intent"`
	Extras  map[string]string `json:"extras"`
	Value   string            `json:"value"`
}

// Attachment is a file on the wire.
type Attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Size    int64  `json:"size"`
	Expires int64  `json:"expires"`
	URL     string `json:"url"`
}

// Refusal is the body of every error.
type Refusal struct {
	Code  int    `json:"code"`
	HTTP  int    `json:"http"`
	Error string `json:"error"`
	Link  string `json:"link"`
}

// Texts returns the texts of messages.
func Texts(messages []Message) []string {
	texts := []string{}
	for _, m := range messages {
		texts = append(texts, m.Message)
	}
	return texts
}

// IDs returns the ids of messages.
func IDs(messages []Message) []string {
	ids := []string{}
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// strictly decodes one JSON value that may have known fields only.
func strictly(data []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(value)
}

// parse reads an event, and compares it with the OpenAPI file.
func parse(data []byte) (Message, error) {
	var m Message
	if err := strictly(data, &m); err != nil {
		return m, err
	}
	spec, err := description()
	if spec == nil || err != nil {
		return m, err
	}
	return m, spec.CheckValue("Message", data)
}

// Names returns the names of events.
func Names(messages []Message) []string {
	names := []string{}
	for _, m := range messages {
		names = append(names, m.Event)
	}
	return names
}
