package auth

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carillon-push/carillon/model"
)

// rules are the access rules of one moment, in memory: they are asked for every
// message.
type rules struct {
	// all are ordered by how much they count: users' rules before everyone's,
	// long patterns before short ones, those that let write before the others.
	all []*model.AccessRule
	// users are all users, loaded when a rule is about everyone.
	users []int64
	// readers keeps the answers of Readers, by topic and owner; kept counts the ids in
	// them.
	readers sync.Map
	kept    atomic.Int64
}

// owned is a topic and whose application it names.
type owned struct {
	topic string
	owner int64
}

// LoadRules reads the access rules. It is called once before the first request,
// and after each change.
func (a *Auth) LoadRules(ctx context.Context) error {
	a.loading.Lock()
	defer a.loading.Unlock()
	all, err := a.DB.AccessRules(ctx)
	if err != nil {
		return err
	}
	r := &rules{all: all}
	slices.SortStableFunc(r.all, func(x, y *model.AccessRule) int {
		return cmp.Or(
			compareBool(x.UserID != nil, y.UserID != nil),
			cmp.Compare(len(y.Pattern), len(x.Pattern)),
			compareBool(x.CanWrite, y.CanWrite))
	})
	if slices.ContainsFunc(all, func(r *model.AccessRule) bool { return r.UserID == nil && r.CanRead }) {
		users, err := a.DB.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			r.users = append(r.users, u.ID)
		}
	}
	before := a.rules.Swap(r)
	a.endDenied(before, r)
	return nil
}

// compareBool puts what is true first.
func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	default:
		return 1
	}
}

// endDenied ends the streams of topics that a change of the rules closes to those
// who listen.
func (a *Auth) endDenied(before, after *rules) {
	if before == nil || a.EndWhere == nil || slices.EqualFunc(before.all, after.all, sameReading) {
		return
	}
	a.EndWhere(func(f model.Feed) bool {
		return slices.ContainsFunc(f.Topics, func(topic string) bool {
			return a.reads(before, f.UserID, topic) && !a.reads(after, f.UserID, topic)
		})
	})
}

// sameReading reports whether two rules let the same user read the same.
func sameReading(x, y *model.AccessRule) bool {
	return x.Pattern == y.Pattern && x.CanRead == y.CanRead &&
		(x.UserID == nil) == (y.UserID == nil) && (x.UserID == nil || *x.UserID == *y.UserID)
}

// reads reports whether a user, 0 for a stranger, who listens to the topic may do
// so by the rules. Owners and admins need none; one who was forgotten has to come
// back, which harms nobody.
func (a *Auth) reads(r *rules, user int64, topic string) bool {
	if user != 0 {
		if known, ok := a.watched.Peek(user); ok && known.admin {
			return true
		}
		if owner, ok := a.owners.Peek(topic); ok && owner == user {
			return true
		}
	}
	if p, found := r.find(user, topic); found {
		return p.Read
	}
	return a.Default.Read
}

// find returns what the first rule that is about the user and the topic allows.
// User 0 is a stranger.
func (r *rules) find(user int64, topic string) (p model.Permission, found bool) {
	if r == nil {
		return p, false
	}
	for _, rule := range r.all {
		if (rule.UserID == nil || *rule.UserID == user) && rule.Matches(topic) {
			return rule.Permission(), true
		}
	}
	return p, false
}

// May returns what the identity, nil for a stranger, may do with a topic; a is
// its application, nil when there is none yet.
//
// An application token may write to its own application, and nothing else. A
// person may do everything with their own applications and, as an admin, with
// all. For others the access rule that counts most decides: a user's own before
// everyone's, the longer pattern before the shorter one, one that lets write
// before one that does not; and where there is none, what the server allows to
// everybody. A client token never writes, an access token has limits of its own.
// Anybody may write to a topic of UnifiedPush.
func (a *Auth) May(who *model.Identity, topic string, application *model.Application) model.Permission {
	if who != nil && who.Credential == model.ApplicationToken {
		return model.Permission{Write: application != nil && application.ID == who.Application.ID}
	}
	p := a.mayUser(who, topic, application)
	if application != nil && model.IsPushTopic(topic) {
		p.Write = true
	}
	switch {
	case who == nil:
	case who.Credential == model.ClientToken && !who.Client.Session:
		p.Write = false
	case who.Credential == model.PersonalToken:
		p = p.And(who.AccessToken.Limit(topic))
	}
	return p
}

func (a *Auth) mayUser(who *model.Identity, topic string, application *model.Application) model.Permission {
	var user int64
	if who != nil {
		user = who.User.ID
		if who.User.Admin || application != nil && application.UserID == user {
			return model.Permission{Read: true, Write: true}
		}
	}
	if p, found := a.rules.Load().find(user, topic); found {
		return p
	}
	return a.Default
}

// MayAsOwner returns what the identity could do with a topic that nobody owns yet
// if it made it its own: everything, unless an access rule is about the two of them
// or gives the topic to others (ruled), or the credential has limits. A stranger
// owns nothing and has what May says.
func (a *Auth) MayAsOwner(who *model.Identity, topic string) (p model.Permission, ruled bool) {
	if who == nil {
		return a.May(nil, topic, nil), false
	}
	r := a.rules.Load()
	if _, ruled = r.find(who.User.ID, topic); ruled || r.meant(topic) {
		return a.May(who, topic, nil), true
	}
	return a.May(who, topic, &model.Application{UserID: who.User.ID}), false
}

