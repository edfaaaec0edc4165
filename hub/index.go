package hub

import (
	"iter"
	"slices"
)

// index finds subscriptions by an id. A list is only ever appended to or
// replaced, never changed in place: who took a list under the lock may walk it
// without. A key without subscriptions has no entry.
type index map[int64][]*Subscription

func (x index) add(key int64, s *Subscription) { x[key] = append(x[key], s) }

// sweep takes subscriptions that are marked as removed out of the lists in
// which they stand. It costs one pass over each list concerned, however many
// leave it at once.
func (x index) sweep(gone []*Subscription, keyOf func(*Subscription) int64) {
	keys := make([]int64, len(gone))
	for i, s := range gone {
		keys[i] = keyOf(s)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		var left []*Subscription
		for _, s := range x[key] {
			if !s.removed {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			delete(x, key)
		} else {
			x[key] = left
		}
	}
}

// subscriptions yields every subscription in the index.
func (x index) subscriptions() iter.Seq[*Subscription] {
	return func(yield func(*Subscription) bool) {
		for _, list := range x {
			for _, s := range list {
				if !yield(s) {
					return
				}
			}
		}
	}
}
