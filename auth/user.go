package auth

import (
	"context"
	"strings"
	"unicode"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// Register creates a user on behalf of who, nil for a stranger: an admin may
// create any user, everybody else an ordinary one if registration is open. The
// right to do so is checked before anything costs.
func (a *Auth) Register(ctx context.Context, who *model.Identity, from Visitor, u UserEdit) (*model.User, error) {
	if err := a.mayRegister(ctx, who, from, u.Admin); err != nil {
		return nil, err
	}
	return a.CreateUser(ctx, u)
}

func (a *Auth) mayRegister(ctx context.Context, who *model.Identity, from Visitor, admin bool) error {
	if who != nil && who.User.Admin {
		return a.RequireAdmin(who)
	}
	what := "you are not allowed to access this api"
	if a.Registration && admin {
		what = "you are not allowed to create an admin user"
	}
	if !a.Registration || admin {
		if who == nil {
			return model.Errorf(model.Unauthenticated, "%s", what)
		}
		return model.Errorf(model.Forbidden, "%s", what)
	}
	if from.Exempt {
		return nil
	}
	// Who registers costs a hash and a row, like one who guesses.
	done, err := a.Throttle.Begin(ctx, from.Address)
	if err == nil {
		done(true)
	}
	return err
}

// CreateUser creates a user. It fails with Invalid for a name or password that
// cannot be one, and when the name is taken.
func (a *Auth) CreateUser(ctx context.Context, u UserEdit) (*model.User, error) {
	user, err := a.newUser(ctx, u)
	if err != nil {
		return nil, err
	}
	if err := a.DB.CreateUser(ctx, user); err != nil {
		return nil, taken(err)
	}
	a.usersChanged(ctx) // what everyone may read is for the new user, too
	return user, nil
}

// CreateFirstUser creates an admin when there is no user at all, and reports
// whether it did.
func (a *Auth) CreateFirstUser(ctx context.Context, name, password string) (bool, error) {
	user, err := a.newUser(ctx, UserEdit{Name: name, Password: password, Admin: true})
	if err != nil {
		return false, err
	}
	return a.DB.CreateFirstUser(ctx, user)
}

func (a *Auth) newUser(ctx context.Context, u UserEdit) (*model.User, error) {
	if err := checkUserName(u.Name); err != nil {
		return nil, err
	}
	hash, err := a.Passwords.Hash(ctx, u.Password)
	if err != nil {
		return nil, err
	}
	return &model.User{Name: u.Name, Password: hash, Admin: u.Admin, CreatedAt: a.Now()}, nil
}

// checkUserName refuses what a person could not tell from another name, and the
// colon, which ends the name in basic authentication (RFC 7617, section 2).
func checkUserName(name string) error {
	if err := model.CheckName("name", name); err != nil {
		return err
	}
	if name != strings.TrimSpace(name) {
		return model.Errorf(model.Invalid, "Field 'name' must not begin or end with a space")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == ':' || unicode.In(r, unicode.Cc, unicode.Cf) }) {
		return model.Errorf(model.Invalid, "Field 'name' must not contain colons, control or invisible characters")
	}
	return nil
}

func taken(err error) error {
	if model.KindOf(err) == model.Conflict {
		return model.Errorf(model.Invalid, "username already exists").Because(err)
	}
	return err
}

// UserEdit is what is set of a user. For a user that exists already, an empty
// password keeps the old one.
type UserEdit struct {
	Name     string
	Password string
	Admin    bool
}

// UpdateUser edits a user. A new password ends the user's web sessions but the
// one of who, and all of the user's streams.
func (a *Auth) UpdateUser(ctx context.Context, who *model.Identity, id int64, edit UserEdit) error {
	if err := checkUserName(edit.Name); err != nil {
		return err
	}
	change := database.UserChange{Name: &edit.Name, Admin: &edit.Admin}
	if edit.Password != "" {
		if _, err := a.DB.UserByID(ctx, id); err != nil {
			return err
		}
		hash, err := a.Passwords.Hash(ctx, edit.Password)
		if err != nil {
			return err
		}
		change.Password = &hash
	}
	return a.changeUser(ctx, who, id, change)
}

// ChangePassword sets a user's password. It ends the user's web sessions but
// the one of who, which may be nil, and all of the user's streams.
func (a *Auth) ChangePassword(ctx context.Context, who *model.Identity, id int64, password string) error {
	hash, err := a.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return a.changeUser(ctx, who, id, database.UserChange{Password: &hash})
}

func (a *Auth) changeUser(ctx context.Context, who *model.Identity, id int64, change database.UserChange) error {
	before, err := a.DB.UserByID(ctx, id)
	if err != nil {
		return err
	}
	if err := a.DB.UpdateUser(ctx, id, change); err != nil {
		return taken(a.Doubt(err))
	}
	a.forgetUser(ctx, id)
	if before.Admin && change.Admin != nil && !*change.Admin && a.EndWhere != nil {
		// An admin may listen to any topic.
		a.EndWhere(func(f model.Feed) bool { return f.UserID == id && len(f.Topics) > 0 })
	}
	if change.Password == nil {
		return nil
	}
	var keep int64
	if who != nil && who.Client != nil {
		keep = who.Client.ID
	}
	// The password has changed already: who hangs up now must not keep the sessions.
	err = a.DB.DeleteSessions(context.WithoutCancel(ctx), id, keep)
	a.forgetUser(ctx, id)
	a.watched.Remove(id)
	a.Revoked(id, 0)
	return a.Doubt(err)
}

// DeleteUser deletes a user with everything that is theirs, and ends their
// streams.
func (a *Auth) DeleteUser(ctx context.Context, id int64) error {
	applications, err := a.DB.ApplicationsByUser(ctx, id)
	if err != nil {
		return err
	}
	if err := a.DB.DeleteUser(ctx, id); err != nil {
		return a.Doubt(err)
	}
	a.forgetUser(ctx, id)
	a.watched.Remove(id)
	a.Revoked(id, 0)
	topics := make([]string, len(applications))
	for i, application := range applications {
		topics[i] = application.Topic
	}
	a.EndTopics(topics...)
	a.usersChanged(ctx)
	return nil
}

// usersChanged brings the access rules up to date, where they are about everyone
// or about somebody who is gone.
func (a *Auth) usersChanged(ctx context.Context) {
	if r := a.rules.Load(); r != nil && len(r.all) > 0 {
		a.rulesChanged(ctx)
	}
}
