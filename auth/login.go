package auth

import (
	"context"

	"github.com/carillon-push/carillon/model"
)

// ByPassword returns the identity of the person with the name and the password.
// It fails with Unauthenticated, as slowly for a name that does not exist as for
// a wrong password, and with TooMany when the visitor failed too often.
func (a *Auth) ByPassword(ctx context.Context, name, password string, from Visitor) (*model.Identity, error) {
	user, err := a.userByName(ctx, name)
	if err != nil {
		return nil, err
	}
	if user.Password == "" || !a.Passwords.remembers(user.Name, user.Password, password) {
		if user, err = a.verify(ctx, user, password, from); err != nil {
			return nil, err
		}
	}
	return &model.Identity{Credential: model.Password, User: user}, nil
}

// userByName returns a user without a password for a name that does not exist.
func (a *Auth) userByName(ctx context.Context, name string) (*model.User, error) {
	if model.CheckName("name", name) != nil {
		return &model.User{}, nil //nolint:nilerr // what cannot be a name is nobody's
	}
	user, err := a.users.get(name, func() (*model.User, error) { return a.DB.UserByName(ctx, name) })
	if model.KindOf(err) == model.NotFound {
		return &model.User{}, nil
	}
	return user, err
}

// verify returns the user when the password is right, with the hash that is
// stored from now on.
func (a *Auth) verify(ctx context.Context, user *model.User, password string, from Visitor) (*model.User, error) {
	done := func(bool) {}
	if !from.Exempt {
		var err error
		if done, err = a.Throttle.Begin(ctx, from.Address); err != nil {
			return nil, err
		}
	}
	ok, rehash, err := a.Passwords.VerifyCached(ctx, user.Name, user.Password, password)
	// Who hung up before the answer has made its guess as well.
	done(!ok && model.KindOf(err) != model.TooMany)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, Unauthenticated()
	}
	if rehash {
		return a.rehash(ctx, user, password), nil
	}
	return user, nil
}

// rehash replaces an imported hash by one of ours and returns the user with it.
// A login does not fail because of it.
func (a *Auth) rehash(ctx context.Context, user *model.User, password string) *model.User {
	better, err := a.Passwords.Hash(ctx, password)
	if err == nil {
		err = a.DB.RehashPassword(ctx, user.ID, user.Password, better)
	}
	if err != nil {
		a.Log.Warn("a password was not hashed anew", "user", user.ID, "error", err)
		return user
	}
	a.watched.Remove(user.ID) // the password is the same: no stream has to end
	a.forgetUser(ctx, user.ID)
	fresh := *user
	fresh.Password = better
	return &fresh
}
