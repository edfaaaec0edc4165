package ntfy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/carillon-push/carillon/model"
)

// body is what a request carries beside its parameters.
type body struct {
	io.Reader
	// size is what was announced, or negative.
	size int64
}

// pollMessage is the text of a request to poll.
const pollMessage = "New message"

// bodyKind says what becomes of a body.
type bodyKind uint8

const (
	// droppedBody: nobody looks at it.
	droppedBody bodyKind = iota
	// pushedBody: it is handed on to a program, byte by byte.
	pushedBody
	// besideBody: it is the text that goes with an attachment from elsewhere.
	besideBody
	// fileBody: it is a file.
	fileBody
	// sourceBody: templates are filled from it.
	sourceBody
	// plainBody: it is the text, or a file when it cannot be that.
	plainBody
)

// kind returns what becomes of a body, in ntfy's order.
func (pub *publication) kind(size int64, limit int) bodyKind {
	switch {
	case pub.Details.PollID != "":
		return droppedBody
	case pub.push:
		return pushedBody
	case pub.Details.Attachment != nil:
		return besideBody
	case pub.filename != "":
		return fileBody
	case pub.templating.on:
		return sourceBody
	case size > int64(limit):
		return fileBody
	default:
		return plainBody
	}
}

// take reads the body as far as it is text and returns what is to be a file, nil
// when there is none. limit is the most bytes of a text.
func (pub *publication) take(b body, limit int, t *templates) (file io.Reader, err error) {
	switch pub.kind(b.size, limit) {
	case droppedBody:
		pub.Message = pollMessage
	case pushedBody:
		err = pub.takePush(b, limit)
	case besideBody:
		err = pub.takeBeside(b, limit)
	case fileBody:
		file = b
	case sourceBody:
		err = pub.takeSource(b, limit, t)
	case plainBody:
		file, err = pub.takePlain(b, limit)
	}
	if err != nil || len(pub.Message) <= limit || pub.push {
		return file, err
	}
	// The text was a parameter. It is treated as if it had been the body, if there
	// is room for a file.
	if file != nil || pub.Details.Attachment != nil {
		return nil, failuref(40000, "a message that goes with a file must not have more than %d bytes", limit)
	}
	file, pub.Message = strings.NewReader(pub.Message), ""
	return file, nil
}

// readSome reads up to n bytes.
func readSome(from io.Reader, n int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, int64(n)))
	if err != nil {
		return nil, unreadable(err)
	}
	return content, nil
}

// unreadable says why a body could not be read.
func unreadable(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return model.Errorf(model.TooLarge, "the body must not be larger than %d bytes", large.Limit).Because(err)
	}
	return model.Errorf(model.Invalid, "the body did not arrive").Because(err)
}

// takePush keeps what a text can hold and encodes everything else. What is too
// long is cut off: those who send to programs know the limit, and take a refusal
// for the end of the subscription.
func (pub *publication) takePush(b body, limit int) error {
	content, err := readSome(b, limit)
	switch {
	case err != nil || len(content) == 0:
	case utf8.Valid(content) && bytes.IndexByte(content, 0) < 0:
		pub.Message = string(content)
	default:
		pub.Message, pub.Details.Base64 = base64.StdEncoding.EncodeToString(content), true
	}
	return err
}

func (pub *publication) takeBeside(b body, limit int) error {
	content, err := readSome(b, limit+1)
	if err != nil {
		return err
	}
	if len(content) > limit {
		content = wholeRunes(content[:limit])
	}
	if !utf8.Valid(content) {
		return failuref(40011, "")
	}
	pub.setText(content)
	return nil
}

// wholeRunes drops the beginning of a character that was cut in two.
func wholeRunes(content []byte) []byte {
	for back := 1; back < utf8.UTFMax && back <= len(content); back++ {
		if start := len(content) - back; utf8.RuneStart(content[start]) {
			if !utf8.FullRune(content[start:]) {
				return content[:start]
			}
			break
		}
	}
	return content
}

func (pub *publication) takePlain(b body, limit int) (file io.Reader, err error) {
	content, err := readSome(b, limit+1)
	if err != nil {
		return nil, err
	}
	if len(content) > limit || !utf8.Valid(content) {
		return io.MultiReader(bytes.NewReader(content), b), nil
	}
	pub.setText(content)
	return nil, nil //nolint:nilnil // most messages have no file
}

// setText makes a body the text, unless there is nothing in it. Databases can hold
// no NUL.
func (pub *publication) setText(content []byte) {
	if text := strings.TrimSpace(strings.ReplaceAll(string(content), "\x00", "")); text != "" {
		pub.Message = text
	}
}

// takeSource makes title, text and priority from templates.
func (pub *publication) takeSource(b body, limit int, t *templates) error {
	if pub.templating.name != "" {
		named, err := t.named(pub.templating.name)
		if err != nil {
			return err
		}
		for _, use := range []struct{ from, to *string }{
			{named.Title, &pub.Title}, {named.Message, &pub.Message}, {named.Priority, &pub.priorityTemplate},
		} {
			if use.from != nil {
				*use.to = *use.from
			}
		}
	}
	content, err := readSome(b, maxTemplateBody+1)
	if err != nil {
		return err
	}
	if len(content) > maxTemplateBody {
		return failuref(41303, "templates are filled from %d bytes at most", maxTemplateBody)
	}
	data, err := decodeTemplateBody(content)
	if err != nil {
		return err
	}
	var priority string
	budget := newBudget()
	for _, fill := range []struct {
		from  string
		to    *string
		limit int
	}{{pub.Message, &pub.Message, limit}, {pub.Title, &pub.Title, maxTitle}, {pub.priorityTemplate, &priority, maxTitle}} {
		if *fill.to, err = render(fill.from, data, fill.limit, budget); err != nil {
			return err
		}
	}
	pub.priority, err = parsePriority(priority)
	return err
}
