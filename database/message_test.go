package database_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

func TestMessages(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a := s.application(u)

		s.sub("what was stored is found", func(s *suite) {
			latest, err := s.LatestMessageID(s.ctx)
			require.NoError(s, err)
			require.Zero(s, latest)
			m := &model.Message{
				Key: "0Aa9Zz______", ApplicationID: a.ID, UserID: u.ID, Title: "🔔 '\\\" %s $1 ?", TitleDefaulted: true,
				Message: "línea\r\n\t中文 \u202e 👩‍👩‍👧‍👦 \\' -- ;", Priority: math.MinInt32, PriorityDefaulted: true,
				Extras: `{"a":12345678901234567890.123456789,"🦊":"\u0000"}`, Date: time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, time.UTC),
			}
			require.NoError(s, s.CreateMessage(s.ctx, m))
			require.Equal(s, []*model.Message{stored(m)}, s.history(a))
			latest, err = s.LatestMessageID(s.ctx)
			require.NoError(s, err)
			require.Equal(s, m.ID, latest)
			require.True(s, s.log.heard(m.ID))
			require.Equal(s, u.ID, s.log.events[0].UserID)
		})

		s.sub("a date finer than the database keeps is cut, in UTC", func(s *suite) {
			m := s.newMessage(a)
			m.Date = time.Date(2026, 1, 1, 0, 0, 0, 123_456_789, time.FixedZone("", 3600))
			require.NoError(s, s.CreateMessage(s.ctx, m))
			require.Equal(s, time.Date(2025, 12, 31, 23, 0, 0, 123_456_000, time.UTC), m.Date)
			history := s.history(a)
			require.Equal(s, stored(m), history[len(history)-1])
		})

		s.sub("spaces and empty texts stay", func(s *suite) {
			m := s.newMessage(a)
			m.Title, m.Message, m.Extras = " t ", "  ", ""
			require.NoError(s, s.CreateMessage(s.ctx, m))
			history := s.history(a)
			require.Equal(s, stored(m), history[len(history)-1])
		})

		s.sub("large texts fit", func(s *suite) {
			for _, size := range []int{70_000, 5 << 20} {
				m := s.newMessage(a)
				m.Message = strings.Repeat("🦊'\\\"", size/7)
				m.Title, m.Extras = strings.Repeat("т", 40_000), `{"a":"`+strings.Repeat("\\u00e9", 20_000)+`"}`
				require.NoError(s, s.CreateMessage(s.ctx, m))
				page, _, err := s.MessagesBefore(s.ctx, []int64{a.ID}, math.MaxInt64, 1)
				require.NoError(s, err)
				require.Equal(s, stored(m), page[0])
			}
		})

		s.sub("a key is taken once, and keys are exact", func(s *suite) {
			m, other := s.newMessage(a), s.newMessage(a)
			m.Key, other.Key = "ABCDEFabcdef", "abcdefABCDEF"
			require.NoError(s, s.CreateMessage(s.ctx, m))
			require.NoError(s, s.CreateMessage(s.ctx, other))
			again := s.newMessage(a)
			again.Key = m.Key
			requireKind(s, model.Conflict, s.CreateMessage(s.ctx, again))
			require.Equal(s, m.ID+1, other.ID)
			require.Equal(s, other.ID+1, s.message(a).ID, "a refused message leaves no gap")
		})

		s.sub("an application that is gone gets none", func(s *suite) {
			gone := s.application(u)
			require.NoError(s, s.DeleteApplication(s.ctx, u.ID, gone.ID))
			requireKind(s, model.NotFound, s.CreateMessage(s.ctx, s.newMessage(gone)))
		})

		s.sub("what cannot be stored on every database is not our caller's fault to hide", func(s *suite) {
			m := s.newMessage(a)
			m.Key = "longer than twelve"
			err := s.CreateMessage(s.ctx, m)
			if s.dialect.Remote { // SQLite knows no lengths
				requireKind(s, model.Invalid, err)
			} else {
				require.NoError(s, err)
			}
		})
	})
}

