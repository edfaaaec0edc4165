package broker

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/carillon-push/carillon/model"
)

// attachments knows the uploads that have no row in the database yet, so that many
// at the same time do not take more room than one after the other. The zero value
// is ready.
type attachments struct {
	mu      sync.Mutex
	uploads map[string]*upload
	// settled counts the uploads that were found to have a row.
	settled int
}

// upload is a file on its way: its content arrives, or its row is about to be
// stored.
type upload struct {
	token, visitor string
	// reserved is the room it holds, in bytes. attachments.mu guards its changes,
	// and only the upload itself makes them.
	reserved int64
	// arrived is when its content was there, zero before.
	arrived time.Time
}

func (a *attachments) begin(token, visitor string) *upload {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.uploads == nil {
		a.uploads = map[string]*upload{}
	}
	u := &upload{token: token, visitor: visitor}
	a.uploads[token] = u
	return u
}

// arrived gives back what was reserved and not used.
func (a *attachments) arrived(u *upload, size int64, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u.reserved, u.arrived = size, now
}

func (a *attachments) end(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.uploads, token)
}

func (a *attachments) underWay(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.uploads[token] != nil
}

const (
	// reserveAtOnce is what an upload of unknown size reserves at most beyond what
	// it needs.
	reserveAtOnce = 4 << 20
	// settleAt is how many uploads may wait for their row before it is looked whether
	// they have it.
	settleAt = 100
)

// reserve takes room for an upload: at least need bytes more, and up to want when
// there is that much. It fails with TooLarge.
func (b *Broker) reserve(ctx context.Context, u *upload, need, want int64) error {
	a := &b.attachments
	for {
		settled, crowded := a.state()
		ofVisitor, total, err := b.DB.FileSizes(ctx, u.visitor)
		if err != nil {
			return err
		}
		granted, refused := a.grant(b.Attachments, u, need, want, room{ofVisitor, total, settled})
		if refused == nil && granted == 0 {
			continue // the sums are out of date
		}
		if refused == nil && !crowded {
			return nil
		}
		if err := b.settle(ctx); err != nil || refused == nil {
			return err
		}
		// An upload whose row was stored meanwhile has been counted twice.
		if now, _ := a.state(); now == settled {
			return refused
		}
	}
}

// state returns how often uploads were settled, and whether many wait for that.
func (a *attachments) state() (settled int, crowded bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settled, len(a.uploads) > settleAt
}

// room is what the database says is taken, and as of when.
type room struct {
	ofVisitor, total int64
	settled          int
}

// grant decides on a reservation. It returns neither room nor a refusal when an
// upload was settled after the sums were asked for: it may be in neither count.
func (a *attachments) grant(limits AttachmentLimits, u *upload, need, want int64, taken room) (int64, *model.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.settled != taken.settled {
		return 0, nil
	}
	for _, other := range a.uploads {
		taken.total += other.reserved
		if other.visitor == u.visitor {
			taken.ofVisitor += other.reserved
		}
	}
	granted := want
	for _, limit := range []struct {
		most, taken int64
		what        string
	}{
		{limits.File, u.reserved, "the attachment is too large: a file may have %d bytes"},
		{limits.Visitor, taken.ofVisitor, "there is no room for the attachment: all of yours together may have %d bytes"},
		{limits.Total, taken.total, "there is no room for the attachment: all of them together may have %d bytes"},
	} {
		if limit.most <= 0 {
			limit.most = math.MaxInt64
		}
		left := limit.most - limit.taken
		if left < need {
			return 0, model.Errorf(model.TooLarge, limit.what, limit.most)
		}
		granted = min(granted, left)
	}
	u.reserved += granted
	return granted, nil
}

// settle forgets the uploads whose rows are stored, and those whose sender never
// came to that within orphanAge.
func (b *Broker) settle(ctx context.Context) error {
	a := &b.attachments
	var waiting []string
	a.mu.Lock()
	for token, u := range a.uploads {
		if !u.arrived.IsZero() {
			waiting = append(waiting, token)
		}
	}
	a.mu.Unlock()
	if len(waiting) == 0 {
		return nil
	}
	known, err := b.DB.KnownFiles(ctx, waiting)
	if err != nil {
		return err
	}
	now := b.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, token := range waiting {
		u := a.uploads[token]
		if u != nil && (known[token] || now.Sub(u.arrived) > orphanAge) {
			delete(a.uploads, token)
			a.settled++
		}
	}
	return nil
}
