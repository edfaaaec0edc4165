package auth

import (
	"github.com/carillon-push/carillon/model"
)

// A person is somebody whose credentials read and manage: a client token or a
// password, never an application token.

// RequirePerson fails with Forbidden for an application token, which can only
// post.
func RequirePerson(who *model.Identity) error {
	if who.Credential == model.ApplicationToken {
		return model.Errorf(model.Forbidden, "an application token can only post messages; use a client token or user credentials")
	}
	return nil
}

// RequireElevated fails with Forbidden when the identity needs to be elevated
// and is not. A password always counts as elevated, and so
// does an access token, which stands for one.
func (a *Auth) RequireElevated(who *model.Identity) error {
	if err := RequirePerson(who); err != nil {
		return err
	}
	if who.Credential != model.ClientToken || a.Elevation == ElevateOff {
		return nil
	}
	if a.Elevation == ElevateSessions && !who.Client.Session {
		return nil
	}
	if who.Client.Elevated(a.Now()) {
		return nil
	}
	return model.Errorf(model.Forbidden, "session not elevated, use basic auth or call /client:elevate")
}

// RequireDeleter fails with Forbidden unless the identity may delete the client:
// every client may delete itself, to delete another one needs elevation.
func (a *Auth) RequireDeleter(who *model.Identity, client int64) error {
	if who.Client != nil && who.Client.ID == client {
		return nil
	}
	return a.RequireElevated(who)
}

// RequireMaker fails with Forbidden unless the identity may create clients.
// Where elevation is asked of web sessions only, the session that makes a client
// has to be elevated: the client itself never needs to be.
func (a *Auth) RequireMaker(who *model.Identity) error {
	if a.Elevation == ElevateSessions {
		return a.RequireElevated(who)
	}
	return RequirePerson(who)
}

// RequireAdmin fails with Forbidden unless the identity is an admin's, elevated
// where that is asked for.
func (a *Auth) RequireAdmin(who *model.Identity) error {
	if err := a.RequireElevated(who); err != nil {
		return err
	}
	if !who.User.Admin {
		return model.Errorf(model.Forbidden, "you are not allowed to access this api")
	}
	return nil
}
