package auth

import (
	"context"
	"slices"
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
		a.Log.Warn("other nodes were not told of a change", "error", err)
		return
	}
	// When nobody else changed anything meanwhile, there is nothing to follow.
	a.revision.CompareAndSwap(revision-1, revision)
}

// follow forgets all cached identities when another process changed some, and
// ends the streams of clients that are gone.
func (a *Auth) follow(ctx context.Context) error {
	revision, err := a.DB.Revision(ctx)
	if err != nil || a.revision.Swap(revision) == revision {
		return err
	}
	a.tokens.forget(func(*holder) bool { return true })
	a.users.forget(func(*model.User) bool { return true })
	streaming := a.Streaming()
	there, err := a.DB.ExistingClients(ctx, streaming)
	if err != nil {
		a.revision.Store(revision - 1)
		return err
	}
	for _, client := range streaming {
		if !slices.Contains(there, client) {
			a.Revoked(0, client)
		}
	}
	return nil
}
