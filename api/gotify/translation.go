package gotify

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"

	"github.com/yuin/goldmark-emoji/definition"

	"github.com/carillon-push/carillon/model"
)

// What follows stands in extras. Clients look for client::display and
// client::notification and need objects there.
type (
	display struct {
		ContentType string `json:"contentType"`
	}
	notification struct {
		Click       *click `json:"click,omitempty"`
		BigImageURL string `json:"bigImageUrl,omitempty"`
	}
	click struct {
		URL string `json:"url"`
	}
	// action and attachment have the shape that they have in ntfy's messages.
	action struct {
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
	attachment struct {
		Name    string `json:"name"`
		URL     string `json:"url"`
		Type    string `json:"type,omitempty"`
		Size    int64  `json:"size,omitempty"`
		Expires int64  `json:"expires,omitempty"`
	}
)

// translate makes of w, a message that was published in ntfy's language, what
// Gotify's clients understand. What they have no word for stands in extras under
// names that begin with ntfy::.
func (w *message) translate(m *model.Message) {
	d := m.Details
	if emoji := emojiOf(d.Tags); emoji != "" {
		w.Title = emoji + " " + w.Title
	}
	notification := notification{Click: clickOf(d)}
	extras := map[string]any{}
	switch a := d.Attachment; {
	case a == nil:
	case isImage(a):
		notification.BigImageURL = a.URL
	default:
		w.Message += "\n\n" + a.Name + ": " + a.URL
		extras["ntfy::attachment"] = attachment(*a)
	}
	if notification.Click != nil || notification.BigImageURL != "" {
		extras["client::notification"] = notification
	}
	if d.Markdown {
		extras["client::display"] = display{ContentType: "text/markdown"}
	}
	if len(d.Tags) > 0 {
		extras["ntfy::tags"] = d.Tags
	}
	if len(d.Actions) > 0 {
		extras["ntfy::actions"] = toActions(d.Actions)
	}
	if d.Icon != "" {
		extras["ntfy::icon"] = d.Icon
	}
	if sequence := m.Sequence(); sequence != m.Key {
		extras["ntfy::sequence"] = sequence
	}
	w.addExtras(extras)
}

// addExtras adds what the sender has not set.
func (w *message) addExtras(extras map[string]any) {
	if len(extras) == 0 {
		return
	}
	if len(w.Extras) > 0 {
		var own map[string]json.RawMessage
		_ = json.Unmarshal(w.Extras, &own) // checked to be an object when they came in
		for name, value := range own {
			extras[name] = value
		}
	}
	// Marshalling cannot fail, and orders the names, so that the bytes are the same
	// each time.
	w.Extras, _ = json.Marshal(extras)
}

// emojiOf returns the emoji that the tags name, in the order of the tags. The
// names are those of GitHub, as in ntfy's clients.
func emojiOf(tags []string) string {
	var b strings.Builder
	for _, tag := range tags {
		if emoji, found := definition.Github().Get(tag); found {
			b.WriteString(string(emoji.Unicode))
		}
	}
	return b.String()
}

// clickOf returns what a tap opens: the sender's address, or the one that the
// first button opens.
func clickOf(d *model.Details) *click {
	if d.Click != "" {
		return &click{URL: d.Click}
	}
	for _, a := range d.Actions {
		if a.Action == "view" && a.URL != "" {
			return &click{URL: a.URL}
		}
	}
	return nil
}

// isImage goes by the media type, or where that is not known, because the file
// lies elsewhere, by how its address ends.
func isImage(a *model.Attachment) bool {
	if a.Type != "" {
		return strings.HasPrefix(a.Type, "image/")
	}
	address, err := url.Parse(a.URL)
	if err != nil {
		return false
	}
	_, known := imageTypes[strings.ToLower(path.Ext(address.Path))]
	return known
}

func toActions(all []model.Action) []action {
	list := make([]action, len(all))
	for i, a := range all {
		list[i] = action(a)
	}
	return list
}
