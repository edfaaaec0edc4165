package model

// Details is what a message published in ntfy's language has beyond title, text
// and priority, as the sender said it. A message that was published in Gotify's
// language has none. The json tags name the fields in the database's column and
// belong to no wire format.
type Details struct {
	Tags []string `json:"tags,omitempty"`
	// Click is an address to open when the message is tapped.
	Click string `json:"click,omitempty"`
	// Icon is the address of a picture to show with the message.
	Icon string `json:"icon,omitempty"`
	// Markdown says that the text is to be shown as markdown.
	Markdown   bool        `json:"markdown,omitempty"`
	Actions    []Action    `json:"actions,omitempty"`
	Attachment *Attachment `json:"attachment,omitempty"`
	// Base64 says that the text is the base64 of bytes that are no UTF-8. Only
	// UnifiedPush sends such; no person wants to read it.
	Base64 bool `json:"base64,omitempty"`
	// Sequence is what the sender calls this message and all later versions of it;
	// "" when there is no such name, and the message's key stands for it.
	Sequence string `json:"sequence,omitempty"`
	// PollID makes this no message but a request to ask the named server for the
	// message with this key. It is never stored.
	PollID string `json:"-"`
}

// Action is a button of a message.
type Action struct {
	// ID is made by the server: 10 random characters.
	ID string `json:"id"`
	// Action is view, http, broadcast or copy.
	Action string `json:"action"`
	Label  string `json:"label"`
	// Clear says that the notification goes away when the button is used.
	Clear   bool              `json:"clear,omitempty"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Intent  string            `json:"intent,omitempty"`
	Extras  map[string]string `json:"extras,omitempty"`
	Value   string            `json:"value,omitempty"`
}

// Attachment is a file that goes with a message: one that the sender names by
// its address, or one that was uploaded and has a Type, a Size and an expiry.
type Attachment struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Type is the media type, found by looking at the content.
	Type string `json:"type,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size,omitempty"`
	// Expires is when the file goes, in seconds since 1970; 0 for a file that is
	// not ours.
	Expires int64 `json:"expires,omitempty"`
}
