package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestApplications(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	events := w.listen(ada.User.ID)
	edit := ApplicationEdit{Name: "backup", Description: "nightly", DefaultPriority: 4}
	a := w.newApplication(ada, edit)
	require.Equal(t, "a0", a.SortKey)
	require.Regexp(t, "^A.{14}$", w.Token(a))
	require.Equal(t, []*model.Event{{Kind: model.ApplicationCreated, UserID: ada.User.ID, ApplicationID: a.ID}}, events.take())

	token := w.Token(a)
	require.Equal(t, "backup", w.sender(a).Application.Name)
	changed, err := w.UpdateApplication(t.Context(), ada.User, a.ID, ApplicationEdit{Name: "Backup"})
	require.NoError(t, err)
	require.Equal(t, "Backup", changed.Name)
	require.Empty(t, changed.Description, "what is left out becomes empty")
	require.Zero(t, changed.DefaultPriority)
	require.Equal(t, a.SortKey, changed.SortKey)
	require.Equal(t, token, w.Token(changed), "an answer never holds a wrong token")
	require.Equal(t, "Backup", w.sender(a).Application.Name, "the next message has the new name")
	require.Equal(t, []*model.Event{{Kind: model.ApplicationUpdated, UserID: ada.User.ID, ApplicationID: a.ID}}, events.take())

	rotated, err := w.RotateToken(t.Context(), ada.User.ID, a.ID)
	require.NoError(t, err)
	require.NotEqual(t, token, w.Token(rotated))
	_, err = w.Auth.ByToken(t.Context(), token)
	requireKind(t, model.Unauthenticated, err)
	require.Equal(t, a.ID, w.sender(rotated).Application.ID)
	require.Equal(t, model.ApplicationUpdated, events.take()[0].Kind)

	// A rename that was under way does not bring the old token back.
	_, err = w.UpdateApplication(t.Context(), ada.User, a.ID, ApplicationEdit{Name: "later"})
	require.NoError(t, err)
	_, err = w.Auth.ByToken(t.Context(), token)
	requireKind(t, model.Unauthenticated, err)
	events.take()

	w.publish(w.sender(rotated), model.Draft{Message: "m"})
	events.take()
	require.NoError(t, w.DeleteApplication(t.Context(), ada.User.ID, a.ID))
	_, err = w.Auth.ByToken(t.Context(), w.Token(rotated))
	requireKind(t, model.Unauthenticated, err)
	require.Equal(t, []*model.Event{{Kind: model.ApplicationDeleted, UserID: ada.User.ID, ApplicationID: a.ID}}, events.take())
	left, _, err := w.DB.MessagesBefore(t.Context(), []int64{a.ID}, math.MaxInt64, 1)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestApplicationsOfOthersAreNotFound(t *testing.T) {
	w := newWorld(t, Limits{Image: testLimits})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	a := w.newApplication(ada, ApplicationEdit{Name: "app"})
	events, ctx := w.listen(ada.User.ID), t.Context()
	for _, id := range []int64{a.ID, 987654321, 0, -1, math.MaxInt64} {
		_, err := w.UpdateApplication(ctx, bob.User, id, ApplicationEdit{Name: "x"})
		requireKind(t, model.NotFound, err)
		_, err = w.RotateToken(ctx, bob.User.ID, id)
		requireKind(t, model.NotFound, err)
		_, err = w.SetImage(ctx, bob.User.ID, id, iotest.ErrReader(errors.New("nothing is read")))
		requireKind(t, model.NotFound, err)
		_, err = w.DeleteImage(ctx, bob.User.ID, id)
		requireKind(t, model.NotFound, err)
		requireKind(t, model.NotFound, w.DeleteApplication(ctx, bob.User.ID, id))
	}
	require.Empty(t, events.take())
	w.publish(w.sender(a), model.Draft{Message: "it still posts"})
	_, err := w.CreateApplication(ctx, &model.User{ID: 987654321}, ApplicationEdit{Name: "x"})
	requireKind(t, model.Unauthenticated, err)
}

func TestApplicationEdits(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	a := w.newApplication(ada, ApplicationEdit{Name: "app", SortKey: "k"})
	for _, wrong := range []ApplicationEdit{
		{}, {Name: " "}, {Name: strings.Repeat("x", 181)}, {Name: "a\x00"}, {Name: "\xff"},
		{Name: "x", Description: strings.Repeat("x", maxDescription+1)}, {Name: "x", Description: "\x00"}, {Name: "x", Description: "\xff"},
		{Name: "x", SortKey: strings.Repeat("x", 181)}, {Name: "x", SortKey: "\x00"}, {Name: "x", SortKey: "\xff"},
	} {
		_, err := w.CreateApplication(t.Context(), ada.User, wrong)
		requireKind(t, model.Invalid, err)
		_, err = w.UpdateApplication(t.Context(), ada.User, a.ID, wrong)
		requireKind(t, model.Invalid, err)
	}
	_, err := w.CreateApplication(t.Context(), ada.User, ApplicationEdit{Name: "x", SortKey: "k"})
	requireKind(t, model.Invalid, err)
	require.ErrorContains(t, err, "sort key is not unique")
	other := w.newApplication(ada, ApplicationEdit{Name: "other"})
	_, err = w.UpdateApplication(t.Context(), ada.User, other.ID, ApplicationEdit{Name: "x", SortKey: "k"})
	requireKind(t, model.Invalid, err)
	require.ErrorContains(t, err, "sort key is not unique")
	w.newApplication(w.newPerson("bob"), ApplicationEdit{Name: "not the same user", SortKey: "k"})
	w.newApplication(ada, ApplicationEdit{Name: "x", Description: strings.Repeat("x", maxDescription), DefaultPriority: math.MinInt64})
}

func TestInternalApplicationsStay(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	a := &model.Application{UserID: ada.User.ID, TokenHash: bytes.Repeat([]byte{1}, 32), TokenSealed: []byte("x"), Name: "plugin", Internal: true, SortKey: "a0", CreatedAt: model.Now()}
	require.NoError(t, w.DB.CreateApplication(t.Context(), a))
	err := w.DeleteApplication(t.Context(), ada.User.ID, a.ID)
	requireKind(t, model.Invalid, err)
	require.EqualError(t, err, "cannot delete internal application")
	require.Empty(t, w.Token(a), "sealed by somebody else")
}

func TestApplicationsHaveAnOrder(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	for _, key := range []string{"b", "", "~", "Zz", ""} {
		w.newApplication(ada, ApplicationEdit{Name: "app", SortKey: key})
	}
	all, err := w.Applications(t.Context(), ada.User.ID)
	require.NoError(t, err)
	var keys []string
	for _, a := range all {
		keys = append(keys, a.SortKey)
	}
	require.Equal(t, []string{"Zz", "a0", "a1", "b", "~"}, keys)
}

func TestApplicationsThatAreCreatedAtOnce(t *testing.T) {
	w := newWorld(t, Limits{})
	ada := w.newPerson("ada")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if _, err := w.CreateApplication(t.Context(), ada.User, ApplicationEdit{Name: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all, err := w.Applications(t.Context(), ada.User.ID)
	require.NoError(t, err)
	require.Len(t, all, 8)
}

func TestImages(t *testing.T) {
	w := newWorld(t, Limits{Image: testLimits})
	ada := w.newPerson("ada")
	a := w.newApplication(ada, ApplicationEdit{Name: "app"})
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 10, 10))))

	_, err := w.DeleteImage(t.Context(), ada.User.ID, a.ID)
	requireKind(t, model.Invalid, err)
	require.EqualError(t, err, fmt.Sprintf("app with id %d does not have a customized image", a.ID))

	first, err := w.SetImage(t.Context(), ada.User.ID, a.ID, bytes.NewReader(picture.Bytes()))
	require.NoError(t, err)
	require.Regexp(t, `^[0-9A-Za-z]{25}\.png$`, first.Image)
	second, err := w.SetImage(t.Context(), ada.User.ID, a.ID, bytes.NewReader(picture.Bytes()))
	require.NoError(t, err)
	require.NotEqual(t, first.Image, second.Image)
	_, err = w.DB.ImageByName(t.Context(), first.Image)
	requireKind(t, model.NotFound, err)
	_, err = w.DB.ImageByName(t.Context(), second.Image)
	require.NoError(t, err)

	_, err = w.SetImage(t.Context(), ada.User.ID, a.ID, strings.NewReader("<html>"))
	requireKind(t, model.Invalid, err)
	_, err = w.SetImage(t.Context(), ada.User.ID, a.ID, iotest.ErrReader(errors.New("hung up")))
	requireKind(t, model.Invalid, err)
	large := testLimits.Bytes + 1
	_, err = w.SetImage(t.Context(), ada.User.ID, a.ID, bytes.NewReader(make([]byte, large)))
	requireKind(t, model.TooLarge, err)

	gone, err := w.DeleteImage(t.Context(), ada.User.ID, a.ID)
	require.NoError(t, err)
	require.Empty(t, gone.Image)
	_, err = w.DB.ImageByName(t.Context(), second.Image)
	requireKind(t, model.NotFound, err)
}

