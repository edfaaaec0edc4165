package broker

import (
	"context"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// Publish stores the draft as a message and announces it. It returns when the
// message has committed.
//
// An application token posts as its application; a person posts to an
// application that the draft names, of their own or one that an access rule lets
// them write to. A client token never posts:
// Forbidden. What cannot be stored is Invalid or TooLarge.
func (b *Broker) Publish(ctx context.Context, who *model.Identity, d model.Draft) (*model.Message, error) {
	application, err := b.sender(ctx, who, d.ApplicationID)
	if err != nil {
		return nil, err
	}
	if err := b.checkDraft(d); err != nil {
		return nil, err
	}
	m := b.message(application, d)
	if err := b.store(ctx, m); err != nil {
		return nil, b.vanished(ctx, who, application.ID, err)
	}
	return m, nil
}

// message makes a message of the draft, without a key.
func (b *Broker) message(application *model.Application, d model.Draft) *model.Message {
	m := &model.Message{
		ApplicationID: application.ID, UserID: application.UserID, Topic: application.Topic,
		Title: d.Title, Message: d.Message, Extras: d.Extras, Details: d.Details, Date: b.Now(), Transient: d.Transient,
	}
	switch {
	case strings.TrimSpace(d.Title) == "":
		m.Title, m.TitleDefaulted = application.Name, true
	case d.Details == nil && d.Title == application.Name:
		m.TitleDefaulted = true // Gotify's clients fill it in themselves
	}
	if d.Priority == nil {
		m.Priority, m.PriorityDefaulted = application.DefaultPriority, true
	} else {
		m.Priority = *d.Priority
	}
	if d.Upload != nil {
		file := *d.Upload
		file.ApplicationID = application.ID
		m.File = &file
	}
	return m
}

// store gives the message another key when a different node chose the same one
// in the same millisecond.
func (b *Broker) store(ctx context.Context, m *model.Message) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		b.name(m)
		err := b.DB.CreateMessage(ctx, m)
		if model.KindOf(err) != model.Conflict || attempt == attempts {
			return err
		}
	}
}

// name gives the message a key.
func (b *Broker) name(m *model.Message) {
	m.Key = b.keys.Next(m.Date)
	if m.File != nil && !m.Transient {
		m.File.MessageKey = m.Key
	}
}

// sender returns the application that the identity posts as.
func (b *Broker) sender(ctx context.Context, who *model.Identity, id int64) (*model.Application, error) {
	if who.Credential == model.ApplicationToken {
		return who.Application, nil
	}
	if who.Credential == model.ClientToken && !who.Client.Session {
		return nil, model.Errorf(model.Forbidden, "a client token cannot post messages; use an application token, or user credentials with appid")
	}
	if id == 0 {
		return nil, model.Errorf(model.Invalid, "appid is required when not authenticating with an application token")
	}
	application, err := b.DB.Application(ctx, id)
	if model.KindOf(err) == model.NotFound || err == nil && !b.Auth.MayPost(who, application) {
		return nil, noApplication()
	}
	return application, err
}

func noApplication() *model.Error { return model.Errorf(model.Invalid, "appid not found") }

// vanished handles an application that was deleted while its message waited.
func (b *Broker) vanished(ctx context.Context, who *model.Identity, application int64, err error) error {
	if model.KindOf(err) != model.NotFound {
		return err
	}
	if who.Credential != model.ApplicationToken {
		return noApplication().Because(err)
	}
	b.Auth.ForgetApplication(ctx, application)
	return model.Errorf(model.Unauthenticated, "the application was deleted").Because(err)
}

func (b *Broker) checkDraft(d model.Draft) error {
	if d.Message == "" {
		return model.Errorf(model.Invalid, "Field 'message' is required")
	}
	if b.Limits.Message > 0 && len(d.Message) > b.Limits.Message {
		return model.Errorf(model.TooLarge, "Field 'message' must not be longer than %d bytes", b.Limits.Message)
	}
	if err := model.CheckText("message", d.Message); err != nil {
		return err
	}
	if err := model.CheckText("title", d.Title); err != nil {
		return err
	}
	return b.Limits.checkExtras(d.Extras)
}