// Only MySQL has a limit that a test can reach: max_allowed_packet.
func TestTooLargeForTheServer(t *testing.T) {
	eachOf(t, "mysql", func(s *suite) {
		a := s.application(s.user("u"))
		limit := s.count("SELECT @@max_allowed_packet")
		if limit > 100<<20 {
			dialect.NotRun(s, "a message larger than max_allowed_packet, which is too large here")
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			m := s.newMessage(a)
			m.Message = strings.Repeat("x", 2*limit)
			s.checkKind(model.TooLarge, s.CreateMessage(s.ctx, m))
		})
		for range 8 {
			wg.Go(func() { s.checkKind(0, s.CreateMessage(s.ctx, s.newMessage(a))) })
		}
		done(s, &wg)
		require.Len(s, s.history(a), 8)
	})
}

func TestDeletedMessages(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a, b := s.application(u), s.application(u)
		mine := []int64{a.ID, b.ID}

		s.sub("one", func(s *suite) {
			first, second := s.message(a), s.message(b)
			for _, tried := range []struct{ user, id int64 }{{s.user("v").ID, second.ID}, {0, first.ID}, {u.ID, 0}, {u.ID, 1 << 62}} {
				_, err := s.MessageByID(s.ctx, tried.user, tried.id)
				requireKind(s, model.NotFound, err)
			}
			found, err := s.MessageByID(s.ctx, u.ID, second.ID)
			require.NoError(s, err)
			require.Equal(s, stored(second), found)
			requireKind(s, model.NotFound, s.notice(&model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, MessageID: second.ID}))
			n := &model.Notice{Kind: model.MessageDeleted, ApplicationID: b.ID, MessageID: second.ID, Sequence: second.Key}
			require.NoError(s, s.notice(n))
			require.Equal(s, second.ID+1, n.ID, "a refused notice takes no id")
			requireKind(s, model.NotFound, s.notice(&model.Notice{Kind: model.MessageDeleted, ApplicationID: b.ID, MessageID: second.ID}))
			require.Len(s, s.history(a), 1)
			require.Empty(s, s.history(b))
			third := s.message(b)
			require.Equal(s, n.ID+1, third.ID, "the id of a deleted message is never given again")
		})

		s.sub("up to an id, in several steps", func(s *suite) {
			// Deletion goes by 5000; the row values come from SQL, to be quick.
			s.fill(a, 20_000, 10_500)
			s.fill(b, 40_000, 3)
			require.NoError(s, s.DeleteMessages(s.ctx, []int64{a.ID}, 30_490))
			require.Equal(s, upTo(30_491, 30_500), ids(s.history(a)))
			require.Len(s, s.history(b), 4)
			require.NoError(s, s.DeleteMessages(s.ctx, mine, math.MaxInt64))
			require.NoError(s, s.DeleteMessages(s.ctx, mine, math.MaxInt64))
			require.NoError(s, s.DeleteMessages(s.ctx, nil, math.MaxInt64))
			require.Zero(s, s.count("SELECT COUNT(*) FROM messages"))
		})
	})
}