// Images are in memory while they arrive and wait, so their number is bounded.
func TestUploadsAreBounded(t *testing.T) {
	w := newWorld(t, Limits{Image: testLimits})
	ada := w.newPerson("ada")
	a := w.newApplication(ada, ApplicationEdit{Name: "app"})
	for range maxUploads {
		w.uploads <- struct{}{}
	}
	unread := strings.NewReader("not looked at")
	_, err := w.SetImage(t.Context(), ada.User.ID, a.ID, unread)
	requireKind(t, model.TooMany, err)
	require.Equal(t, len("not looked at"), unread.Len(), "it is refused before it is read")
	<-w.uploads
	_, err = w.SetImage(t.Context(), ada.User.ID, a.ID, strings.NewReader("no image"))
	requireKind(t, model.Invalid, err)
	require.Len(t, w.uploads, maxUploads-1, "the place is given back")
}

// An image that waits for its turn can be given up, and holds up nobody before
// it has arrived.
func TestImagesTakeTurns(t *testing.T) {
	w := newWorld(t, Limits{Image: testLimits})
	ada := w.newPerson("ada")
	a := w.newApplication(ada, ApplicationEdit{Name: "app"})
	w.decoding <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.SetImage(ctx, ada.User.ID, a.ID, strings.NewReader("arrived"))
		ended <- err
	}()
	cancel()
	requireKind(t, model.Unavailable, <-ended)
	<-w.decoding
	_, err := w.SetImage(t.Context(), ada.User.ID, a.ID, strings.NewReader("no image"))
	requireKind(t, model.Invalid, err)
	require.Empty(t, w.decoding)
}
