package ntfy

import (
	"encoding/json"
	"mime"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/carillon-push/carillon/model"
)

const (
	// maxTitle and maxTags bound a title and all tags of a message together, in
	// bytes.
	maxTitle = 1024
	maxTags  = 512
	// maxDetails bounds what belongs to a message beside its title and text, in
	// bytes of JSON. Together with those, a line of a stream stays below 64 KiB:
	// ntfy's own command line client reads no longer ones.
	maxDetails = 32 << 10
	// maxPollID is far more than a message's id has.
	maxPollID = 64
)

// publication is a request to publish.
type publication struct {
	model.Draft
	// priority is ntfy's, 0 for none; in templates it is what priorityTemplate gives.
	priority         int
	priorityTemplate string
	templating       templating
	// filename makes a file of the body; it may also name an attachment from
	// elsewhere.
	filename string
	// push says that a program is written to, which wants every byte as it was.
	push bool
}

// parsePublication reads what the parameters say. The body is looked at later.
func parsePublication(p *parameters, now time.Time) (*publication, error) {
	pub := &publication{Draft: model.Draft{Details: &model.Details{}}}
	pub.push = p.flag(false, "x-unifiedpush", "unifiedpush", "up") || strings.EqualFold(strings.TrimSpace(p.header.Get("Content-Encoding")), "aes128gcm")
	for _, read := range []func(*parameters) error{
		pub.readSequence, pub.readLinks, pub.readText, pub.readUnsupported,
		func(p *parameters) error { return pub.readDelay(p, now) },
		pub.readActions,
	} {
		if err := read(p); err != nil {
			return nil, err
		}
	}
	return pub, nil
}

// readSequence reads what kind of message this is: a version of another, and a
// request to poll.
func (pub *publication) readSequence(p *parameters) error {
	pub.Details.Sequence = p.text("x-sequence-id", "sequence-id", "sid")
	if pub.Details.Sequence != "" && !model.IsTopic(pub.Details.Sequence) {
		return failuref(40049, "it consists of 1 to 64 letters, digits, - and _")
	}
	pub.Details.PollID = p.text("x-poll-id", "poll-id")
	if len(pub.Details.PollID) > maxPollID {
		return failuref(40000, "a poll id has %d characters at most", maxPollID)
	}
	pub.Transient = pub.Details.PollID != "" || !p.flag(true, "x-cache", "cache")
	return nil
}

func (pub *publication) readText(p *parameters) error {
	if pub.kind(0, 0) == plainBody { // what a push or a file is sent with is no template
		pub.templating = parseTemplating(p.text("x-template", "template", "tpl"))
	}
	pub.Title = p.text("x-title", "title", "t")
	pub.Message = p.text("x-message", "message", "m")
	priority := p.text("x-priority", "priority", "prio", "p")
	if pub.templating.on {
		pub.priorityTemplate = priority
	} else {
		pub.Message = strings.ReplaceAll(pub.Message, `\n`, "\n")
		if err := checkTitle(pub.Title); err != nil {
			return err
		}
		var err error
		if pub.priority, err = parsePriority(priority); err != nil {
			return err
		}
	}
	var err error
	pub.Details.Tags, err = parseTags(p.text("x-tags", "tags", "tag", "ta"))
	pub.Details.Markdown = p.flag(false, "x-markdown", "markdown", "md") || isMarkdown(p.header.Get("Content-Type"))
	return err
}

func checkTitle(title string) error {
	if len(title) > maxTitle {
		return failuref(40057, "it must not have more than %d bytes", maxTitle)
	}
	return nil
}

// isMarkdown reports whether the content type is markdown, whatever its parameters.
func isMarkdown(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind, _, _ = strings.Cut(contentType, ";")
	}
	return strings.EqualFold(strings.TrimSpace(kind), "text/markdown")
}

// parseTags reads a list of tags with commas between.
func parseTags(text string) (tags []string, err error) {
	size := 0
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag == "" {
			continue
		}
		if size += len(tag); size > maxTags {
			return nil, failuref(40058, "all together, they must not have more than %d bytes", maxTags)
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// webAddress is what the addresses of icons and attachments look like.
var webAddress = regexp.MustCompile(`(?i)^https?://`)

// readLinks reads the addresses that go with the message. None of them is ever
// fetched by the server.
func (pub *publication) readLinks(p *parameters) error {
	pub.Details.Click = p.text("x-click", "click")
	pub.filename = p.text("x-filename", "filename", "file", "f")
	if attach := p.text("x-attach", "attach", "a"); attach != "" {
		if !webAddress.MatchString(attach) {
			return failuref(40013, "it must begin with http:// or https://")
		}
		pub.Details.Attachment = &model.Attachment{Name: pub.filename, URL: attach}
		if pub.filename == "" {
			pub.Details.Attachment.Name = attachmentName(attach)
		}
	}
	pub.Details.Icon = p.text("x-icon", "icon")
	if pub.Details.Icon != "" && !webAddress.MatchString(pub.Details.Icon) {
		return failuref(40021, "it must begin with http:// or https://")
	}
	return nil
}

// attachmentName returns the last part of the address's path.
func attachmentName(address string) string {
	const unknown = "attachment"
	parsed, err := url.Parse(address)
	if err != nil {
		return unknown
	}
	switch name := strings.TrimSpace(cleanText(path.Base(parsed.Path))); name {
	case "", ".", "/":
		return unknown
	default:
		return name
	}
}

// readUnsupported refuses what this server never does.
func (pub *publication) readUnsupported(p *parameters) error {
	later := p.text(delayNames...) != ""
	switch email, call := p.text("x-email", "x-e-mail", "email", "e-mail", "mail", "e") != "", p.text("x-call", "call") != ""; {
	case email && later:
		return failuref(40003, "")
	case email:
		return failuref(40001, "")
	case call && later:
		return failuref(40037, "")
	case call:
		return failuref(40032, "")
	}
	return nil
}

// delayNames are the aliases of a delay.
var delayNames = []string{"x-delay", "delay", "x-at", "at", "x-in", "in"}

func (pub *publication) readDelay(p *parameters, now time.Time) error {
	text := p.text(delayNames...)
	if text == "" {
		return nil
	}
	if pub.Transient {
		return failuref(40002, "")
	}
	zone, err := parseZone(p.text("x-timezone", "timezone", "tz"))
	if err != nil {
		return err
	}
	pub.Deliver, err = parseDelay(text, now.In(zone))
	pub.Deliver = pub.Deliver.UTC()
	return err
}

func (pub *publication) readActions(p *parameters) (err error) {
	pub.Details.Actions, err = parseActions(p.text("x-actions", "actions", "action"))
	return err
}

// draft returns what is to be published when the body has been read.
func (pub *publication) draft() (model.Draft, error) {
	if pub.Message == "" {
		pub.Message = emptyMessage
		if a := pub.Details.Attachment; a != nil && a.Name != "" {
			pub.Message = "You received a file: " + a.Name
		}
	}
	if pub.priority != 0 {
		priority := toGotifyPriority(pub.priority)
		pub.Priority = &priority
	}
	if details, err := json.Marshal(pub.Details); err != nil || len(details) > maxDetails {
		return model.Draft{}, failuref(40000, "addresses, tags, actions and names have more than %d bytes together", maxDetails)
	}
	return pub.Draft, nil
}
