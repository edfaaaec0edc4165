package auth

import (
	"context"
	"time"

	"github.com/carillon-push/carillon/model"
)

// followEvery is how often the database is asked whether another process, a
// node or a command, changed users, clients or applications.
const followEvery = time.Second

// revise tells other processes on this database that identities changed. The
// change itself has committed, so it does not fail because of this.
func (a *Auth) revise(ctx context.Context) {
	revision, err := a.DB.Revise(context.WithoutCancel(ctx))
	if err != nil {
		a.owed.Store(true)
		a.Log.Warn("other nodes will be told of a change later", "error", err)
		return
	}
	// When nobody else changed anything meanwhile, there is nothing to follow.
	a.revision.CompareAndSwap(revision-1, revision)
}

// Doubt returns err, the error of a change of a user, client or application.
// When it leaves open whether the change has happened, because the connection
// broke or the caller hung up during the commit, all processes look again
// within followEvery.
func (a *Auth) Doubt(err error) error {
	if kind := model.KindOf(err); err != nil && (kind == model.Unavailable || kind == model.Internal) {
		a.owed.Store(true)
	}
	return err
}

// follow forgets all cached identities when another process changed some, and
// ends the streams that lost what they rest on.
func (a *Auth) follow(ctx context.Context) error {
	if a.owed.Swap(false) {
		// It is not noted as our own, so that it is followed here, too.
		if _, err := a.DB.Revise(ctx); err != nil {
			a.owed.Store(true)
			return err
		}
	}
	revision, err := a.DB.Revision(ctx)
	if err != nil || a.revision.Swap(revision) == revision {
		return err
	}
	a.tokens.forget(func(*holder) bool { return true })
	a.users.forget(func(*model.User) bool { return true })
	a.topics.forget(func(*model.Application) bool { return true })
	if err := a.endStreams(ctx); err != nil {
		a.revision.Store(revision - 1)
		return err
	}
	return nil
}

// endStreams ends the streams whose reason to be is gone.
func (a *Auth) endStreams(ctx context.Context) error {
	for _, end := range []func(context.Context) error{a.endClients, a.endUsers, a.endGoneTokens, a.LoadRules, a.endMovedTopics} {
		if err := end(ctx); err != nil {
			return err
		}
	}
	return nil
}

// endClients ends the streams of clients that are gone.
func (a *Auth) endClients(ctx context.Context) error {
	streaming := a.Streaming()
	existing, err := a.DB.ExistingClients(ctx, streaming)
	if err != nil {
		return err
	}
	there := setOf(existing)
	for _, client := range streaming {
		if !there[client] {
			a.Revoked(0, client)
		}
	}
	return nil
}

// endUsers ends the streams of users who are gone, have another password or are
// not what they were.
func (a *Auth) endUsers(ctx context.Context) error {
	watched := a.watched.Keys()
	if len(watched) == 0 {
		return nil
	}
	users, err := a.DB.UsersByID(ctx, watched)
	if err != nil {
		return err
	}
	standings := make(map[int64]standing, len(users))
	for _, u := range users {
		standings[u.ID] = standingOf(u)
	}
	for _, id := range watched {
		before, known := a.watched.Peek(id)
		if now, exists := standings[id]; known && (!exists || now != before) {
			a.watched.Remove(id)
			a.Revoked(id, 0)
		}
	}
	return nil
}

// endGoneTokens ends the streams of access tokens that are gone or have other
// limits.
func (a *Auth) endGoneTokens(ctx context.Context) error {
	watched := a.accessTokens.Keys()
	existing, err := a.DB.AccessTokensByID(ctx, watched)
	if err != nil {
		return err
	}
	gone := setOf(watched)
	for _, t := range existing {
		if before, known := a.accessTokens.Peek(t.ID); known && before == limitsOf(t) {
			delete(gone, t.ID)
		}
	}
	if len(gone) > 0 {
		for id := range gone {
			a.accessTokens.Remove(id)
		}
		a.endTokens(gone)
	}
	return nil
}
