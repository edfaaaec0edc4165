package gotify

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

type clientBody struct {
	Name                          string `json:"name"`
	ExpiresAfterInactivitySeconds int64  `json:"expiresAfterInactivitySeconds"`
}

func (b *clientBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.Name = f.Get("name")
	if n := f.integer("expiresAfterInactivitySeconds"); n != nil {
		b.ExpiresAfterInactivitySeconds = *n
	}
	return f.err
}

func (f *Face) clients(c *gin.Context) error {
	all, err := f.Reader.ClientsByUser(c.Request.Context(), who(c).User.ID, f.Now())
	if err != nil {
		return err
	}
	list := make([]client, len(all))
	for i, each := range all {
		list[i] = toClient(each, ownToken(c, each.ID), f.Now())
	}
	writeJSON(c, http.StatusOK, list)
	return nil
}

// ownToken returns the token of the request when it is the client's: Android
// up to 2.9 finds itself in the list by it.
func ownToken(c *gin.Context, id int64) string {
	if own := who(c).Client; own != nil && own.ID == id {
		return c.GetString(tokenKey)
	}
	return ""
}

func (f *Face) createClient(c *gin.Context) error {
	var body clientBody
	if err := decode(c, &body); err != nil {
		return err
	}
	created, token, err := f.Auth.CreateClient(c.Request.Context(), who(c).User.ID, body.Name, body.ExpiresAfterInactivitySeconds)
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, toClient(created, token, f.Now()))
	return nil
}

func (f *Face) updateClient(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body clientBody
	if err := decode(c, &body); err != nil {
		return err
	}
	ctx, user := c.Request.Context(), who(c).User.ID
	err = f.Auth.UpdateClient(ctx, who(c), id, body.Name, body.ExpiresAfterInactivitySeconds)
	// A session that is not elevated may still show a password beside its token.
	if model.KindOf(err) == model.Forbidden && f.authorize(c, elevated) == nil {
		err = f.Auth.UpdateClient(ctx, who(c), id, body.Name, body.ExpiresAfterInactivitySeconds)
	}
	if err != nil {
		return missing(err, "client with id %d doesn't exists", id)
	}
	updated, err := f.Reader.ClientByID(ctx, user, id)
	if err != nil {
		return missing(err, "client with id %d doesn't exists", id)
	}
	writeJSON(c, http.StatusOK, toClient(updated, ownToken(c, id), f.Now()))
	return nil
}

func (f *Face) deleteClient(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if f.Auth.RequireDeleter(who(c), id) != nil {
		// A session that is not elevated may still show a password beside its token.
		if err := f.authorize(c, elevated); err != nil {
			return err
		}
	}
	err = f.Auth.DeleteClient(c.Request.Context(), who(c).User.ID, id)
	return done(c, missing(err, "client with id %d doesn't exists", id))
}

type elevationBody struct {
	DurationSeconds int64 `json:"durationSeconds"`
}

func (b *elevationBody) readForm(values url.Values) error {
	f := form{Values: values}
	if n := f.integer("durationSeconds"); n != nil {
		b.DurationSeconds = *n
	}
	return f.err
}

func (f *Face) elevateClient(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body elevationBody
	if err := decode(c, &body); err != nil {
		return err
	}
	if body.DurationSeconds == 0 {
		return model.Errorf(model.Invalid, "Field 'durationSeconds' is required")
	}
	if err := f.Auth.Elevate(c.Request.Context(), who(c).User.ID, id, body.DurationSeconds); err != nil {
		return missing(err, "client not found")
	}
	c.Status(http.StatusNoContent)
	return nil
}
