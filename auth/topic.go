package auth

import (
	"context"
	"slices"

	"github.com/carillon-push/carillon/model"
)

// ApplicationByTopic returns the application with the topic, from memory when it
// was asked for lately. It fails with NotFound.
func (a *Auth) ApplicationByTopic(ctx context.Context, topic string) (*model.Application, error) {
	return a.topics.get(topic, func() (*model.Application, error) { return a.DB.ApplicationByTopic(ctx, topic) })
}

// StillReads fails when the identity, nil for a stranger, was revoked or may not
// read one of the topics any more. From then on a stream of them ends when
// another process takes that right away. A stream asks when it has subscribed, as
// with Still.
func (a *Auth) StillReads(ctx context.Context, who *model.Identity, topics []string) error {
	if who != nil {
		var err error
		if who, err = a.fresh(ctx, who); err != nil {
			return err
		}
	}
	for _, topic := range topics {
		// Until it is known whose it is, any change is one.
		a.owners.ContainsOrAdd(topic, -1)
	}
	applications, err := a.DB.ApplicationsByTopic(ctx, topics)
	if err != nil {
		return err
	}
	there := make(map[string]*model.Application, len(applications))
	for _, application := range applications {
		there[application.Topic] = application
	}
	for _, topic := range topics {
		if !a.May(who, topic, there[topic]).Read {
			return Forbidden()
		}
		a.owners.Add(topic, ownerOf(there[topic]))
	}
	return nil
}

func ownerOf(application *model.Application) int64 {
	if application == nil {
		return 0
	}
	return application.UserID
}

// Forbidden returns the error for who may not do what they ask for.
func Forbidden() error {
	return model.Errorf(model.Forbidden, "you are not allowed to access this topic")
}

// EndTopics ends the streams of topics that have, or may have, another owner.
func (a *Auth) EndTopics(topics ...string) {
	if a.EndWhere == nil {
		return
	}
	a.EndWhere(func(f model.Feed) bool {
		return slices.ContainsFunc(f.Topics, func(topic string) bool { return slices.Contains(topics, topic) })
	})
}

// endMovedTopics ends the streams of topics whose owner was changed by another
// process.
func (a *Auth) endMovedTopics(ctx context.Context) error {
	topics := a.owners.Keys()
	for chunk := range slices.Chunk(topics, 500) {
		applications, err := a.DB.ApplicationsByTopic(ctx, chunk)
		if err != nil {
			return err
		}
		owners := make(map[string]int64, len(applications))
		for _, application := range applications {
			owners[application.Topic] = application.UserID
		}
		var moved []string
		for _, topic := range chunk {
			// One that nobody owned is open to its listeners by a rule, whoever takes it.
			if before, known := a.owners.Peek(topic); known && before != 0 && before != owners[topic] {
				a.owners.Remove(topic)
				moved = append(moved, topic)
			}
		}
		if len(moved) > 0 {
			a.EndTopics(moved...)
		}
	}
	return nil
}