// MayTake reports whether the user may give an application of theirs the topic: an
// admin any, others one that no rule keeps from them.
func (a *Auth) MayTake(user *model.User, topic string) bool {
	if user.Admin {
		return true
	}
	r := a.rules.Load()
	if p, found := r.find(user.ID, topic); found {
		return p.Write
	}
	return !r.meant(topic)
}

// meant reports whether a rule lets somebody write to the topic alone: who made it
// meant that topic, and what they say there, for nobody else to take.
func (r *rules) meant(topic string) bool {
	return r != nil && slices.ContainsFunc(r.all, func(rule *model.AccessRule) bool { return rule.Pattern == topic && rule.CanWrite })
}

// Readers returns the users beside the owner who may read the application by an
// access rule: it stands in their lists, their history and their streams. What
// the server allows to everybody, and what admins may, does not count.
func (a *Auth) Readers(topic string, owner int64) []int64 {
	r := a.rules.Load()
	if r == nil || len(r.all) == 0 || topic == "" || model.IsPushTopic(topic) {
		return nil
	}
	key := owned{topic, owner}
	if known, ok := r.readers.Load(key); ok {
		return known.([]int64)
	}
	readers := r.readersOf(topic, owner)
	if r.kept.Add(int64(len(readers)+1)) <= maxKept {
		r.readers.Store(key, readers)
	}
	return readers
}

// maxKept bounds how many ids the answers hold that are kept: 8 MB.
const maxKept = 1 << 20

func (r *rules) readersOf(topic string, owner int64) (readers []int64) {
	candidates := slices.Clone(r.users)
	for _, rule := range r.all {
		if rule.UserID != nil && rule.CanRead {
			candidates = append(candidates, *rule.UserID)
		}
	}
	slices.Sort(candidates)
	for _, user := range slices.Compact(candidates) {
		if p, found := r.find(user, topic); found && p.Read && user != owner {
			readers = append(readers, user)
		}
	}
	return readers
}

// SharedWith reports whether the user may read the application by an access rule.
func (a *Auth) SharedWith(user int64, application *model.Application) bool {
	_, shared := slices.BinarySearch(a.Readers(application.Topic, application.UserID), user)
	return shared
}

// MayPost reports whether a person may post to the application as its owner or by
// an access rule. What admins may do without one, and what the server allows to
// everybody, does not count.
func (a *Auth) MayPost(who *model.Identity, application *model.Application) bool {
	if application.UserID == who.User.ID {
		return true
	}
	p, found := a.rules.Load().find(who.User.ID, application.Topic)
	return found && p.Write
}

// ReadsOthers reports whether there is a rule by which the user might read what
// belongs to others.
func (a *Auth) ReadsOthers(user int64) bool {
	r := a.rules.Load()
	return r != nil && slices.ContainsFunc(r.all, func(rule *model.AccessRule) bool {
		return rule.CanRead && (rule.UserID == nil || *rule.UserID == user)
	})
}

// PutAccessRule stores a rule in the place of the one of the same user and
// pattern. It ends the streams that lose their right by it. It fails with Invalid
// for a pattern that cannot be one and with NotFound when the user is gone.
func (a *Auth) PutAccessRule(ctx context.Context, rule model.AccessRule) error {
	return a.putRule(ctx, rule, 0)
}

// PutApplicationRule is PutAccessRule for the topic of an application, as long as it
// is: NotFound when it is gone or has another one by now.
func (a *Auth) PutApplicationRule(ctx context.Context, rule model.AccessRule, application int64) error {
	return a.putRule(ctx, rule, application)
}

func (a *Auth) putRule(ctx context.Context, rule model.AccessRule, application int64) error {
	if err := model.CheckPattern(rule.Pattern); err != nil {
		return err
	}
	if err := a.DB.PutAccessRule(ctx, &rule, application); err != nil {
		return a.Doubt(err)
	}
	a.rulesChanged(ctx)
	return nil
}

// DeleteAccessRules deletes the rules of a user, or of everyone for nil, with the
// pattern; "" stands for all patterns. It fails with NotFound when there is none.
func (a *Auth) DeleteAccessRules(ctx context.Context, user *int64, pattern string) error {
	if err := a.DB.DeleteAccessRules(ctx, user, pattern); err != nil {
		return a.Doubt(err)
	}
	a.rulesChanged(ctx)
	return nil
}

// RulesMoved brings the rules up to date after an application got one of the topics
// for the other, or was deleted: rules for its topic alone went with it.
func (a *Auth) RulesMoved(ctx context.Context, topics ...string) {
	r := a.rules.Load()
	if r != nil && slices.ContainsFunc(r.all, func(rule *model.AccessRule) bool { return slices.Contains(topics, rule.Pattern) }) {
		a.rulesChanged(ctx)
	}
}

// rulesChanged follows a change that has committed, even if its caller has gone. When
// the new rules cannot be read now, they are read later, as by any other process.
func (a *Auth) rulesChanged(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	a.revise(ctx)
	if err := a.LoadRules(ctx); err != nil {
		a.owed.Store(true)
		a.Log.Warn("the access rules will be read later", "error", err)
	}
}
