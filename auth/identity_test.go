package auth

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

func TestByToken(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", true)
	client, clientToken := h.newClient(ada)
	application, applicationToken := h.newApplication(ada)

	who := h.byToken(clientToken)
	require.Equal(t, model.ClientToken, who.Credential)
	require.Equal(t, ada.ID, who.User.ID)
	require.Equal(t, client.ID, who.Client.ID)
	require.Nil(t, who.Application)

	who = h.byToken(applicationToken)
	require.Equal(t, model.ApplicationToken, who.Credential)
	require.Equal(t, application.ID, who.Application.ID)
	require.Equal(t, ada.ID, who.User.ID)
	require.Nil(t, who.Client)

	for _, token := range []string{"", "A", "Cunknownunknown", strings.Repeat("x", 100_000), "\x00", "\xff", clientToken + " ", strings.ToLower(clientToken)} {
		h.noToken(token)
	}
}

// An imported token may begin with any letter.
func TestByTokenOfAnyShape(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	for _, token := range []string{"Aclient", "gtfyc.x", "x"} {
		c := &model.Client{UserID: ada.ID, TokenHash: HashToken(token), Name: "imported", CreatedAt: h.now()}
		require.NoError(t, h.DB.CreateClient(t.Context(), c))
		require.Equal(t, c.ID, h.byToken(token).Client.ID)
	}
}

// A post must cost no SELECT: what is known needs no database.
func TestIdentitiesAreRemembered(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	_, clientToken := h.newClient(ada)
	_, applicationToken := h.newApplication(ada)
	before := []*model.Identity{h.byToken(clientToken), h.byToken(applicationToken), h.byPassword(ada)}
	require.NoError(t, h.DB.Close())
	require.Same(t, before[0], h.byToken(clientToken))
	require.Same(t, before[1], h.byToken(applicationToken))
	require.Same(t, before[2].User, h.byPassword(ada).User)
	_, err := h.ByToken(t.Context(), "Cunknownunknown")
	require.Error(t, err)
	require.NotEqual(t, model.Unauthenticated, model.KindOf(err), "a database that is away is not a wrong token")
}

func TestChangesAreSeenAtOnce(t *testing.T) {
	for name, change := range map[string]struct {
		do    func(t *testing.T, h *house, ada *model.User, client *model.Client)
		check func(t *testing.T, h *house, token string)
	}{
		"rename": {
			func(t *testing.T, h *house, ada *model.User, c *model.Client) {
				require.NoError(t, h.UpdateClient(t.Context(), person(ada), c.ID, "new name", 0))
			},
			func(t *testing.T, h *house, token string) { require.Equal(t, "new name", h.byToken(token).Client.Name) },
		},
		"elevate": {
			func(t *testing.T, h *house, ada *model.User, c *model.Client) {
				require.NoError(t, h.Elevate(t.Context(), ada.ID, c.ID, 3600))
			},
			func(t *testing.T, h *house, token string) {
				require.True(t, h.byToken(token).Client.Elevated(h.now()))
				h.advance(time.Hour)
				require.False(t, h.byToken(token).Client.Elevated(h.now()))
			},
		},
		"delete the client": {
			func(t *testing.T, h *house, ada *model.User, c *model.Client) {
				require.NoError(t, h.DeleteClient(t.Context(), ada.ID, c.ID))
				require.Equal(t, []ending{{ada.ID, c.ID}}, h.takeEnded())
			},
			func(_ *testing.T, h *house, token string) { h.noToken(token) },
		},
		"make an admin": {
			func(t *testing.T, h *house, ada *model.User, _ *model.Client) {
				require.NoError(t, h.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: "ada", Admin: true}))
				require.Empty(t, h.takeEnded())
			},
			func(t *testing.T, h *house, token string) { require.True(t, h.byToken(token).User.Admin) },
		},
		"delete the user": {
			func(t *testing.T, h *house, ada *model.User, _ *model.Client) {
				require.NoError(t, h.DeleteUser(t.Context(), ada.ID))
				require.Equal(t, []ending{{ada.ID, 0}}, h.takeEnded())
			},
			func(_ *testing.T, h *house, token string) { h.noToken(token) },
		},
		"change the password": {
			func(t *testing.T, h *house, ada *model.User, _ *model.Client) {
				require.NoError(t, h.ChangePassword(t.Context(), nil, ada.ID, "another one"))
				require.Equal(t, []ending{{ada.ID, 0}}, h.takeEnded())
			},
			func(t *testing.T, h *house, token string) {
				_, err := h.ByPassword(t.Context(), "ada", "password of ada", Visitor{})
				requireKind(t, model.Unauthenticated, err)
				h.byToken(token) // the token of an API client stays
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.newUser("admin", true)
			ada := h.newUser("ada", false)
			client, token := h.newClient(ada)
			h.byToken(token)
			h.byPassword(ada)
			change.do(t, h, ada, client)
			change.check(t, h, token)
		})
	}
}

