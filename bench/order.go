package main

import (
	"fmt"
	"time"
)

// posted is a message as its poster knows it.
type posted struct {
	sent   time.Duration
	poster int
}

// order is the sequence in which streams get messages: the same for all, each
// message once, and those of one poster in the order in which they were sent.
// Who was heard first sets it, because many posters have no other order.
type order struct {
	all  []posted
	last map[int]time.Duration // of a poster
}

// check takes the message that a stream got after at others. A nil order accepts
// everything.
func (o *order) check(at int, p posted) error {
	switch {
	case o == nil:
		return nil
	case at < len(o.all):
		if o.all[at] != p {
			return fmt.Errorf("a stream got poster %d's message of %s where another got poster %d's of %s",
				p.poster, p.sent, o.all[at].poster, o.all[at].sent)
		}
		return nil
	}
	if last, ok := o.last[p.poster]; ok && p.sent <= last {
		return fmt.Errorf("a stream got poster %d's message of %s after that of %s", p.poster, p.sent, last)
	}
	if o.last == nil {
		o.last = map[int]time.Duration{}
	}
	o.last[p.poster] = p.sent
	o.all = append(o.all, p)
	return nil
}
