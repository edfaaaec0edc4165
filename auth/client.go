package auth

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// Web sessions, as Gotify 3 has them: elevated for an hour after the login,
// gone after a week without use.
const (
	SessionLifetime  = 7 * 24 * time.Hour
	sessionElevation = time.Hour
)

// century is the longest time that a client may be unused or elevated, in
// seconds. It keeps sums of times within range.
const century = 100 * 365 * 24 * 3600

// CreateClient creates a client of the user and returns it with its token,
// which is never shown again. It expires after the given seconds without use,
// never for 0.
func (a *Auth) CreateClient(ctx context.Context, user int64, name string, inactivity int64) (*model.Client, string, error) {
	if err := checkClient(name, inactivity); err != nil {
		return nil, "", err
	}
	return a.createClient(ctx, &model.Client{UserID: user, Name: name, ExpiresAfterInactivitySeconds: inactivity})
}

// Login creates a web session for somebody who showed a password.
func (a *Auth) Login(ctx context.Context, who *model.Identity, name string) (*model.Client, string, error) {
	if err := checkClient(name, 0); err != nil {
		return nil, "", err
	}
	until := a.Now().Add(sessionElevation)
	return a.createClient(ctx, &model.Client{
		UserID: who.User.ID, Name: name, Session: true, ElevatedUntil: &until,
		ExpiresAfterInactivitySeconds: int64(SessionLifetime / time.Second),
	})
}

func (a *Auth) createClient(ctx context.Context, c *model.Client) (*model.Client, string, error) {
	token := NewClientToken()
	c.TokenHash, c.CreatedAt = HashToken(token), a.Now()
	if err := a.DB.CreateClient(ctx, c); err != nil {
		return nil, "", Vanished(err)
	}
	return c, token, nil
}

func checkClient(name string, inactivity int64) error {
	if inactivity < 0 || inactivity > century {
		return model.Errorf(model.Invalid, "Field 'expiresAfterInactivitySeconds' must be between 0 and %d", century)
	}
	return model.CheckName("name", name)
}

// UpdateClient renames a client of the user and sets when it expires. To change
// that takes the same elevation as to delete the client, because it can come to
// the same. A web session keeps its time for 0, and never lasts longer than
// SessionLifetime.
func (a *Auth) UpdateClient(ctx context.Context, who *model.Identity, id int64, name string, inactivity int64) error {
	if err := checkClient(name, inactivity); err != nil {
		return err
	}
	c, err := a.DB.ClientByID(ctx, who.User.ID, id)
	if err != nil {
		return err
	}
	if c.Session && inactivity == 0 {
		inactivity = c.ExpiresAfterInactivitySeconds // left out
	}
	if inactivity != c.ExpiresAfterInactivitySeconds {
		if err := a.RequireElevated(who); err != nil {
			return err
		}
		if most := int64(SessionLifetime / time.Second); c.Session && inactivity > most {
			return model.Errorf(model.Invalid, "Field 'expiresAfterInactivitySeconds' must be at most %d for a web session", most)
		}
	}
	return a.changeClient(ctx, who.User.ID, id, database.ClientChange{Name: &name, ExpiresAfterInactivitySeconds: &inactivity})
}

// Elevate elevates a client of the user for the seconds, a hundred years at most;
// negative ones end its elevation.
func (a *Auth) Elevate(ctx context.Context, user, id, seconds int64) error {
	change := database.ClientChange{Elevate: true}
	if seconds > 0 {
		until := a.Now().Add(time.Duration(min(seconds, century)) * time.Second)
		change.ElevatedUntil = &until
	}
	return a.changeClient(ctx, user, id, change)
}

func (a *Auth) changeClient(ctx context.Context, user, id int64, change database.ClientChange) error {
	if err := a.DB.UpdateClient(ctx, user, id, change); err != nil {
		return a.Doubt(err)
	}
	a.forgetClients(ctx, id)
	return nil
}

// DeleteClient deletes a client of the user; its token is worthless from then
// on, and its streams end.
func (a *Auth) DeleteClient(ctx context.Context, user, id int64) error {
	if err := a.DB.DeleteClient(ctx, user, id); err != nil {
		return a.Doubt(err)
	}
	a.forgetClients(ctx, id)
	a.Revoked(user, id)
	return nil
}
