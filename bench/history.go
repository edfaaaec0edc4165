package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// smallHistory is how many messages the history has that the large one is
// compared with. Those of the first two readers are the same in both.
const smallHistory = 20_000

// reader is a user with a share of the history, spread evenly over it.
type reader struct {
	name         string
	applications int
	messages     int // in all; negative: what the others leave
}

func readers() []reader {
	return []reader{
		{"owner of few", 1, 2_000},
		{"owner of 50 apps", 50, 5_000},
		{"owner of most", 1, -1},
	}
}

// history measures a page of messages in a large database against the same page
// in a small one: what others have stored must not matter.
func (b *bench) history(ctx context.Context) (err error) {
	small, err := b.newArchive(ctx, smallHistory)
	if err != nil {
		return err
	}
	defer dropAll(&err, small.drop)
	defer stopAll(&err, small.process)
	large, err := b.newArchive(ctx, b.messages)
	if err != nil {
		return err
	}
	defer dropAll(&err, large.drop)
	defer stopAll(&err, large.process)
	for i, who := range readers() {
		for _, deep := range []bool{false, true} {
			if err := b.comparePages(ctx, who, i, deep, small, large); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) comparePages(ctx context.Context, who reader, i int, deep bool, small, large *archive) error {
	depth := "first page"
	if deep {
		depth = "deep page"
	}
	b.say("history: %s, %s", depth, who.name)
	samples := map[*archive][]sample{}
	for range b.rounds {
		for _, a := range []*archive{large, small} {
			path := a.page(deep)
			if err := checkPage(ctx, a.address, path, a.tokens[i]); err != nil {
				return err
			}
			s, err := b.hammer(ctx, a.process, 1, getRequest(a.address, path, a.tokens[i]))
			if err != nil {
				return err
			}
			samples[a] = append(samples[a], s)
		}
	}
	many, few := medians(samples[large]), medians(samples[small])
	ratio := many.p50.Seconds() / few.p50.Seconds()
	b.table.add(row{
		what: depth + " of " + count(large.messages) + ", " + who.name, ours: many.cells(), cpuUsage: many.cpu.String(),
		against: "of " + count(small.messages), theirs: few.cells(),
		ratio: percent(ratio), target: atMost(1.5, ratio),
	})
	return nil
}

// archive is a server with a history, and a token of each reader.
type archive struct {
	*process
	messages int
	tokens   []string
	drop     func() error
}

// page is the path of 100 messages: the newest, or those before the oldest tenth
// of the whole history begins.
func (a *archive) page(deep bool) string {
	if !deep {
		return "/message?limit=100"
	}
	return fmt.Sprintf("/message?limit=100&since=%d", a.messages/10)
}

// newArchive makes a database with that many messages and starts a server on it.
func (b *bench) newArchive(ctx context.Context, messages int) (a *archive, err error) {
	connection, drop, err := b.fresh()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			dropAll(&err, drop)
		}
	}()
	a = &archive{messages: messages, drop: drop}
	first, err := b.carillon(ctx, connection)
	if err != nil {
		return nil, err
	}
	shares, err := a.settle(ctx, first)
	if err = errors.Join(err, first.stop()); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := fill(ctx, b.dialect.Name, connection, shares, messages); err != nil {
		return nil, err
	}
	b.say("stored %s messages in %s", count(messages), short(time.Since(began)))
	a.process, err = b.carillon(ctx, connection)
	return a, err
}

// settle makes the readers with their applications.
func (a *archive) settle(ctx context.Context, p *process) (shares []share, err error) {
	for _, r := range readers() {
		u, err := admin(p).user(ctx, r.name)
		if err != nil {
			return nil, err
		}
		token, err := u.client(ctx)
		if err != nil {
			return nil, err
		}
		a.tokens = append(a.tokens, token)
		s := share{messages: r.messages}
		for i := range r.applications {
			id, _, err := u.application(ctx, fmt.Sprintf("application %d", i))
			if err != nil {
				return nil, err
			}
			s.applications = append(s.applications, id)
		}
		shares = append(shares, s)
	}
	return shares, nil
}

// checkPage makes sure that a whole page is measured.
func checkPage(ctx context.Context, address, path, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("X-Gotify-Key", token)
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var page struct{ Messages []json.RawMessage }
	if err := json.Unmarshal(text, &page); err != nil {
		return err
	}
	if len(page.Messages) != 100 {
		return fmt.Errorf("GET %s: %s with %d messages: %s", path, answer.Status, len(page.Messages), strings.TrimSpace(string(text[:min(len(text), 200)])))
	}
	return nil
}
