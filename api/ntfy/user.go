package ntfy

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// requireAdmin fails unless the request is an admin's, who may administrate with
// the credentials. Everybody else is unauthorized, as in ntfy; an admin whose
// credentials are not enough is told so.
func (f *Face) requireAdmin(c *gin.Context) error {
	who, err := f.identify(c)
	switch {
	case err != nil:
		return err
	case who == nil, !who.User.Admin, who.Credential == model.ApplicationToken:
		return failuref(40101, "")
	case who.Credential != model.PersonalToken:
		return f.Auth.RequireAdmin(who)
	case !hasNoLimits(who.AccessToken):
		return failuref(40301, "an access token with limits cannot administrate")
	}
	return nil
}

// user is a user as an admin sees them, and everyone as one of them.
type user struct {
	Username string  `json:"username"`
	Role     string  `json:"role"`
	Grants   []grant `json:"grants,omitempty"`
}

// grant is an access rule.
type grant struct {
	Topic      string `json:"topic"`
	Permission string `json:"permission"`
}

func (f *Face) users(c *gin.Context) error {
	if err := f.requireAdmin(c); err != nil {
		return err
	}
	all, err := f.Reader.Users(c.Request.Context())
	if err != nil {
		return err
	}
	rules, err := f.Reader.AccessRules(c.Request.Context())
	if err != nil {
		return err
	}
	grants := map[int64][]grant{} // no user has the id 0, and everyone does
	for _, r := range rules {
		var id int64
		if r.UserID != nil {
			id = *r.UserID
		}
		grants[id] = append(grants[id], grant{r.Pattern, permissionName(r.Permission())})
	}
	list := make([]user, 0, len(all)+1)
	for _, u := range all {
		list = append(list, user{u.Name, roleOf(u), grants[u.ID]})
	}
	// As in ntfy: admins, then the others, and everyone at the end.
	slices.SortFunc(list, func(x, y user) int {
		return cmp.Or(cmp.Compare(x.Role, y.Role), cmp.Compare(x.Username, y.Username))
	})
	return writeJSON(c, http.StatusOK, append(list, user{everyone, roleAnonymous, grants[0]}))
}

// userBody names a user. A tier is ignored: there are none.
type userBody struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Hash     string `json:"hash"`
}

func (f *Face) createUser(c *gin.Context) error {
	body, err := f.readUser(c)
	if err != nil {
		return err
	}
	return f.addUser(c, body)
}

func (f *Face) addUser(c *gin.Context, body userBody) error {
	_, err := f.userByName(c, body.Username)
	if model.KindOf(err) == model.NotFound {
		_, err = f.Auth.CreateUser(c.Request.Context(), auth.UserEdit{Name: body.Username, Password: body.Password})
		if model.KindOf(err) != model.Invalid {
			return done(c, err)
		}
		// Somebody else may have been first.
		if _, lookedUp := f.userByName(c, body.Username); lookedUp != nil {
			return err
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return failuref(40901, "conflict: user already exists")
}

// updateUser sets the password of a user, who is created when there is none.
func (f *Face) updateUser(c *gin.Context) error {
	body, err := f.readUser(c)
	if err != nil {
		return err
	}
	u, err := f.userByName(c, body.Username)
	switch {
	case model.KindOf(err) == model.NotFound:
		return f.addUser(c, body)
	case err != nil:
		return err
	case u.Admin:
		return failuref(40301, "admins are not changed here")
	}
	return done(c, f.Auth.ChangePassword(c.Request.Context(), nil, u.ID, body.Password))
}

func (f *Face) deleteUser(c *gin.Context) error {
	if err := f.requireAdmin(c); err != nil {
		return err
	}
	var body userBody
	if err := readBody(c, &body, false); err != nil {
		return err
	}
	u, err := f.userByName(c, body.Username)
	switch {
	case model.KindOf(err) == model.NotFound:
		return failuref(40031, "")
	case err != nil:
		return err
	case u.Admin:
		return failuref(40101, "only users who are no admins are deleted here")
	}
	err = f.Auth.DeleteUser(c.Request.Context(), u.ID)
	if model.KindOf(err) == model.NotFound {
		return failuref(40031, "")
	}
	return done(c, err)
}

// readUser reads an admin's request to create or change a user.
func (f *Face) readUser(c *gin.Context) (body userBody, err error) {
	if err := f.requireAdmin(c); err != nil {
		return body, err
	}
	if err := readBody(c, &body, false); err != nil {
		return body, err
	}
	switch {
	case body.Hash != "":
		return body, failuref(40000, "a hash instead of a password is not supported")
	case body.Password == "":
		return body, failuref(40000, "the password is missing")
	case body.Username == everyone, body.Username == "everyone":
		return body, failuref(40046, "")
	}
	return body, nil
}

// userByName finds nobody under a name that nobody can have, whatever the database
// would say to it.
func (f *Face) userByName(c *gin.Context, name string) (*model.User, error) {
	if model.CheckName("username", name) != nil {
		return nil, model.Errorf(model.NotFound, "there is no such user")
	}
	return f.Reader.UserByName(c.Request.Context(), name)
}
