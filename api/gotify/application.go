package gotify

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/model"
)

type applicationBody struct {
	Name            string `json:"name"`
	Description     string `json:"description"`
	DefaultPriority int    `json:"defaultPriority"`
	SortKey         string `json:"sortKey"`
	Topic           string `json:"topic"`
}

func (b *applicationBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.Name, b.Description, b.SortKey, b.Topic = f.Get("name"), f.Get("description"), f.Get("sortKey"), f.Get("topic")
	if p := f.integer("defaultPriority"); p != nil {
		b.DefaultPriority = int(*p)
	}
	return f.err
}

func (b *applicationBody) edit() broker.ApplicationEdit {
	return broker.ApplicationEdit{
		Name: b.Name, Description: b.Description, DefaultPriority: b.DefaultPriority, SortKey: b.SortKey, Topic: b.Topic,
	}
}

func (f *Face) toApplication(a *model.Application) application {
	w := toBareApplication(a)
	w.Token = f.Broker.Token(a)
	return w
}

// toShared shows an application to a person who does not own it. Whether the
// credential they came with posts at all is another matter than canWrite.
func (f *Face) toShared(a *model.Application, owner string, reader *model.Identity) application {
	w := toBareApplication(a)
	canWrite := f.Auth.MayPost(reader, a)
	w.Shared, w.Owner, w.CanWrite = true, owner, &canWrite
	return w
}

func toBareApplication(a *model.Application) application {
	image := "static/defaultapp.png"
	if a.Image != "" {
		image = "image/" + a.Image
	}
	return application{
		ID: a.ID, Name: a.Name, Description: a.Description, Internal: a.Internal, Image: image,
		DefaultPriority: a.DefaultPriority, CreatedAt: a.CreatedAt, LastUsed: a.LastUsed, SortKey: a.SortKey, Topic: a.Topic,
	}
}

// writeApplication answers with an application, or returns err in Gotify's words.
func (f *Face) writeApplication(c *gin.Context, id int64, a *model.Application, err error) error {
	if err != nil {
		return missing(err, "app with id %d doesn't exists", id)
	}
	writeJSON(c, http.StatusOK, f.toApplication(a))
	return nil
}

func (f *Face) applications(c *gin.Context) error {
	ctx, reader := c.Request.Context(), who(c)
	all, err := f.Broker.Readable(ctx, reader.User.ID)
	if err != nil {
		return err
	}
	owners, err := f.owners(ctx, reader.User.ID, all)
	if err != nil {
		return err
	}
	list := make([]application, len(all))
	for i, a := range all {
		if a.UserID == reader.User.ID {
			list[i] = f.toApplication(a)
		} else {
			list[i] = f.toShared(a, owners[a.UserID], reader)
		}
	}
	writeJSON(c, http.StatusOK, list)
	return nil
}

// owners returns the names of those other users whose applications are listed.
func (f *Face) owners(ctx context.Context, reader int64, listed []*model.Application) (map[int64]string, error) {
	var ids []int64
	for _, a := range listed {
		if a.UserID != reader && !slices.Contains(ids, a.UserID) {
			ids = append(ids, a.UserID)
		}
	}
	return f.userNames(ctx, ids)
}

func (f *Face) userNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	users, err := f.Reader.UsersByID(ctx, ids)
	names := make(map[int64]string, len(users))
	for _, u := range users {
		names[u.ID] = u.Name
	}
	return names, err
}

func (f *Face) createApplication(c *gin.Context) error {
	var body applicationBody
	if err := decode(c, &body); err != nil {
		return err
	}
	a, err := f.Broker.CreateApplication(c.Request.Context(), who(c).User, body.edit())
	return f.writeApplication(c, 0, a, err)
}

func (f *Face) updateApplication(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body applicationBody
	if err := decode(c, &body); err != nil {
		return err
	}
	a, err := f.Broker.UpdateApplication(c.Request.Context(), who(c).User, id, body.edit())
	return f.writeApplication(c, id, a, err)
}

func (f *Face) deleteApplication(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	err = f.Broker.DeleteApplication(c.Request.Context(), who(c).User.ID, id)
	return done(c, missing(err, "app with id %d doesn't exists", id))
}

type securityBody struct {
	RegenerateToken bool `json:"regenerateToken"`
}

func (b *securityBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.RegenerateToken = f.boolean("regenerateToken")
	return f.err
}

// newToken is the answer to a rotation: {} when none was asked for.
type newToken struct {
	RegenerateToken *tokenOnly `json:"regenerateToken,omitempty"`
}

type tokenOnly struct {
	Token string `json:"token"`
}

func (f *Face) secureApplication(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body securityBody
	if err := decode(c, &body); err != nil {
		return err
	}
	ctx, owner := c.Request.Context(), who(c).User.ID
	if !body.RegenerateToken {
		if _, err := f.Reader.ApplicationByID(ctx, owner, id); err != nil {
			return missing(err, "app with id %d doesn't exists", id)
		}
		writeJSON(c, http.StatusOK, newToken{})
		return nil
	}
	a, err := f.Broker.RotateToken(ctx, owner, id)
	if err != nil {
		return missing(err, "app with id %d doesn't exists", id)
	}
	writeJSON(c, http.StatusOK, newToken{RegenerateToken: &tokenOnly{Token: f.Broker.Token(a)}})
	return nil
}

func (f *Face) setImage(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	// Whose application it is comes before the work on the image.
	if _, err := f.Reader.ApplicationByID(c.Request.Context(), who(c).User.ID, id); err != nil {
		return missing(err, "app with id %d doesn't exists", id)
	}
	a, err := f.storeImage(c.Request.Context(), c, id)
	return f.writeApplication(c, id, a, err)
}

// maxEnvelope is what a form may hold around an image, in bytes.
const maxEnvelope = 64 << 10

func (f *Face) storeImage(ctx context.Context, c *gin.Context, id int64) (*model.Application, error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, f.Broker.Limits.Image.Bytes+maxEnvelope)
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return nil, model.Errorf(model.Invalid, "file with key 'file' must be present, as multipart/form-data: %v", err)
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			if isEnd(err) {
				return nil, model.Errorf(model.Invalid, "file with key 'file' must be present")
			}
			return nil, unreadable(err)
		}
		if part.FormName() == "file" {
			a, err := f.Broker.SetImage(ctx, who(c).User.ID, id, part)
			return a, tooLarge(err)
		}
	}
}

func (f *Face) deleteImage(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	a, err := f.Broker.DeleteImage(c.Request.Context(), who(c).User.ID, id)
	return f.writeApplication(c, id, a, err)
}
