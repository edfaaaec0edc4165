package broker

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// maxDescription bounds the description of an application, in bytes.
const maxDescription = 64 << 10

// ApplicationEdit is what the owner sets of an application.
type ApplicationEdit struct {
	Name            string
	Description     string
	DefaultPriority int
	// SortKey orders the applications of a user; "" leaves it alone, or puts a
	// new application last.
	SortKey string
}

func (e ApplicationEdit) check() error {
	if err := model.CheckName("name", e.Name); err != nil {
		return err
	}
	if len(e.Description) > maxDescription {
		return model.Errorf(model.Invalid, "Field 'description' must not be longer than %d bytes", maxDescription)
	}
	if err := model.CheckText("description", e.Description); err != nil {
		return err
	}
	if e.SortKey == "" {
		return nil
	}
	return model.CheckName("sortKey", e.SortKey)
}

// Applications returns the user's applications in the user's order.
func (b *Broker) Applications(ctx context.Context, user int64) ([]*model.Application, error) {
	all, err := b.DB.ApplicationsByUser(ctx, user)
	slices.SortFunc(all, func(x, y *model.Application) int {
		return cmp.Or(cmp.Compare(x.SortKey, y.SortKey), cmp.Compare(x.ID, y.ID))
	})
	return all, err
}

// CreateApplication creates an application of the user, last in order unless
// the edit says otherwise.
func (b *Broker) CreateApplication(ctx context.Context, user int64, e ApplicationEdit) (*model.Application, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	a := &model.Application{
		UserID: user, Name: e.Name, Description: e.Description, DefaultPriority: e.DefaultPriority,
		SortKey: e.SortKey, CreatedAt: b.Now(),
	}
	a.TokenHash, a.TokenSealed = b.newToken()
	if err := b.insertSorted(ctx, a); err != nil {
		return nil, auth.Vanished(err)
	}
	b.tellApplication(model.ApplicationCreated, user, a.ID)
	return a, nil
}

// insertSorted stores a; a sort key of our own choice that somebody else took
// meanwhile is chosen anew.
func (b *Broker) insertSorted(ctx context.Context, a *model.Application) error {
	const attempts = 10
	chosen := a.SortKey != ""
	if !chosen {
		// Others on this node wait, so that only another node can be faster.
		b.sorting.Lock()
		defer b.sorting.Unlock()
	}
	for attempt := 1; ; attempt++ {
		if !chosen {
			key, err := b.lastSortKey(ctx, a.UserID)
			if err != nil {
				return err
			}
			a.SortKey = key
		}
		err := b.DB.CreateApplication(ctx, a)
		if model.KindOf(err) == model.Conflict && !chosen && attempt < attempts {
			continue
		}
		return sortKeyTaken(err)
	}
}

func (b *Broker) lastSortKey(ctx context.Context, user int64) (string, error) {
	all, err := b.DB.ApplicationsByUser(ctx, user)
	keys := make([]string, len(all))
	for i, a := range all {
		keys[i] = a.SortKey
	}
	return sortKeyAfter(keys), err
}

func sortKeyTaken(err error) error {
	if model.KindOf(err) == model.Conflict {
		return model.Errorf(model.Invalid, "sort key is not unique").Because(err)
	}
	return err
}

// UpdateApplication edits an application of the user and returns it as it is
// afterwards.
func (b *Broker) UpdateApplication(ctx context.Context, user, id int64, e ApplicationEdit) (*model.Application, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	change := database.ApplicationChange{Name: &e.Name, Description: &e.Description, DefaultPriority: &e.DefaultPriority}
	if e.SortKey != "" {
		change.SortKey = &e.SortKey
	}
	if err := b.DB.UpdateApplication(ctx, user, id, change); err != nil {
		return nil, sortKeyTaken(b.Auth.Doubt(err))
	}
	return b.changed(ctx, user, id)
}

// RotateToken gives an application of the user a new token; the old one is
// worthless from then on.
func (b *Broker) RotateToken(ctx context.Context, user, id int64) (*model.Application, error) {
	var change database.ApplicationChange
	change.TokenHash, change.TokenSealed = b.newToken()
	if err := b.DB.UpdateApplication(ctx, user, id, change); err != nil {
		return nil, b.Auth.Doubt(err)
	}
	return b.changed(ctx, user, id)
}

