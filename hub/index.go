package hub

import (
	"cmp"
	"slices"
)

// index finds subscriptions by a key. A list is only ever appended to or
// replaced, never changed in place: who took a list under the lock may walk it
// without. A key without subscriptions has no entry.
type index[K cmp.Ordered] struct {
	lists map[K][]*Subscription
	// keys returns under which keys a subscription stands, each once.
	keys func(*Subscription) []K
}

func newIndex[K cmp.Ordered](keys func(*Subscription) []K) index[K] {
	return index[K]{lists: map[K][]*Subscription{}, keys: keys}
}

func (x index[K]) add(s *Subscription) {
	for _, key := range x.keys(s) {
		x.lists[key] = append(x.lists[key], s)
	}
}

// sweep takes subscriptions that are marked as removed out of the lists in
// which they stand. It costs one pass over each list concerned, however many
// leave it at once.
func (x index[K]) sweep(gone []*Subscription) {
	var keys []K
	for _, s := range gone {
		keys = append(keys, x.keys(s)...)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		var left []*Subscription
		for _, s := range x.lists[key] {
			if !s.removed {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			delete(x.lists, key)
		} else {
			x.lists[key] = left
		}
	}
}

// users, topics, topicUsers and clients are where the hub finds it.

func (s *Subscription) users() []int64 {
	if len(s.feed.Topics) > 0 {
		return nil
	}
	return []int64{s.feed.UserID}
}

func (s *Subscription) topics() []string { return s.feed.Topics }

func (s *Subscription) topicUsers() []int64 {
	if len(s.feed.Topics) == 0 || s.feed.UserID == 0 {
		return nil
	}
	return []int64{s.feed.UserID}
}

func (s *Subscription) clients() []int64 {
	if s.feed.ClientID == 0 {
		return nil
	}
	return []int64{s.feed.ClientID}
}
