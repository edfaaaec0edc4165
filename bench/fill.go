package main

import (
	"context"
	"errors"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

// share says whose a part of a history is.
type share struct {
	applications []int64
	messages     int // negative: what the others leave
}

// fillers write at the same time: enough for the largest group commit.
const fillers = 1024

// fill stores messages through the group commit, which is as fast as inserting
// them by SQL and needs no knowledge of the schema.
func fill(ctx context.Context, dialect, connection string, shares []share, messages int) (err error) {
	db, err := database.Open(ctx, database.Options{Dialect: dialect, Connection: connection})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	owners := spreadShares(shares, messages)
	keys := model.NewKeys()
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range fillers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= messages {
					return nil
				}
				now := model.Now()
				m := &model.Message{
					Key: keys.Next(now), ApplicationID: owners[i], Title: "Backup",
					Message: "The backup of the night has finished without errors; 12,345 files were copied and none was left out.", Priority: 5, Date: now,
				}
				if err := db.CreateMessage(ctx, m); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// spreadShares returns the application of each message, with every share spread
// evenly over the whole.
func spreadShares(shares []share, messages int) []int64 {
	left := messages
	for _, s := range shares {
		left -= max(s.messages, 0)
	}
	owners := make([]int64, 0, messages)
	given := make([]int, len(shares))
	for i := range messages {
		// The share that is furthest behind what it should have by now is next.
		most, behind := 0, 0.0
		for j, s := range shares {
			size := s.messages
			if size < 0 {
				size = left
			}
			if due := float64(i+1)*float64(size)/float64(messages) - float64(given[j]); j == 0 || due > behind {
				most, behind = j, due
			}
		}
		applications := shares[most].applications
		owners = append(owners, applications[given[most]%len(applications)])
		given[most]++
	}
	return owners
}