func TestForgetApplication(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	application, token := h.newApplication(ada)
	_, other := h.newApplication(ada)
	h.byToken(token)
	kept := h.byToken(other)
	name := "new name"
	require.NoError(t, h.DB.UpdateApplication(t.Context(), ada.ID, application.ID, database.ApplicationChange{Name: &name}))
	h.ForgetApplication(t.Context(), application.ID)
	require.Equal(t, name, h.byToken(token).Application.Name)
	require.Same(t, kept, h.byToken(other))
	require.NoError(t, h.DB.DeleteApplication(t.Context(), ada.ID, application.ID))
	h.ForgetApplication(t.Context(), application.ID)
	h.noToken(token)
}

func TestUseIsNotedOncePerInterval(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	client, clientToken := h.newClient(ada)
	application, applicationToken := h.newApplication(ada)
	lastUsed := func() (c, a *time.Time) {
		row, err := h.DB.ClientByID(t.Context(), ada.ID, client.ID)
		require.NoError(t, err)
		app, err := h.DB.ApplicationByID(t.Context(), ada.ID, application.ID)
		require.NoError(t, err)
		return row.LastUsed, app.LastUsed
	}
	use := func() {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { h.byToken(clientToken); h.byToken(applicationToken) })
		}
		all.Wait()
	}
	start := h.now()
	use()
	c, a := lastUsed()
	require.Equal(t, start, *c)
	require.Equal(t, start, *a)

	h.advance(touchEvery - time.Microsecond)
	use()
	c, a = lastUsed()
	require.Equal(t, start, *c)
	require.Equal(t, start, *a)

	h.advance(time.Microsecond)
	use()
	c, a = lastUsed()
	require.Equal(t, start.Add(touchEvery), *c)
	require.Equal(t, start.Add(touchEvery), *a)
}

// A request does not fail because its use cannot be noted, and the next one
// tries again.
func TestUseThatCannotBeNoted(t *testing.T) {
	h := newHouse(t)
	_, token := h.newClient(h.newUser("ada", false))
	h.byToken(token)
	require.NoError(t, h.DB.Close())
	h.advance(touchEvery)
	h.byToken(token)
	h.byToken(token)
	require.Equal(t, 2, strings.Count(h.log.String(), "the last use of a token was not noted"))
	require.NotContains(t, h.log.String(), token)
}

func TestClientExpires(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	client, token, err := h.CreateClient(t.Context(), ada.ID, "short", 100)
	require.NoError(t, err)
	for range 5 { // each use prolongs it
		h.advance(99 * time.Second)
		h.byToken(token)
	}
	h.advance(100*time.Second - time.Microsecond)
	h.byToken(token)
	h.advance(100 * time.Second)
	h.noToken(token)

	require.NoError(t, h.sweep(t.Context()))
	require.Equal(t, []ending{{ada.ID, client.ID}}, h.takeEnded())
	h.noToken(token)
	_, err = h.DB.ClientByID(t.Context(), ada.ID, client.ID)
	requireKind(t, model.NotFound, err)
}

func TestClientThatWasNeverUsedExpires(t *testing.T) {
	h := newHouse(t)
	_, token, err := h.CreateClient(t.Context(), h.newUser("ada", false).ID, "short", 100)
	require.NoError(t, err)
	h.advance(100 * time.Second)
	h.noToken(token)
}

// A stream is a use, whatever the memory of requests says.
func TestOpenStreamKeepsItsClient(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	client, token, err := h.CreateClient(t.Context(), ada.ID, "short", 100)
	require.NoError(t, err)
	h.byToken(token)
	h.stream(client.ID)
	for range 10 {
		h.advance(60 * time.Second)
		require.NoError(t, h.sweep(t.Context()))
	}
	require.Empty(t, h.takeEnded())
	h.byToken(token)
	h.stream()
	h.advance(100 * time.Second)
	require.NoError(t, h.sweep(t.Context()))
	require.Equal(t, []ending{{ada.ID, client.ID}}, h.takeEnded())
}