// fill stores n messages under the ids above after without the group commit.
func (s *suite) fill(a *model.Application, after, n int) {
	s.Helper()
	digits := "(SELECT 0 AS d" + strings.Repeat(" UNION ALL SELECT %d", 9) + ")"
	digits = fmt.Sprintf(digits, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.exec(fmt.Sprintf("INSERT INTO messages (id, message_key, application_id, title, title_defaulted, message, priority, priority_defaulted, extras, date) "+
		"SELECT id, CONCAT('k', id), %d, '', id < 0, '', 0, id < 0, '', 0 FROM "+
		"(SELECT %d + 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS id FROM %s a, %s b, %s c, %s e, %s f) AS numbers WHERE id <= %d",
		a.ID, after, digits, digits, digits, digits, digits, after+n))
}

func TestPages(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		a, b, c, empty := s.application(u), s.application(u), s.application(u), s.application(u)
		every := make([]*model.Message, 31)
		for i := 1; i <= 30; i++ { // interleaved: a b a b c ...
			every[i] = stored(s.message([]*model.Application{a, b, a, b, c}[i%5]))
			require.EqualValues(s, i, every[i].ID)
		}
		require.NoError(s, s.DeleteApplication(s.ctx, u.ID, c.ID))
		ab := []int64{b.ID, empty.ID, a.ID, 1 << 40}
		// want returns the ids among from..to that are not c's.
		want := func(from, to, step int) (out []*model.Message) {
			for i := from; i != to+step; i += step {
				if i%5 != 4 {
					out = append(out, every[i])
				}
			}
			return out
		}
		for _, page := range []struct {
			name         string
			applications []int64
			after        bool
			from         int64
			limit        int
			want         []*model.Message
		}{
			{"the newest", ab, false, math.MaxInt64, 5, want(30, 25, -1)},
			{"before one that is there", ab, false, 20, 4, want(18, 15, -1)},
			{"before one that is not there", ab, false, 19, 4, want(18, 15, -1)},
			{"the oldest, fewer than asked for", ab, false, 4, 100, want(3, 1, -1)},
			{"before the first", ab, false, 1, 100, nil},
			{"before 0", ab, false, 0, 100, nil},
			{"all before the end", ab, false, 31, 100, want(30, 1, -1)},
			{"after 0", ab, true, 0, 6, want(1, 7, 1)},
			{"after one that is there", ab, true, 10, 4, want(11, 15, 1)},
			{"after one that is not there", ab, true, 9, 4, want(10, 13, 1)},
			{"after the last but one", ab, true, 28, 100, want(30, 30, 1)},
			{"after the last", ab, true, 30, 100, nil},
			{"after the largest id", ab, true, math.MaxInt64, 100, nil},
			{"after a negative id", ab, true, math.MinInt64, 2, want(1, 2, 1)},
			{"of no application", nil, false, 100, 100, nil},
			{"of one without messages", []int64{empty.ID}, true, 0, 100, nil},
			{"of none at all", ab, true, 0, 0, nil},
			{"of one", []int64{a.ID}, false, 10, 2, []*model.Message{every[7], every[5]}},
		} {
			s.sub(page.name, func(s *suite) {
				read := s.MessagesBefore
				if page.after {
					read = s.MessagesAfter
				}
				got, _, err := read(s.ctx, page.applications, page.from, page.limit)
				require.NoError(s, err)
				require.Equal(s, ids(page.want), ids(got))
				if len(got) > 0 {
					require.Equal(s, page.want, got)
				}
			})
		}
	})
}

func TestPagesOfManyApplications(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		var applications []int64
		for i := range 216 {
			a := s.application(u)
			applications = append(applications, a.ID)
			if i%9 == 0 {
				s.message(a)
			}
		}
		// Two more rounds, the other way round, so that pages cross the applications.
		for i := len(applications) - 1; i >= 0; i -= 9 {
			s.message(&model.Application{ID: applications[i], UserID: u.ID})
		}
		const total = 2 * 216 / 9
		var up, down []int64
		for after := int64(0); ; after = up[len(up)-1] {
			page, _, err := s.MessagesAfter(s.ctx, applications, after, 7)
			require.NoError(s, err)
			up = append(up, ids(page)...)
			if len(page) < 7 {
				break
			}
		}
		for before := int64(math.MaxInt64); ; before = down[len(down)-1] {
			page, _, err := s.MessagesBefore(s.ctx, applications, before, 30)
			require.NoError(s, err)
			down = append(down, ids(page)...)
			if len(page) < 30 {
				break
			}
		}
		require.Equal(s, upTo(1, total), up)
		require.Len(s, down, total)
		for i, id := range down {
			require.EqualValues(s, total-i, id)
		}
	})
}

func TestReadsEndWithTheirContext(t *testing.T) {
	each(t, func(s *suite) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := s.Users(ctx)
		requireKind(s, model.Unavailable, err)
		requireKind(s, model.Unavailable, s.CreateUser(ctx, &model.User{Name: "late", CreatedAt: model.Now()}))
		require.NoError(s, s.Ping(s.ctx))
		require.Zero(s, s.count("SELECT COUNT(*) FROM users"))
	})
}

func TestRevisions(t *testing.T) {
	each(t, func(s *suite) {
		first, err := s.Revision(s.ctx)
		require.NoError(s, err)
		const times = 20
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[int64]bool{}
		for range times {
			wg.Go(func() {
				n, err := s.Revise(s.ctx)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || seen[n] {
					s.Error("revision", n, err)
				}
				seen[n] = true
			})
		}
		done(s, &wg)
		last, err := s.Revision(s.ctx)
		require.NoError(s, err)
		require.Equal(s, first+times, last)
	})
}
