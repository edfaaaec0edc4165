package ntfy

import (
	"encoding/json"
	"strings"

	"github.com/gin-gonic/gin"
)

// maxJSON bounds a message in JSON, in bytes.
const maxJSON = 64 << 10

// jsonMessage is what is posted to the root of the server. What ntfy knows no
// field for is ignored.
type jsonMessage struct {
	Topic    looseText       `json:"topic"`
	Title    looseText       `json:"title"`
	Message  looseText       `json:"message"`
	Priority looseText       `json:"priority"`
	Tags     looseList       `json:"tags"`
	Click    looseText       `json:"click"`
	Icon     looseText       `json:"icon"`
	Actions  json.RawMessage `json:"actions"`
	Attach   looseText       `json:"attach"`
	Filename looseText       `json:"filename"`
	Markdown looseText       `json:"markdown"`
	Email    looseText       `json:"email"`
	Call     looseText       `json:"call"`
	Cache    looseText       `json:"cache"`
	Delay    looseText       `json:"delay"`
	Timezone looseText       `json:"timezone"`
	Sequence looseText       `json:"sequence_id"`
}

// parseJSON reads a message in JSON. Its text and its topic are no parameters.
func parseJSON(content []byte) (*jsonMessage, error) {
	var m jsonMessage
	if err := json.NewDecoder(strings.NewReader(string(content))).Decode(&m); err != nil {
		return nil, failuref(40024, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return &m, nil
}

// give sets the parameters that the message holds. What it leaves out may stand in
// headers.
func (m *jsonMessage) give(p *parameters) {
	if m.Priority == "0" { // which says, in JSON only, that there is none
		m.Priority = ""
	}
	for name, value := range map[string]looseText{
		"x-title": m.Title, "x-priority": m.Priority, "x-tags": looseText(m.Tags), "x-click": m.Click, "x-icon": m.Icon,
		"x-actions": m.actions(), "x-attach": m.Attach, "x-filename": m.Filename, "x-markdown": m.Markdown, "x-email": m.Email,
		"x-call": m.Call, "x-cache": m.Cache, "x-delay": m.Delay, "x-timezone": m.Timezone, "x-sequence-id": m.Sequence,
	} {
		p.give(name, string(value))
	}
}

// actions returns the list as it is, or a text in the short form.
func (m *jsonMessage) actions() looseText {
	var short looseText
	if err := short.UnmarshalJSON(m.Actions); err == nil {
		return short
	}
	return looseText(m.Actions)
}

func (f *Face) publishJSON(c *gin.Context) error {
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	tooLarge := failuref(41303, "it must not be larger than %d bytes", maxJSON)
	if c.Request.ContentLength > maxJSON {
		return tooLarge
	}
	content, err := readSome(newPatientReader(c.Writer, c.Request), maxJSON+1)
	if err != nil {
		return err
	}
	if len(content) > maxJSON {
		return tooLarge
	}
	m, err := parseJSON(content)
	if err != nil {
		return err
	}
	if err := f.checkTopic(string(m.Topic)); err != nil {
		return err
	}
	p := newParameters(c.Request)
	p.header = p.header.Clone()
	p.header.Del("Content-Type") // it says what the body is, not what the text is
	m.give(p)
	return f.publishAs(c, publishing{
		who: who, topic: string(m.Topic), parameters: p,
		body: body{Reader: strings.NewReader(string(m.Message)), size: int64(len(m.Message))},
	})
}
