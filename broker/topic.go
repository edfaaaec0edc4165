package broker

import (
	"context"
	"errors"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// Refusals that a face may want to tell apart.
var (
	// ErrTopics: the server has as many topics as it may.
	ErrTopics = errors.New("the number of topics is limited")
	// ErrNoTopic: the topic does not exist and is not created.
	ErrNoTopic = errors.New("topics are not created")
)

// topicPriority is the default priority of an application that came into being
// through its topic, where a message without a priority has the middle one.
const topicPriority = 5

// topic is a topic that somebody wants to use and may.
type topic struct {
	name string
	// application is nil while there is none.
	application *model.Application
	// create says that it is to be created, for who uses it if own.
	create, own bool
}

func mayRead(p model.Permission) bool  { return p.Read }
func mayWrite(p model.Permission) bool { return p.Write }

// topic finds out whether the identity, nil for a stranger, may do with a topic
// what allowed asks for. It creates nothing. It fails with Forbidden.
func (b *Broker) topic(ctx context.Context, who *model.Identity, name string, allowed func(model.Permission) bool) (topic, error) {
	t := topic{name: name}
	if !model.IsTopic(name) {
		return t, model.Errorf(model.Invalid, "%.80q is no topic", name)
	}
	if who != nil && who.Credential == model.ApplicationToken {
		t.application = who.Application
		if who.Application.Topic != name || !allowed(b.Auth.May(who, name, who.Application)) {
			return t, model.Errorf(model.Forbidden, "an application token can only post to the topic of its application")
		}
		return t, nil
	}
	var err error
	t.application, err = b.Auth.ApplicationByTopic(ctx, name)
	if err == nil {
		if !allowed(b.Auth.May(who, name, t.application)) {
			return t, b.forbidden(who, allowed)
		}
		return t, nil
	}
	if t.application = nil; model.KindOf(err) != model.NotFound {
		return t, err
	}
	p, ruled := b.Auth.MayAsOwner(who, name)
	if !allowed(p) {
		return t, b.forbidden(who, allowed)
	}
	t.create = b.AutoCreate == AutoCreateEveryone || b.AutoCreate != AutoCreateOff && who != nil
	// Who may only write by a rule does not get to read by being the first.
	t.own = who != nil && (!ruled || p.Read)
	// Who reads by a rule need not own what others may create.
	if ruled && allowed(model.Permission{Read: true}) {
		t.create = false
		return t, nil
	}
	if !t.create && !allowed(b.Auth.May(who, name, nil)) {
		return t, b.noTopic(name)
	}
	return t, nil
}

func (b *Broker) forbidden(who *model.Identity, allowed func(model.Permission) bool) error {
	if who != nil && who.Credential == model.ClientToken && allowed(model.Permission{Write: true}) {
		return model.Errorf(model.Forbidden, "a client token cannot post messages; use an application token, an access token or user credentials")
	}
	return auth.Forbidden()
}

func (b *Broker) noTopic(name string) error {
	return model.Errorf(model.NotFound, "the topic %q does not exist", name).Because(ErrNoTopic)
}

// ready returns the application of a topic to write to, created when it has to be.
func (b *Broker) ready(ctx context.Context, who *model.Identity, t topic) (*model.Application, error) {
	if t.application != nil {
		return t.application, nil
	}
	if !t.create {
		if who == nil && b.AutoCreate != AutoCreateOff {
			return nil, auth.Forbidden()
		}
		return nil, b.noTopic(t.name)
	}
	return b.createTopic(ctx, who, t)
}

// createTopic creates the application of a topic. When somebody else was faster,
// it returns theirs: the caller asks again whether it may be used.
func (b *Broker) createTopic(ctx context.Context, who *model.Identity, t topic) (*model.Application, error) {
	name := t.name
	if b.Reserved != nil && b.Reserved(name) {
		return nil, model.Errorf(model.Invalid, "the topic %q is reserved", name)
	}
	if limit := b.Limits.Topics; limit > 0 {
		n, err := b.DB.CountApplications(ctx)
		if err != nil {
			return nil, err
		}
		if n >= limit {
			return nil, model.Errorf(model.TooMany, "the server has %d topics, which is the limit", n).Because(ErrTopics)
		}
	}
	owner, err := b.ownerOf(ctx, who, t.own)
	if err != nil {
		return nil, err
	}
	if limit := b.Limits.TopicsOfUser; limit > 0 && t.own {
		n, err := b.DB.CountApplicationsOf(ctx, owner)
		if err != nil {
			return nil, err
		}
		if n >= limit {
			return nil, model.Errorf(model.TooMany, "you have %d topics, which is the limit", n).Because(ErrTopics)
		}
	}
	a := &model.Application{UserID: owner, Name: name, Topic: name, DefaultPriority: topicPriority, CreatedAt: b.Now()}
	a.TokenHash, a.TokenSealed = b.newToken()
	err = b.insertSorted(ctx, a)
	if errors.Is(err, errTopicTaken) {
		return b.DB.ApplicationByTopic(ctx, name)
	}
	if err != nil {
		return nil, auth.Vanished(err)
	}
	if !model.IsPushTopic(name) {
		b.tellApplication(model.ApplicationCreated, a)
	}
	return a, nil
}

// ownerOf returns who owns what the identity creates: itself if own, else the oldest
// admin.
func (b *Broker) ownerOf(ctx context.Context, who *model.Identity, own bool) (int64, error) {
	if own {
		return who.User.ID, nil
	}
	users, err := b.DB.Users(ctx)
	for _, u := range users {
		if u.Admin {
			return u.ID, nil
		}
	}
	if err == nil {
		err = auth.Forbidden() // between a check and here, nobody was left
	}
	return 0, err
}

// MayPublish fails as PublishTopic would for who may not, and creates nothing.
func (b *Broker) MayPublish(ctx context.Context, who *model.Identity, name string) error {
	t, err := b.topic(ctx, who, name, mayWrite)
	if err == nil && t.application == nil && !t.create {
		_, err = b.ready(ctx, who, t)
	}
	return err
}

// PublishTopic stores the draft as a message of the topic's application, which is
// created when it does not exist and may be, and announces it; or schedules it for
// d.Deliver: then its Date is that time, and it has no id. It returns when the
// message has committed.
//
// It fails with Forbidden for who may not write to the topic, with NotFound
// (ErrNoTopic) for one that is not created, with TooMany (ErrTopics) when there
// are too many, and with Invalid or TooLarge for what cannot be stored.
func (b *Broker) PublishTopic(ctx context.Context, who *model.Identity, name string, d model.Draft) (*model.Message, error) {
	if err := b.checkDraft(d); err != nil {
		return nil, err
	}
	if d.Upload != nil {
		// Its file must not go while it is open whether its row will be there.
		ctx = context.WithoutCancel(ctx)
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		application, err := b.writable(ctx, who, name)
		if err != nil {
			return nil, err
		}
		m := b.message(application, d)
		if d.Deliver.IsZero() {
			err = b.store(ctx, m)
		} else {
			err = b.schedule(ctx, m, d.Deliver)
		}
		if err == nil {
			return m, nil
		}
		// The application was deleted while its message waited.
		if model.KindOf(err) != model.NotFound || attempt == attempts {
			return nil, err
		}
		b.Auth.ForgetApplication(ctx, application.ID)
		if who != nil && who.Credential == model.ApplicationToken {
			return nil, model.Errorf(model.Unauthenticated, "the application was deleted").Because(err)
		}
	}
}

// writable returns the application of the topic for who may write to it.
func (b *Broker) writable(ctx context.Context, who *model.Identity, name string) (*model.Application, error) {
	t, err := b.topic(ctx, who, name, mayWrite)
	if err != nil {
		return nil, err
	}
	application, err := b.ready(ctx, who, t)
	if err == nil && t.create && !b.Auth.May(who, name, application).Write {
		return nil, b.forbidden(who, mayWrite) // somebody else was faster
	}
	return application, err
}

// DeleteSequence deletes the messages of the topic that the sequence or key names,
// cancels the scheduled ones, and tells of it. Nothing has to be there.
func (b *Broker) DeleteSequence(ctx context.Context, who *model.Identity, name, sequence string) (*model.Notice, error) {
	n := &model.Notice{Kind: model.MessageDeleted, Sequence: sequence}
	application, err := b.noticeable(ctx, who, name, n)
	if application == nil {
		return n, err
	}
	for {
		older, err := b.DB.DeleteVersions(ctx, application.ID, sequence)
		if err != nil {
			return nil, err
		}
		if len(older) == 0 {
			break
		}
		b.tellDeleted(application, older)
	}
	deleted, err := b.notice(ctx, n, application)
	if err != nil {
		return nil, err
	}
	// The notice speaks of the oldest; to Gotify's people every version is a message.
	b.tellDeleted(application, deleted[min(1, len(deleted)):])
	return n, nil
}

func (b *Broker) tellDeleted(application *model.Application, ids []int64) {
	for _, id := range ids {
		b.tell(&model.Event{Kind: model.MessageDeleted, MessageID: id}, application)
	}
}

// ClearSequence tells that the messages of the topic that the sequence or key
// names were read.
func (b *Broker) ClearSequence(ctx context.Context, who *model.Identity, name, sequence string) (*model.Notice, error) {
	n := &model.Notice{Kind: model.MessageCleared, Sequence: sequence}
	application, err := b.noticeable(ctx, who, name, n)
	if application == nil {
		return n, err
	}
	_, err = b.notice(ctx, n, application)
	return n, err
}

// noticeable returns the application that a notice is about, for who may write to
// its topic. There is none when the topic would have to be created: then nobody
// knows of any message, and the notice is all there is to answer with.
func (b *Broker) noticeable(ctx context.Context, who *model.Identity, name string, n *model.Notice) (*model.Application, error) {
	if who != nil && who.Credential == model.ApplicationToken {
		return nil, model.Errorf(model.Forbidden, "an application token can only post; use an access token or user credentials")
	}
	t, err := b.topic(ctx, who, name, mayWrite)
	if err != nil {
		return nil, err
	}
	if t.application == nil && !t.create {
		_, err = b.ready(ctx, who, t)
		return nil, err
	}
	if t.application == nil {
		n.Date = b.Now()
		n.Key, n.Topic = b.keys.Next(n.Date), name
	}
	return t.application, nil
}