func TestByPassword(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	who := h.byPassword(ada)
	require.Equal(t, model.Password, who.Credential)
	require.Equal(t, ada.ID, who.User.ID)
	require.Nil(t, who.Client)
	for _, wrong := range [][2]string{
		{"ada", "wrong"}, {"ada", ""}, {"Ada", "password of ada"}, {"nobody", "password of ada"}, {"", ""}, {"\x00", "x"}, {"\xff", "\xff"},
		{strings.Repeat("x", 1000), "x"}, {"ada", strings.Repeat("x", 1<<20)}, {"ada", "password of ada\x00"},
	} {
		who, err := h.ByPassword(t.Context(), wrong[0], wrong[1], Visitor{Exempt: true})
		requireKind(t, model.Unauthenticated, err)
		require.Nil(t, who)
	}
}

func TestUnknownNamesCostAHash(t *testing.T) {
	h := newHouse(t)
	calls := counted(h.Passwords)
	_, err := h.ByPassword(t.Context(), "nobody", "x", Visitor{})
	requireKind(t, model.Unauthenticated, err)
	_, err = h.ByPassword(t.Context(), "\x00", "x", Visitor{})
	requireKind(t, model.Unauthenticated, err)
	require.Len(t, calls(), 2)
}

// Who sends the right password with every request is never refused, also when
// somebody guesses from the same address.
func TestKnownCredentialsAreNeverThrottled(t *testing.T) {
	h := newHouse(t)
	ada, bob := h.newUser("ada", false), h.newUser("bob", false)
	from := Visitor{Address: "192.0.2.1"}
	h.byPassword(ada)
	for range 3 {
		_, err := h.ByPassword(t.Context(), "ada", "guess", from)
		requireKind(t, model.Unauthenticated, err)
	}
	_, err := h.ByPassword(t.Context(), "ada", "guess", from)
	requireKind(t, model.TooMany, err)
	_, err = h.ByPassword(t.Context(), bob.Name, "password of bob", from)
	requireKind(t, model.TooMany, err)
	for range 5 {
		h.byPassword(ada)
	}
	_, err = h.ByPassword(t.Context(), bob.Name, "password of bob", Visitor{Address: "192.0.2.1", Exempt: true})
	require.NoError(t, err)
	_, err = h.ByPassword(t.Context(), bob.Name, "wrong", Visitor{Address: "192.0.2.2"})
	requireKind(t, model.Unauthenticated, err)
}

func TestImportedPasswordIsHashedAnew(t *testing.T) {
	h := newHouse(t)
	encoded, err := bcrypt.GenerateFromPassword([]byte("password of ada"), bcrypt.MinCost)
	require.NoError(t, err)
	ada := &model.User{Name: "ada", Password: string(encoded), CreatedAt: h.now()}
	require.NoError(t, h.DB.CreateUser(t.Context(), ada))
	_, err = h.ByPassword(t.Context(), "ada", "wrong", Visitor{})
	requireKind(t, model.Unauthenticated, err)

	who := h.byPassword(ada)
	stored, err := h.DB.UserByID(t.Context(), ada.ID)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(stored.Password, "$argon2id$"), stored.Password)
	require.Equal(t, stored.Password, who.User.Password)
	require.NoError(t, h.Still(t.Context(), who), "the first stream of an imported user is no revoked one")
	require.Equal(t, stored.Password, h.byPassword(ada).User.Password)
	require.Empty(t, h.takeEnded())
}

func TestStill(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	client, token := h.newClient(ada)
	byToken, byPassword := h.byToken(token), h.byPassword(ada)
	require.NoError(t, h.Still(t.Context(), byToken))
	require.NoError(t, h.Still(t.Context(), byPassword))
	require.NoError(t, h.ChangePassword(t.Context(), nil, ada.ID, "another one"))
	require.NoError(t, h.Still(t.Context(), byToken))
	requireKind(t, model.Unauthenticated, h.Still(t.Context(), byPassword))
	require.NoError(t, h.DeleteClient(t.Context(), ada.ID, client.ID))
	requireKind(t, model.Unauthenticated, h.Still(t.Context(), byToken))
	require.NoError(t, h.DeleteUser(t.Context(), ada.ID))
	requireKind(t, model.Unauthenticated, h.Still(t.Context(), byPassword))
}
