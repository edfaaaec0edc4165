package gotify

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

type userBody struct {
	Name  string `json:"name"`
	Pass  string `json:"pass"`
	Admin bool   `json:"admin"`
}

func (b *userBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.Name, b.Pass, b.Admin = f.Get("name"), f.Get("pass"), f.boolean("admin")
	return f.err
}

func (b *userBody) edit() auth.UserEdit {
	return auth.UserEdit{Name: b.Name, Password: b.Pass, Admin: b.Admin}
}

func (f *Face) currentUser(c *gin.Context) error {
	writeJSON(c, http.StatusOK, toCurrentUser(who(c).User, who(c).Client, f.Now()))
	return nil
}

type passwordBody struct {
	Pass string `json:"pass"`
}

func (b *passwordBody) readForm(values url.Values) error {
	b.Pass = values.Get("pass")
	return nil
}

func requirePass(pass string) error {
	if pass == "" {
		return model.Errorf(model.Invalid, "Field 'pass' is required")
	}
	return nil
}

func (f *Face) changePassword(c *gin.Context) error {
	var body passwordBody
	if err := decode(c, &body); err != nil {
		return err
	}
	if err := requirePass(body.Pass); err != nil {
		return err
	}
	return done(c, f.Auth.ChangePassword(c.Request.Context(), who(c), who(c).User.ID, body.Pass))
}

func (f *Face) users(c *gin.Context) error {
	all, err := f.Reader.Users(c.Request.Context())
	if err != nil {
		return err
	}
	list := make([]user, len(all))
	for i, u := range all {
		list[i] = toUser(u)
	}
	writeJSON(c, http.StatusOK, list)
	return nil
}

func (f *Face) createUser(c *gin.Context) error {
	var body userBody
	if err := decode(c, &body); err != nil {
		return err
	}
	// Gotify tells a stranger what is wrong with the body first.
	if err := model.CheckName("name", body.Name); err != nil {
		return err
	}
	if err := requirePass(body.Pass); err != nil {
		return err
	}
	created, err := f.Auth.Register(c.Request.Context(), who(c), f.visitor(c), body.edit())
	// A session that is not elevated may still show a password beside its token.
	if model.KindOf(err) == model.Forbidden && who(c) != nil && f.authorize(c, admin) == nil {
		created, err = f.Auth.Register(c.Request.Context(), who(c), f.visitor(c), body.edit())
	}
	if err != nil {
		return err
	}
	writeJSON(c, http.StatusOK, toUser(created))
	return nil
}

func (f *Face) user(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return f.writeUser(c, id)
}

func (f *Face) writeUser(c *gin.Context, id int64) error {
	u, err := f.Reader.UserByID(c.Request.Context(), id)
	if err != nil {
		return missing(err, "user does not exist")
	}
	writeJSON(c, http.StatusOK, toUser(u))
	return nil
}

func (f *Face) updateUser(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	var body userBody
	if err := decode(c, &body); err != nil {
		return err
	}
	err = f.Auth.UpdateUser(c.Request.Context(), who(c), id, body.edit())
	if err != nil {
		return missing(err, "user does not exist")
	}
	return f.writeUser(c, id)
}

func (f *Face) deleteUser(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return done(c, missing(f.Auth.DeleteUser(c.Request.Context(), id), "user does not exist"))
}
