package gotify

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// messageBody is what a sender posts. Extras can be sent as JSON only.
type messageBody struct {
	Title    string          `json:"title"`
	Message  string          `json:"message"`
	Priority *int            `json:"priority"`
	AppID    int64           `json:"appid"`
	Extras   json.RawMessage `json:"extras"`
}

func (b *messageBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.Title, b.Message = f.Get("title"), f.Get("message")
	if p := f.integer("priority"); p != nil {
		priority := int(*p)
		b.Priority = &priority
	}
	if id := f.integer("appid"); id != nil {
		b.AppID = *id
	}
	return f.err
}

func (f *Face) createMessage(c *gin.Context) error {
	var body messageBody
	if err := decode(c, &body); err != nil {
		return err
	}
	extras, err := extrasObject(body.Extras)
	if err != nil {
		return err
	}
	m, err := f.Broker.Publish(c.Request.Context(), who(c), model.Draft{
		ApplicationID: body.AppID, Title: body.Title, Message: body.Message, Priority: body.Priority, Extras: extras,
	})
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, jsonType, plainStream{}.Encode(model.Published(m)))
	return nil
}

const (
	defaultLimit = 100
	maxLimit     = 200
)

// page reads limit and since from the query. A since of 0 means the newest.
func page(c *gin.Context) (limit int, before int64, err error) {
	limit, before = defaultLimit, math.MaxInt64
	if text, given := c.GetQuery("limit"); given {
		n, err := parseCount(text)
		switch {
		case err != nil:
			return 0, 0, model.Errorf(model.Invalid, "Field 'limit': %v", err)
		case n < 1:
			return 0, 0, model.Errorf(model.Invalid, "Field 'limit' must be more or equal to 1")
		case n > maxLimit:
			return 0, 0, model.Errorf(model.Invalid, "Field 'limit' must be less or equal to %d", maxLimit)
		}
		limit = int(n)
	}
	since, err := parseSince(c.Query("since"))
	if since > 0 {
		before = since
	}
	return limit, before, err
}

// parseCount reads a number as Gotify does: empty counts as 0.
func parseCount(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

func parseSince(text string) (int64, error) {
	n, err := parseCount(text)
	if err != nil {
		return 0, model.Errorf(model.Invalid, "Field 'since': %v", err)
	}
	if n < 0 {
		return 0, model.Errorf(model.Invalid, "Field 'since' must be more or equal to 0")
	}
	return n, nil
}

func (f *Face) messages(c *gin.Context) error {
	applications, err := f.Broker.ReadableIDs(c.Request.Context(), who(c).User.ID)
	if err != nil {
		return err
	}
	return f.writePage(c, "/message", applications)
}

func (f *Face) applicationMessages(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if _, err := f.Broker.ReadableApplication(c.Request.Context(), who(c).User.ID, id); err != nil {
		return missing(err, "application does not exist")
	}
	return f.writePage(c, fmt.Sprintf("/application/%d/message", id), []int64{id})
}

func (f *Face) writePage(c *gin.Context, path string, applications []int64) error {
	limit, before, err := page(c)
	if err != nil {
		return err
	}
	messages, more, err := f.Broker.History(c.Request.Context(), applications, before, limit)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, toPage(path, limit, messages, more))
	return nil
}

func (f *Face) deleteMessages(c *gin.Context) error {
	return done(c, f.Broker.DeleteMessages(c.Request.Context(), who(c).User.ID))
}

func (f *Face) deleteMessage(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return done(c, missing(f.Broker.DeleteMessage(c.Request.Context(), who(c).User.ID, id), "message does not exist"))
}

func (f *Face) deleteApplicationMessages(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return done(c, missing(f.Broker.DeleteApplicationMessages(c.Request.Context(), who(c).User.ID, id), "application does not exists"))
}

// done answers a change that has nothing to tell.
func done(c *gin.Context, err error) error {
	if err == nil {
		c.Status(http.StatusOK)
	}
	return err
}
