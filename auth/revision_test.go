package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/carillon-push/carillon/model"
)

// two are two processes on one database; the first one has followed the second.
func two(t *testing.T) (one, other *house) {
	t.Helper()
	one = newHouse(t)
	other = openHouse(t, one.file, one.clock)
	return one, other
}

func follow(t *testing.T, h *house) {
	t.Helper()
	require.NoError(t, h.follow(t.Context()))
}

func TestChangesOfOtherProcessesAreFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, other *house, ada *model.User, client, session *model.Client)
		// api and password say whether the token of the client and the old password
		// still count; ends are the streams that end, of ada with the user's id.
		api, password           bool
		endsClient, endsSession bool
		endsUser                bool
	}{
		"client deleted": {func(t *testing.T, other *house, ada *model.User, client, _ *model.Client) {
			require.NoError(t, other.DeleteClient(t.Context(), ada.ID, client.ID))
		}, false, true, true, false, false},
		"password changed": {func(t *testing.T, other *house, ada *model.User, _, _ *model.Client) {
			require.NoError(t, other.ChangePassword(t.Context(), nil, ada.ID, "new"))
		}, true, false, false, true, true},
		"user deleted": {func(t *testing.T, other *house, ada *model.User, _, _ *model.Client) {
			require.NoError(t, other.DeleteUser(t.Context(), ada.ID))
		}, false, false, true, true, true},
		"user renamed": {func(t *testing.T, other *house, ada *model.User, _, _ *model.Client) {
			require.NoError(t, other.UpdateUser(t.Context(), nil, ada.ID, UserEdit{Name: "new"}))
		}, true, false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			one, other := two(t)
			ada := one.newUser("ada", false)
			client, token := one.newClient(ada)
			session, sessionToken := one.newSession(ada)
			byPassword := one.byPassword(ada)
			for _, who := range []*model.Identity{one.byToken(token), one.byToken(sessionToken), byPassword} {
				require.NoError(t, one.Still(t.Context(), who))
			}
			one.stream(client.ID, session.ID)
			follow(t, one)
			require.Empty(t, one.takeEnded())

			c.change(t, other, ada, client, session)
			follow(t, one)
			var want []ending
			if c.endsClient {
				want = append(want, ending{0, client.ID})
			}
			if c.endsSession {
				want = append(want, ending{0, session.ID})
			}
			if c.endsUser {
				want = append(want, ending{ada.ID, 0})
			}
			require.Equal(t, want, one.takeEnded())
			_, err := one.ByToken(t.Context(), token)
			require.Equal(t, c.api, err == nil, "%v", err)
			_, err = one.ByPassword(t.Context(), "ada", "password of ada", Visitor{Exempt: true})
			require.Equal(t, c.password, err == nil, "%v", err)

			one.stream()
			follow(t, one)
			require.Empty(t, one.takeEnded(), "a change is followed once")
		})
	}
}

// One's own changes empty no caches: they were seen to already.
func TestOwnChangesAreNotFollowed(t *testing.T) {
	h := newHouse(t)
	ada := h.newUser("ada", false)
	client, _ := h.newClient(ada)
	_, token := h.newClient(ada)
	follow(t, h)
	kept := h.byToken(token)
	require.NoError(t, h.UpdateClient(t.Context(), person(ada), client.ID, "new name", 0))
	follow(t, h)
	require.Same(t, kept, h.byToken(token))
}

// A password stream that was opened before some other change still ends with
// the password.
func TestPasswordsAreWatchedAcrossChanges(t *testing.T) {
	one, other := two(t)
	ada, bob := one.newUser("ada", false), one.newUser("bob", false)
	require.NoError(t, one.Still(t.Context(), one.byPassword(ada)))
	follow(t, one)
	require.NoError(t, other.ChangePassword(t.Context(), nil, bob.ID, "new"))
	follow(t, one)
	require.Empty(t, one.takeEnded())
	require.NoError(t, other.ChangePassword(t.Context(), nil, ada.ID, "new"))
	follow(t, one)
	require.Equal(t, []ending{{ada.ID, 0}}, one.takeEnded())
}

// Nobody knows whether a change has happened when the caller hung up during the
// commit: then everybody looks again.
func TestDoubtIsResolved(t *testing.T) {
	one, other := two(t)
	ada := one.newUser("ada", false)
	client, token := one.newClient(ada)
	one.byToken(token)
	other.byToken(token)
	follow(t, one)
	follow(t, other)

	// The change has happened, but its outcome did not arrive.
	require.NoError(t, one.DB.DeleteClient(t.Context(), ada.ID, client.ID))
	lost := model.Errorf(model.Unavailable, "the database is not available")
	require.Same(t, lost, one.Doubt(lost))
	one.stream(client.ID)
	follow(t, one)
	require.Equal(t, []ending{{0, client.ID}}, one.takeEnded())
	one.noToken(token)
	follow(t, other)
	other.noToken(token)

	for _, certain := range []error{nil, model.Errorf(model.NotFound, "x"), model.Errorf(model.Conflict, "x"), model.Errorf(model.Invalid, "x")} {
		require.Equal(t, certain, one.Doubt(certain))
		require.False(t, one.owed.Load())
	}
	_ = one.Doubt(errors.New("unknown"))
	require.True(t, one.owed.Load())
}

// A change that could not be told is told when the database is back.
func TestRevisionThatIsOwed(t *testing.T) {
	one, other := two(t)
	ada := one.newUser("ada", false)
	_, token := one.newClient(ada)
	follow(t, other)
	kept := other.byToken(token)
	one.owed.Store(true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, one.follow(gone))
	require.True(t, one.owed.Load())
	follow(t, one)
	require.False(t, one.owed.Load())
	follow(t, other)
	require.NotSame(t, kept, other.byToken(token))
}

func TestRunFollowsAndEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	one, other := two(t)
	ada := one.newUser("ada", false)
	client, token := one.newClient(ada)
	one.byToken(token)
	one.stream(client.ID)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- one.Run(ctx) }()
	require.NoError(t, other.DeleteClient(t.Context(), ada.ID, client.ID))
	select {
	case got := <-one.endings:
		require.Equal(t, ending{0, client.ID}, got)
	case <-time.After(time.Minute):
		t.Fatal("the change was not followed")
	}
	one.noToken(token)
	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		t.Fatal("Run does not end with its context")
	}
	require.NoError(t, one.DB.Close())
	require.NoError(t, other.DB.Close())
}
