package broker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
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
	// Topic is the name in ntfy's language; "" leaves it alone, or makes one of the
	// name of a new application.
	Topic string
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

// checkTopic fails with Invalid for what cannot be the topic of an application of
// the user; "" can.
func (b *Broker) checkTopic(owner *model.User, topic string) error {
	switch {
	case topic == "":
		return nil
	case !model.IsTopic(topic):
		return model.Errorf(model.Invalid, "Field 'topic' must be 1 to 64 letters, digits, - and _")
	case b.Reserved != nil && b.Reserved(topic):
		return model.Errorf(model.Invalid, "the topic %q is reserved", topic)
	case model.IsPushTopic(topic):
		return model.Errorf(model.Invalid, "the topic %q has the shape of one of UnifiedPush", topic)
	case !b.Auth.MayTake(owner, topic):
		return model.Errorf(model.Invalid, "the topic %q is kept by an access rule", topic)
	}
	return nil
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
func (b *Broker) CreateApplication(ctx context.Context, owner *model.User, e ApplicationEdit) (*model.Application, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := b.checkTopic(owner, e.Topic); err != nil {
		return nil, err
	}
	a := &model.Application{
		UserID: owner.ID, Name: e.Name, Description: e.Description, DefaultPriority: e.DefaultPriority,
		SortKey: e.SortKey, Topic: e.Topic, CreatedAt: b.Now(),
	}
	a.TokenHash, a.TokenSealed = b.newToken()
	const attempts = 10
	for attempt := 1; ; attempt++ {
		if e.Topic == "" {
			var err error
			if a.Topic, err = b.freeTopic(ctx, owner, e.Name); err != nil {
				return nil, err
			}
		}
		err := b.insertSorted(ctx, a)
		if errors.Is(err, errTopicTaken) && e.Topic == "" && attempt < attempts {
			continue
		}
		if err != nil {
			return nil, auth.Vanished(err)
		}
		b.tellApplication(model.ApplicationCreated, a)
		return a, nil
	}
}

// freeTopic makes a topic of an application's name that nothing else has and that
// the owner may have. When many are taken, it is a random one: nobody meant that for
// anybody.
func (b *Broker) freeTopic(ctx context.Context, owner *model.User, name string) (string, error) {
	const attempts = 20
	base := model.TopicFromName(name)
	for n := 1; base != "" && n <= attempts; n++ {
		topic := base
		if n > 1 {
			suffix := "-" + strconv.Itoa(n)
			topic = base[:min(len(base), 64-len(suffix))] + suffix
		}
		if b.checkTopic(owner, topic) != nil {
			continue
		}
		switch _, err := b.DB.ApplicationByTopic(ctx, topic); model.KindOf(err) {
		case model.NotFound:
			return topic, nil
		default:
			if err != nil {
				return "", err
			}
		}
	}
	return "app-" + strings.ToLower(auth.RandomName(12)), nil
}

// NameTopics gives every application a topic that has none, because it is older
// than topics.
func (b *Broker) NameTopics(ctx context.Context) error {
	for {
		some, err := b.DB.TopiclessApplications(ctx, 100)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, a := range some {
			owner, err := b.DB.UserByID(ctx, a.UserID)
			if err != nil {
				return err
			}
			topic, err := b.freeTopic(ctx, owner, a.Name)
			if err != nil {
				return err
			}
			err = b.DB.UpdateApplication(ctx, a.UserID, a.ID, database.ApplicationChange{Topic: &topic})
			// Another node may do the same; or the application is gone.
			if kind := model.KindOf(err); err != nil && kind != model.Conflict && kind != model.NotFound {
				return err
			}
		}
	}
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
		if model.KindOf(err) != model.Conflict {
			return err
		}
		if err := b.taken(ctx, a.ID, a.Topic, err); errors.Is(err, errTopicTaken) || chosen || attempt == attempts {
			return err
		}
	}
}

func (b *Broker) lastSortKey(ctx context.Context, user int64) (string, error) {
	keys, err := b.DB.SortKeys(ctx, user)
	return sortKeyAfter(keys), err
}

// errTopicTaken says that a topic belongs to another application.
var errTopicTaken = errors.New("the topic is taken")

// taken says what of an application was in conflict with another one.
func (b *Broker) taken(ctx context.Context, id int64, topic string, conflict error) error {
	other, err := b.DB.ApplicationByTopic(ctx, topic)
	if err == nil && other.ID != id {
		return model.Errorf(model.Invalid, "the topic %q is taken", topic).Because(errTopicTaken)
	}
	return model.Errorf(model.Invalid, "sort key is not unique").Because(conflict)
}

// UpdateApplication edits an application of the user and returns it as it is
// afterwards. Who listens to a topic that it had or gets is asked again for the
// right to.
func (b *Broker) UpdateApplication(ctx context.Context, owner *model.User, id int64, e ApplicationEdit) (*model.Application, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	before, err := b.DB.ApplicationByID(ctx, owner.ID, id)
	if err != nil {
		return nil, err
	}
	change := database.ApplicationChange{Name: &e.Name, Description: &e.Description, DefaultPriority: &e.DefaultPriority}
	if e.SortKey != "" {
		change.SortKey = &e.SortKey
	}
	moves := e.Topic != "" && e.Topic != before.Topic
	if moves {
		if err := b.checkTopic(owner, e.Topic); err != nil {
			return nil, err
		}
		change.Topic = &e.Topic
	}
	if err := b.DB.UpdateApplication(ctx, owner.ID, id, change); err != nil {
		if model.KindOf(err) == model.Conflict {
			return nil, b.taken(ctx, id, cmp.Or(e.Topic, before.Topic), err)
		}
		return nil, b.Auth.Doubt(err)
	}
	if moves {
		b.Auth.RulesMoved(ctx, before.Topic, e.Topic)
		defer b.Auth.EndTopics(before.Topic, e.Topic)
	}
	return b.changed(ctx, owner.ID, id)
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
	// The rules for its topic go with it, so who may hear of that is asked before.
	readers := b.Auth.Readers(a.Topic, a.UserID)
	if err := b.DB.DeleteApplication(ctx, user, id); err != nil {
		return b.Auth.Doubt(err)
	}
	b.Auth.ForgetApplication(ctx, id)
	b.Hub.Publish(&model.Event{Kind: model.ApplicationDeleted, UserID: a.UserID, ApplicationID: a.ID, Readers: readers})
	b.Auth.EndTopics(a.Topic)
	b.Auth.RulesMoved(ctx, a.Topic)
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
	a, err := b.DB.ApplicationByID(ctx, user, id)
	if err != nil {
		return nil, err
	}
	b.tellApplication(model.ApplicationUpdated, a)
	return a, nil
}

func (b *Broker) tellApplication(kind model.EventKind, a *model.Application) {
	b.tell(&model.Event{Kind: kind}, a)
}
