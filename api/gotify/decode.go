package gotify

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// fromForm is implemented by bodies that may also come as a form.
type fromForm interface {
	readForm(url.Values) error
}

// receive waits until the whole body has arrived. The router has bounded its size.
func receive(r *http.Request) error {
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(r.Body); err != nil {
		return unreadable(err)
	}
	r.Body = io.NopCloser(&body)
	return nil
}

// decode reads the body of a request. As in Gotify, JSON is read from a JSON
// body; everything else counts as a form, whose fields may stand in the query.
func decode(c *gin.Context, into fromForm) error {
	switch strings.ToLower(c.ContentType()) {
	case "application/json":
		body, err := io.ReadAll(c.Request.Body)
		if err != nil {
			return unreadable(err)
		}
		return decodeJSON(body, into)
	case "multipart/form-data":
		if err := c.Request.ParseMultipartForm(maxFormMemory); err != nil {
			return unreadable(err)
		}
		defer c.Request.MultipartForm.RemoveAll() //nolint:errcheck // only temporary files are left behind
	default:
		if err := c.Request.ParseForm(); err != nil {
			return unreadable(err)
		}
	}
	return into.readForm(c.Request.Form)
}

// maxFormMemory is how much of a form is kept in memory, in bytes; the body's
// own limit is smaller by default.
const maxFormMemory = 8 << 20

// decodeJSON is lenient as Gotify is: unknown fields and what follows the object
// are ignored, names match in any case.
func decodeJSON(body []byte, into any) error {
	if !utf8.Valid(body) {
		return model.Errorf(model.Invalid, "the body is not valid UTF-8")
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("null")) {
		return notAnObject("null") // encoding/json would take it for an empty one
	}
	return malformed(json.NewDecoder(bytes.NewReader(body)).Decode(into))
}

func notAnObject(what string) error {
	return model.Errorf(model.Invalid, "the body must be a JSON object, not %.60s", what)
}

func malformed(err error) error {
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mismatch) && mismatch.Field != "":
		return model.Errorf(model.Invalid, "Field '%s' cannot be a JSON %.60s", mismatch.Field, mismatch.Value)
	case errors.As(err, &mismatch):
		return notAnObject(mismatch.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return model.Errorf(model.Invalid, "the body is not complete JSON")
	default:
		return model.Errorf(model.Invalid, "the body is not valid JSON: %v", err)
	}
}

// unreadable says why a body could not be read or parsed.
func unreadable(err error) error {
	var large *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &large):
		return model.Errorf(model.TooLarge, "the body must not be larger than %d bytes", large.Limit)
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return model.Errorf(model.TooLarge, "the form has too many or too large parts")
	case errors.As(err, &network):
		return model.Errorf(model.Invalid, "the body did not arrive").Because(err)
	}
	return model.Errorf(model.Invalid, "the body cannot be read: %v", err)
}

// extrasObject returns what a sender wrote as extras without insignificant white
// space, "" when it is absent, null or empty.
func extrasObject(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if raw[0] != '{' {
		return "", model.Errorf(model.Invalid, "Field 'extras' must be a JSON object")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "", malformed(err)
	}
	if compact.String() == "{}" {
		return "", nil
	}
	return compact.String(), nil
}

// form reads typed values from a form and keeps the first error.
type form struct {
	url.Values
	err error
}

func (f *form) integer(name string) *int64 {
	text := f.Get(name)
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f.fail(name, "must be a whole number")
		return nil
	}
	return &n
}

func (f *form) boolean(name string) bool {
	text := f.Get(name)
	if text == "" {
		return false
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		f.fail(name, "must be true or false")
	}
	return b
}

func (f *form) fail(name, what string) {
	if f.err == nil {
		f.err = model.Errorf(model.Invalid, "Field '%s' %s", name, what)
	}
}

// pathID reads the id in the path.
func pathID(c *gin.Context) (int64, error) {
	id, err := strconv.ParseUint(c.Param("id"), 10, 63)
	if err != nil {
		return 0, model.Errorf(model.Invalid, "invalid id")
	}
	return int64(id), nil
}
