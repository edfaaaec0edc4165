package auth

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestPowers(t *testing.T) {
	const yes, no = true, false
	type powers struct{ person, maker, elevated, admin bool }
	now := newClock()
	soon, past := now.now().Add(time.Microsecond), now.now()
	api := func(until *time.Time) *model.Client { return &model.Client{ElevatedUntil: until} }
	session := func(until *time.Time) *model.Client { return &model.Client{Session: true, ElevatedUntil: until} }
	for _, c := range []struct {
		what       string
		credential model.Credential
		client     *model.Client
		want       map[Elevation]powers
	}{
		{"application token", model.ApplicationToken, nil, map[Elevation]powers{
			ElevateSessions: {no, no, no, no}, ElevateAll: {no, no, no, no}, ElevateOff: {no, no, no, no},
		}},
		{"password", model.Password, nil, map[Elevation]powers{
			ElevateSessions: {yes, yes, yes, yes}, ElevateAll: {yes, yes, yes, yes}, ElevateOff: {yes, yes, yes, yes},
		}},
		{"client token", model.ClientToken, api(nil), map[Elevation]powers{
			ElevateSessions: {yes, yes, yes, yes}, ElevateAll: {yes, yes, no, no}, ElevateOff: {yes, yes, yes, yes},
		}},
		{"elevated client token", model.ClientToken, api(&soon), map[Elevation]powers{
			ElevateSessions: {yes, yes, yes, yes}, ElevateAll: {yes, yes, yes, yes}, ElevateOff: {yes, yes, yes, yes},
		}},
		{"session", model.ClientToken, session(nil), map[Elevation]powers{
			// A client of its making would need no elevation: it must not make one.
			ElevateSessions: {yes, no, no, no}, ElevateAll: {yes, yes, no, no}, ElevateOff: {yes, yes, yes, yes},
		}},
		{"session whose elevation has just ended", model.ClientToken, session(&past), map[Elevation]powers{
			ElevateSessions: {yes, no, no, no}, ElevateAll: {yes, yes, no, no}, ElevateOff: {yes, yes, yes, yes},
		}},
		{"elevated session", model.ClientToken, session(&soon), map[Elevation]powers{
			ElevateSessions: {yes, yes, yes, yes}, ElevateAll: {yes, yes, yes, yes}, ElevateOff: {yes, yes, yes, yes},
		}},
	} {
		for mode, want := range c.want {
			t.Run(c.what+" "+string(mode), func(t *testing.T) {
				a := New(Options{Elevation: mode, Now: now.now})
				who := &model.Identity{Credential: c.credential, User: &model.User{Admin: true}, Client: c.client}
				got := powers{
					RequirePerson(who) == nil, a.RequireMaker(who) == nil, a.RequireElevated(who) == nil, a.RequireAdmin(who) == nil,
				}
				require.Equal(t, want, got)
				who.User.Admin = false
				requireKind(t, model.Forbidden, a.RequireAdmin(who))
				for _, err := range []error{RequirePerson(who), a.RequireMaker(who), a.RequireElevated(who)} {
					if err != nil {
						requireKind(t, model.Forbidden, err)
					}
				}
			})
		}
	}
}

// The words are those that Gotify's clients know.
func TestRefusalsOfPowers(t *testing.T) {
	a := New(Options{Elevation: ElevateAll, Now: newClock().now})
	who := &model.Identity{Credential: model.ClientToken, User: &model.User{}, Client: &model.Client{}}
	require.EqualError(t, a.RequireElevated(who), "session not elevated, use basic auth or call /client:elevate")
	require.EqualError(t, a.RequireAdmin(who), "session not elevated, use basic auth or call /client:elevate")
	who.Credential = model.Password
	require.EqualError(t, a.RequireAdmin(who), "you are not allowed to access this api")
}