// DeleteApplication deletes an application of the user with its messages and
// its image.
func (b *Broker) DeleteApplication(ctx context.Context, user, id int64) error {
	a, err := b.DB.ApplicationByID(ctx, user, id)
	if err != nil {
		return err
	}
	if a.Internal {
		return model.Errorf(model.Invalid, "cannot delete internal application")
	}
	if err := b.DB.DeleteApplication(ctx, user, id); err != nil {
		return b.Auth.Doubt(err)
	}
	b.Auth.ForgetApplication(ctx, id)
	b.tellApplication(model.ApplicationDeleted, user, id)
	return nil
}

// SetImage gives an application of the user an image, which is checked and
// re-encoded (NormalizeImage). It fails with TooMany when maxUploads are on their
// way already.
func (b *Broker) SetImage(ctx context.Context, user, id int64, upload io.Reader) (*model.Application, error) {
	if _, err := b.DB.ApplicationByID(ctx, user, id); err != nil {
		return nil, err
	}
	data, extension, err := b.normalize(ctx, upload)
	if err != nil {
		return nil, err
	}
	image := &model.Image{ApplicationID: id, Name: auth.RandomName(25) + extension, Data: data}
	if err := b.DB.ReplaceImage(ctx, user, image); err != nil {
		return nil, err
	}
	return b.changed(ctx, user, id)
}

// normalize decodes one image at a time, after it has arrived: a slow sender
// takes one of the places for uploads, but holds up no decoding.
func (b *Broker) normalize(ctx context.Context, upload io.Reader) (data []byte, extension string, err error) {
	select {
	case b.uploads <- struct{}{}:
		defer func() { <-b.uploads }()
	default:
		return nil, "", model.Errorf(model.TooMany, "too many images are being uploaded, try again later").After(5 * time.Second)
	}
	arrived, err := io.ReadAll(io.LimitReader(upload, b.Limits.Image.Bytes+1))
	if err != nil {
		return nil, "", model.Errorf(model.Invalid, "the image cannot be read").Because(err)
	}
	select {
	case b.decoding <- struct{}{}:
		defer func() { <-b.decoding }()
		return NormalizeImage(bytes.NewReader(arrived), b.Limits.Image)
	case <-ctx.Done():
		return nil, "", model.Errorf(model.Unavailable, "the request was given up").Because(ctx.Err())
	}
}

// DeleteImage gives an application of the user the default image back. It fails
// with Invalid when it has no other.
func (b *Broker) DeleteImage(ctx context.Context, user, id int64) (*model.Application, error) {
	a, err := b.DB.ApplicationByID(ctx, user, id)
	if err != nil {
		return nil, err
	}
	if a.Image == "" {
		return nil, model.Errorf(model.Invalid, "app with id %d does not have a customized image", id)
	}
	if err := b.DB.DeleteImage(ctx, user, id); err != nil {
		return nil, err
	}
	return b.changed(ctx, user, id)
}

// Token returns the token of an application, "" when it was sealed under
// another secret key.
func (b *Broker) Token(a *model.Application) string {
	token, err := b.Auth.Sealer.Open(a.TokenSealed, a.TokenHash)
	if err != nil {
		b.Log.Warn("an application token cannot be shown: was the secret key changed?", "application", a.ID, "error", err)
		return ""
	}
	return token
}

func (b *Broker) newToken() (hash, sealed []byte) {
	token := auth.NewApplicationToken()
	hash = auth.HashToken(token)
	return hash, b.Auth.Sealer.Seal(token, hash)
}

func (b *Broker) changed(ctx context.Context, user, id int64) (*model.Application, error) {
	b.Auth.ForgetApplication(ctx, id)
	b.tellApplication(model.ApplicationUpdated, user, id)
	return b.DB.ApplicationByID(ctx, user, id)
}

func (b *Broker) tellApplication(kind model.EventKind, user, id int64) {
	b.Hub.Publish(&model.Event{Kind: kind, UserID: user, ApplicationID: id})
}
