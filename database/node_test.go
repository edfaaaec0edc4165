package database_test

import (
	"sync"
	"testing"

	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

// Two nodes write at once. Whoever has seen an id never finds a smaller new one,
// and each node announces everything up to its own last message, in order.
func TestTwoNodes(t *testing.T) {
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		_, connection := d.Fresh(t)
		testTwoNodes(t, d, connection)
	})
}

// MariaDB 11.6.2 and later refuse by default to lock a row that changed since the
// transaction's snapshot. Older ones can be told to, MySQL cannot.
func TestTwoNodesWithSnapshotIsolation(t *testing.T) {
	eachOf(t, "mysql", func(s *suite) {
		if s.Setting("@@innodb_snapshot_isolation") == "0" {
			testTwoNodes(s.T, s.dialect, with(s.dialect, s.connection, "innodb_snapshot_isolation=ON"))
		}
	})
}

func testTwoNodes(t *testing.T, d dialect.Dialect, connection string) {
	nodes := []*suite{on(t, d, connection), on(t, d, connection)}
	s := nodes[0]
	a := s.application(s.user("u"))

	const senders, each = 8, 60
	total := len(nodes) * senders * each
	var wg sync.WaitGroup
	for _, node := range nodes {
		for range senders {
			wg.Go(func() {
				for range each {
					m := node.newMessage(a)
					if err := node.CreateMessage(node.ctx, m); err != nil {
						node.Error(err)
						return
					}
					if !node.log.heard(m.ID) {
						node.Error("answered before it was announced", m.ID)
					}
				}
			})
		}
	}
	// A reader follows the log by id while it grows, and so does a stream that
	// resumes.
	var seen []int64
	reader := on(t, d, connection)
	wg.Go(func() {
		for after := int64(0); len(seen) < total && !t.Failed(); {
			page, _, err := reader.MessagesAfter(t.Context(), []int64{a.ID}, after, 50)
			if err != nil {
				t.Error(err)
				return
			}
			for _, m := range page {
				seen, after = append(seen, m.ID), m.ID
			}
		}
	})
	done(t, &wg)
	all := upTo(1, int64(total))
	require.Equal(t, all, seen, "nothing was committed behind the reader's back")
	for i, node := range nodes {
		heard := node.log.ids()
		require.Equal(t, all[:len(heard)], heard, "node %d", i)
	}
	// What the slower node did not hear of comes before its next message.
	last := make([]*model.Message, len(nodes))
	for i, node := range nodes {
		last[i] = node.message(a)
		require.Equal(t, upTo(1, last[i].ID), node.log.ids(), "node %d", i)
	}
	for _, m := range nodes[0].log.events {
		require.Equal(t, a.UserID, m.UserID, "whose streams are to hear of it")
	}
}

func TestMissedMessagesAreReadInSteps(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		s.fill(a, 0, 1234)
		s.exec("UPDATE counters SET value = 1234 WHERE name = 'message'")
		require.EqualValues(s, 1235, s.message(a).ID)
		require.Equal(s, upTo(1, 1235), s.log.ids())
	})
}
