package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestCreateClient(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	c, token, err := h.CreateClient(t.Context(), ada.ID, "phone", 60)
	require.NoError(t, err)
	require.Regexp(t, "^C.{14}$", token)
	stored, err := h.DB.ClientByID(t.Context(), ada.ID, c.ID)
	require.NoError(t, err)
	require.Equal(t, c, stored)
	require.Equal(t, HashToken(token), stored.TokenHash)
	require.False(t, stored.Session)
	require.Nil(t, stored.ElevatedUntil)
	require.Nil(t, stored.LastUsed)
}

func TestCheckClient(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	c, _ := h.newClient(ada)
	for _, wrong := range []struct {
		name       string
		inactivity int64
	}{{"", 0}, {" ", 0}, {"a\x00b", 0}, {"\xff", 0}, {strings.Repeat("x", 181), 0}, {"x", -1}, {"x", century + 1}, {"x", 1<<63 - 1}} {
		_, _, err := h.CreateClient(t.Context(), ada.ID, wrong.name, wrong.inactivity)
		requireKind(t, model.Invalid, err)
		requireKind(t, model.Invalid, h.UpdateClient(t.Context(), person(ada), c.ID, wrong.name, wrong.inactivity))
	}
	_, token, err := h.CreateClient(t.Context(), ada.ID, strings.Repeat("🔔", 180), century)
	require.NoError(t, err)
	h.byToken(token)
	h.advance(99 * 365 * 24 * time.Hour) // the longest time does not wrap around
	h.byToken(token)
}

func TestLogin(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	session, token := h.newSession(ada)
	require.True(t, session.Session)
	require.Equal(t, h.now().Add(time.Hour), *session.ElevatedUntil)
	require.EqualValues(t, 7*24*3600, session.ExpiresAfterInactivitySeconds)
	require.NoError(t, h.RequireElevated(h.byToken(token)))
	h.advance(time.Hour)
	requireKind(t, model.Forbidden, h.RequireElevated(h.byToken(token)))
	_, _, err := h.Login(t.Context(), h.byPassword(ada), "")
	requireKind(t, model.Invalid, err)
}

// To let a client expire comes to the same as to delete it.
func TestExpiryTakesElevation(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	c, _ := h.newClient(ada)
	session, token := h.newSession(ada)
	require.NoError(t, h.Elevate(t.Context(), ada.ID, session.ID, -1))
	who := h.byToken(token)
	require.NoError(t, h.UpdateClient(t.Context(), who, c.ID, "renamed", 0))
	requireKind(t, model.Forbidden, h.UpdateClient(t.Context(), who, c.ID, "renamed", 1))
	requireKind(t, model.Forbidden, h.UpdateClient(t.Context(), who, session.ID, "web", 1<<20+1))
	require.NoError(t, h.UpdateClient(t.Context(), who, session.ID, "web", 0), "a web session keeps its time")
	week := int64(SessionLifetime / time.Second)
	require.NoError(t, h.UpdateClient(t.Context(), who, session.ID, "web", week))
	require.NoError(t, h.Elevate(t.Context(), ada.ID, session.ID, 60))
	who = h.byToken(token)
	require.NoError(t, h.UpdateClient(t.Context(), who, c.ID, "renamed", 1))
	require.NoError(t, h.UpdateClient(t.Context(), who, session.ID, "web", 60))
	requireKind(t, model.Invalid, h.UpdateClient(t.Context(), who, session.ID, "web", week+1))
}

// person is a user who showed the password.
func person(u *model.User) *model.Identity {
	return &model.Identity{Credential: model.Password, User: u}
}

func TestElevate(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	session, token := h.newSession(ada)
	require.NoError(t, h.Elevate(t.Context(), ada.ID, session.ID, -1))
	require.Nil(t, h.byToken(token).Client.ElevatedUntil)
	require.NoError(t, h.Elevate(t.Context(), ada.ID, session.ID, 60))
	require.Equal(t, h.now().Add(time.Minute), *h.byToken(token).Client.ElevatedUntil)
}

func TestClientsOfOthersAreNotFound(t *testing.T) {
	h := newHouse(t)
	ada, bob := h.newUser("ada", false), h.newUser("bob", false)
	c, token := h.newClient(ada)
	requireKind(t, model.NotFound, h.UpdateClient(t.Context(), person(bob), c.ID, "x", 0))
	requireKind(t, model.NotFound, h.Elevate(t.Context(), bob.ID, c.ID, 3600))
	requireKind(t, model.NotFound, h.DeleteClient(t.Context(), bob.ID, c.ID))
	require.Empty(t, h.takeEnded())
	require.Nil(t, h.byToken(token).Client.ElevatedUntil)
}
