package ntfy

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// fromExtras takes what Gotify's language says in extras. What is not of the shape
// that it should have is passed over: it was checked, if at all, for Gotify's
// clients.
func (w *message) fromExtras(m *model.Message) {
	if m.Extras == "" {
		return
	}
	extras := members(json.RawMessage(m.Extras))
	notification := members(extras["client::notification"])
	w.Click = toText(members(notification["click"])["url"])
	w.Attachment = toAttachment(notification["bigImageUrl"], members(extras["ntfy::attachment"])["url"])
	w.ContentType = contentType(toText(members(extras["client::display"])["contentType"]) == "text/markdown")
	w.Tags = toTags(extras["ntfy::tags"])
	if icon := toText(extras["ntfy::icon"]); webAddress.MatchString(icon) {
		w.Icon = icon
	}
	w.Actions = toActions(extras["ntfy::actions"], m.Key)
}

// toAttachment returns the first of the addresses that clients can load something
// from.
func toAttachment(addresses ...json.RawMessage) *attachment {
	for _, value := range addresses {
		if address := toText(value); webAddress.MatchString(address) {
			return &attachment{Name: attachmentName(address), URL: address}
		}
	}
	return nil
}

// members returns what stands in a JSON object, nothing for anything else.
func members(text json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if len(text) == 0 || json.Unmarshal(text, &object) != nil {
		return nil
	}
	return object
}

func toText(value json.RawMessage) string {
	var text string
	if len(value) == 0 || json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// toTags returns the tags in a list of texts. A tag with a comma, or with white
// space around it, does not exist in ntfy's language; an empty one neither.
func toTags(value json.RawMessage) []string {
	var listed []*string
	if len(value) == 0 || json.Unmarshal(value, &listed) != nil {
		return nil
	}
	var tags []string
	for _, text := range listed {
		if text == nil {
			return nil
		}
		for tag := range strings.SplitSeq(*text, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}

// toActions returns the buttons, or none at all when one of them is not as it
// should be: half of a choice may be worse than none. A button without an id gets
// one that is the same whenever the message is encoded.
func toActions(value json.RawMessage, key string) []action {
	var listed []*action
	if len(value) == 0 || json.Unmarshal(value, &listed) != nil || len(listed) > maxActions {
		return nil
	}
	var actions []action
	for i, a := range listed {
		if a == nil {
			return nil
		}
		said := model.Action(*a)
		if checkAction(&said) != nil {
			return nil
		}
		if a.ID == "" {
			a.ID = key[max(0, len(key)-9):] + strconv.Itoa(i)
		}
		actions = append(actions, *a)
	}
	return actions
}
