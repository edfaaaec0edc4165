package database_test

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
)

func details() *model.Details {
	return &model.Details{
		Tags: []string{"warning", "ü,x"}, Click: "https://example.com/?a=b&c", Icon: "https://example.com/i.png", Markdown: true,
		Actions: []model.Action{{
			ID: "abcdefghij", Action: "http", Label: "Öffnen 🚪", URL: "https://example.com", Method: "PUT",
			Headers: map[string]string{"X-A": "b"}, Body: "{}", Clear: true,
		}},
		Attachment: &model.Attachment{Name: "a.png", URL: "https://example.com/a.png", Type: "image/png", Size: 1 << 40, Expires: 5},
	}
}

func TestDetailsAreKeptAsTheyAre(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		plain := s.message(a)
		var sent []*model.Message
		for _, d := range []*model.Details{details(), {}, {Base64: true, Sequence: "s"}} {
			m := s.newMessage(a)
			m.Details = d
			require.NoError(s, s.CreateMessage(s.ctx, m))
			sent = append(sent, stored(m))
		}
		require.Equal(s, append([]*model.Message{stored(plain)}, sent...), s.history(a))
		for i, e := range s.log.events[1:] {
			require.Equal(s, sent[i].Details, e.Message.Details, "as announced")
		}
	})
}

// A message that is not stored has its place among the others for those who listen.
func TestTransientMessages(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		first := s.message(a)
		passing := s.newMessage(a)
		passing.Transient = true
		require.NoError(s, s.CreateMessage(s.ctx, passing))
		last := s.message(a)
		require.Equal(s, []int64{first.ID, first.ID + 1, first.ID + 2}, []int64{first.ID, passing.ID, last.ID})
		require.Equal(s, []*model.Message{stored(first), stored(last)}, s.history(a))
		require.Equal(s, upTo(1, 3), s.log.ids())
	})
}

func TestNotices(t *testing.T) {
	each(t, func(s *suite) {
		a, b := s.application(s.user("u")), s.application(s.user("v"))
		version := func(sequence string) *model.Message {
			m := s.newMessage(a)
			m.Details = &model.Details{Sequence: sequence}
			require.NoError(s, s.CreateMessage(s.ctx, m))
			return m
		}
		one, other, two := version("door"), version("other"), version("door")
		foreign := s.newMessage(b)
		foreign.Details = &model.Details{Sequence: "door"}
		require.NoError(s, s.CreateMessage(s.ctx, foreign))

		cleared := &model.Notice{Kind: model.MessageCleared, ApplicationID: a.ID, Sequence: "door"}
		require.NoError(s, s.notice(cleared))
		require.Len(s, s.history(a), 3)

		n := &model.Notice{Key: s.keys.Next(time.Now()), Date: model.Now(), Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: "door"}
		deleted, err := s.CreateNotice(s.ctx, n)
		require.NoError(s, err)
		require.Equal(s, []int64{one.ID, two.ID}, deleted)
		require.Equal(s, one.ID, n.MessageID)
		require.Equal(s, []*model.Message{stored(other)}, s.history(a))
		require.Len(s, s.history(b), 1, "the same word in another application")

		byKey := &model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: other.Key}
		require.NoError(s, s.notice(byKey))
		require.Equal(s, other.ID, byKey.MessageID)
		require.Empty(s, s.history(a))
		nothing := &model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: "nothing"}
		require.NoError(s, s.notice(nothing), "nothing has to be there")
		require.Zero(s, nothing.MessageID)
		require.Equal(s, upTo(1, nothing.ID), s.log.ids())

		page, err := s.LogAfter(s.ctx, []int64{a.ID, b.ID}, 0, 100)
		require.NoError(s, err)
		require.Equal(s, []int64{cleared.ID, n.ID, byKey.ID, nothing.ID}, noticeIDs(page.Notices))
		require.Equal(s, []int64{foreign.ID}, ids(page.Messages))
		require.Equal(s, nothing.ID, page.End)
		require.False(s, page.More)

		for key, want := range map[string]int64{
			foreign.Key: foreign.ID, other.Key: other.ID, n.Key: n.ID, byKey.Key: byKey.ID,
		} {
			id, err := s.MarkerID(s.ctx, key)
			require.NoError(s, err, key)
			require.Equal(s, want, id, key)
		}
		_, err = s.MarkerID(s.ctx, s.keys.Next(time.Now()))
		requireKind(s, model.NotFound, err)

		require.NoError(s, s.DeleteApplication(s.ctx, a.UserID, a.ID))
		require.Zero(s, s.count("SELECT COUNT(*) FROM notices"))
		requireKind(s, model.NotFound, s.notice(&model.Notice{Kind: model.MessageCleared, ApplicationID: a.ID, Sequence: "x"}))
	})
}

func noticeIDs(notices []*model.Notice) []int64 {
	ids := make([]int64, len(notices))
	for i, n := range notices {
		ids[i] = n.ID
	}
	return ids
}

// However the log is cut into pages, everything comes once and in order.
func TestPagesOfTheLog(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		var want []int64
		for i := range 40 {
			if i%3 == 0 || i > 30 {
				n := &model.Notice{Kind: model.MessageCleared, ApplicationID: a.ID, Sequence: strconv.Itoa(i)}
				require.NoError(s, s.notice(n))
				want = append(want, n.ID)
				continue
			}
			want = append(want, s.message(a).ID)
		}
		for _, limit := range []int{1, 2, 3, 7, 40, 500} {
			var got []int64
			for p := (database.LogPage{More: true}); p.More; {
				var err error
				after := p.End
				p, err = s.LogAfter(s.ctx, []int64{a.ID}, after, limit)
				require.NoError(s, err)
				part := append(ids(p.Messages), noticeIDs(p.Notices)...)
				slices.Sort(part)
				if len(part) > 0 {
					require.Greater(s, part[0], after)
					require.LessOrEqual(s, part[len(part)-1], p.End)
				}
				got = append(got, part...)
				require.True(s, p.End > after || !p.More, "it gets on")
			}
			require.Equal(s, want, got, "pages of %d", limit)
		}
		none, err := s.LogAfter(s.ctx, nil, 0, 10)
		require.NoError(s, err)
		require.Equal(s, database.LogPage{End: 40}, none)
	})
}

// What is published and deleted at the same time is deleted, whichever commit holds
// both.
func TestADeletionInTheSameCommit(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		for i := range 30 {
			sequence := "s" + strconv.Itoa(i)
			waiting := s.scheduled(a, sequence, model.Now())
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { s.checkKind(0, s.CreateMessage(s.ctx, s.newMessage(a))) })
			}
			wg.Go(func() {
				m := *waiting
				err := s.DeliverScheduled(s.ctx, []*model.Message{&m})[0]
				s.checkKind(model.KindOf(err), err)
			})
			wg.Go(func() {
				n := &model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: sequence}
				s.checkKind(0, s.notice(n))
			})
			done(s, &wg)
			// Either order is right, but afterwards the deletion is the last word or
			// came before the message.
			page, err := s.LogAfter(s.ctx, []int64{a.ID}, 0, 1000)
			require.NoError(s, err)
			notice := page.Notices[len(page.Notices)-1]
			for _, m := range page.Messages {
				require.False(s, m.Sequence() == sequence && m.ID < notice.ID, "the message lies before its deletion")
			}
		}
	})
}

func TestVersionsOfAMessage(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		const versions = 1200
		var wg sync.WaitGroup
		for range versions {
			wg.Go(func() {
				m := s.newMessage(a)
				m.Details = &model.Details{Sequence: "door"}
				s.checkKind(0, s.CreateMessage(s.ctx, m))
			})
		}
		done(s, &wg)
		gone := 0
		for {
			ids, err := s.DeleteVersions(s.ctx, a.ID, "door")
			require.NoError(s, err)
			if len(ids) == 0 {
				break
			}
			gone += len(ids)
		}
		deleted, err := s.CreateNotice(s.ctx, &model.Notice{
			Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: "door", Key: s.keys.Next(time.Now()), Date: model.Now(),
		})
		require.NoError(s, err)
		require.Equal(s, versions, gone+len(deleted))
		require.Empty(s, s.history(a))
		require.Zero(s, s.count("SELECT COUNT(*) FROM sequences"))
	})
}

// Who resumes from a message that was deleted misses nothing that came after it,
// however often it was updated.
func TestTheMarkerOfADeletedMessage(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		first := s.message(a)
		s.message(a)
		update := s.newMessage(a)
		update.Details = &model.Details{Sequence: first.Key}
		require.NoError(s, s.CreateMessage(s.ctx, update))
		require.NoError(s, s.notice(&model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: first.Key}))
		id, err := s.MarkerID(s.ctx, first.Key)
		require.NoError(s, err)
		require.Equal(s, first.ID, id)
	})
}

func TestOldNotices(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		for range 3 {
			require.NoError(s, s.notice(&model.Notice{Kind: model.MessageCleared, ApplicationID: a.ID, Sequence: "x"}))
		}
		n, err := s.DeleteNotices(s.ctx, model.Now().Add(-time.Hour))
		require.NoError(s, err)
		require.Zero(s, n)
		n, err = s.DeleteNotices(s.ctx, model.Now().Add(time.Hour))
		require.NoError(s, err)
		require.Equal(s, 3, n)
		require.Zero(s, s.count("SELECT COUNT(*) FROM notices"))
	})
}

func TestTheLastMessageBeforeATime(t *testing.T) {
	each(t, func(s *suite) {
		a, b := s.application(s.user("u")), s.application(s.user("v"))
		start := model.Now().Add(-time.Hour)
		var ofA []int64
		for i := range 30 {
			m := s.newMessage(a)
			if i%4 == 1 {
				m = s.newMessage(b)
			}
			m.Date = start.Add(time.Duration(i) * time.Minute)
			require.NoError(s, s.CreateMessage(s.ctx, m))
			if m.ApplicationID == a.ID {
				ofA = append(ofA, m.ID)
			}
		}
		for i := -1; i <= 31; i++ {
			t := start.Add(time.Duration(i)*time.Minute - time.Second)
			got, err := s.LastBefore(s.ctx, []int64{a.ID}, t)
			require.NoError(s, err)
			var want int64
			for _, id := range ofA {
				if id <= int64(i) { // ids begin at 1, at minute 0
					want = id
				}
			}
			require.Equal(s, want, got, "minute %d", i)
		}
		got, err := s.LastBefore(s.ctx, nil, start.Add(time.Hour))
		require.NoError(s, err)
		require.Zero(s, got)
	})
}

func (s *suite) scheduled(a *model.Application, sequence string, due time.Time) *model.Message {
	s.Helper()
	m := s.newMessage(a)
	m.Details = details()
	m.Details.Sequence = sequence
	m.Date = due.Truncate(time.Microsecond)
	require.NoError(s, s.CreateScheduled(s.ctx, &model.Scheduled{
		Key: m.Key, ApplicationID: a.ID, Sequence: m.Sequence(), Due: m.Date, Message: m,
	}))
	return m
}

func keys(scheduled []*model.Scheduled) []string {
	var keys []string
	for _, one := range scheduled {
		keys = append(keys, one.Key)
	}
	return keys
}

func TestScheduledMessages(t *testing.T) {
	each(t, func(s *suite) {
		a, b := s.application(s.user("u")), s.application(s.user("v"))
		now := model.Now()
		late, early := s.scheduled(a, "late", now.Add(time.Hour)), s.scheduled(a, "", now.Add(-time.Second))
		foreign := s.scheduled(b, "late", now.Add(-time.Minute))
		waiting, err := s.Scheduled(s.ctx, []int64{a.ID}, nil, 10)
		require.NoError(s, err)
		require.Equal(s, []string{early.Key, late.Key}, keys(waiting))
		require.Equal(s, stored(early), stored(waiting[0].Pending(&model.Application{ID: a.ID})), "as it was accepted")
		due, err := s.DueScheduled(s.ctx, now, nil, 10)
		require.NoError(s, err)
		require.Equal(s, []string{foreign.Key, early.Key}, keys(due))

		s.sub("each is delivered once, whoever tries", func(s *suite) {
			other := on(s.T, s.dialect, s.connection)
			results := make(chan []error, 2)
			for _, node := range []*suite{s, other} {
				go func() {
					one, two := *early, *foreign
					results <- node.DeliverScheduled(s.ctx, []*model.Message{&two, &one})
				}()
			}
			won := 0
			for range 2 {
				for _, err := range <-results {
					if err == nil {
						won++
					} else {
						requireKind(s, model.NotFound, err)
					}
				}
			}
			require.Equal(s, 2, won)
			require.Equal(s, []string{early.Key}, []string{s.history(a)[0].Key})
			require.Len(s, s.history(b), 1)
			require.Equal(s, 2, s.count("SELECT value FROM counters WHERE name = 'message'"), "who lost took no id")
		})
		s.sub("a newer one takes its place", func(s *suite) {
			again := s.scheduled(a, "late", now.Add(2*time.Hour))
			waiting, err := s.Scheduled(s.ctx, []int64{a.ID, b.ID}, nil, 10)
			require.NoError(s, err)
			require.Equal(s, []string{again.Key}, keys(waiting))
			m := s.newMessage(a)
			m.Details = &model.Details{Sequence: "late"}
			require.NoError(s, s.CreateMessage(s.ctx, m))
			waiting, err = s.Scheduled(s.ctx, []int64{a.ID, b.ID}, nil, 10)
			require.NoError(s, err)
			require.Empty(s, waiting)
		})
		s.sub("a deletion cancels", func(s *suite) {
			m := s.scheduled(a, "", now.Add(time.Hour))
			s.scheduled(b, m.Key[:5], now.Add(time.Hour))
			require.NoError(s, s.notice(&model.Notice{Kind: model.MessageDeleted, ApplicationID: a.ID, Sequence: m.Key}))
			waiting, err := s.Scheduled(s.ctx, []int64{a.ID, b.ID}, nil, 10)
			require.NoError(s, err)
			require.Len(s, waiting, 1)
			require.NoError(s, s.DeleteApplication(s.ctx, b.UserID, b.ID))
			require.Zero(s, s.count("SELECT COUNT(*) FROM scheduled_messages"))
		})
	})
}

func TestFiles(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		now := model.Now()
		file := func(token, visitor string, size int64, expires time.Time) *model.Message {
			m := s.newMessage(a)
			m.File = &model.File{Token: token, ApplicationID: a.ID, MessageKey: m.Key, Visitor: visitor, Name: "ü.txt", Type: "text/plain", Size: size, Expires: expires}
			return m
		}
		kept, expired, orphan := file("kept", "v", 1<<40, now.Add(time.Hour)), file("expired", "v", 5, now), file("orphan", "w", 7, now.Add(time.Hour))
		passing := file("passing", "v", 1, now.Add(time.Hour))
		passing.Transient, passing.File.MessageKey = true, ""
		waiting := file("waiting", "v", 1, now.Add(time.Hour))
		waiting.Date = now.Add(time.Hour)
		for _, m := range []*model.Message{kept, expired, orphan, passing} {
			require.NoError(s, s.CreateMessage(s.ctx, m))
		}
		require.NoError(s, s.CreateScheduled(s.ctx, &model.Scheduled{Key: waiting.Key, ApplicationID: a.ID, Sequence: waiting.Key, Due: waiting.Date, Message: waiting}))
		found, err := s.FileByToken(s.ctx, "kept")
		require.NoError(s, err)
		require.Equal(s, kept.File, found)
		_, err = s.FileByToken(s.ctx, "KEPT")
		requireKind(s, model.NotFound, err)
		ofVisitor, total, err := s.FileSizes(s.ctx, "v")
		require.NoError(s, err)
		require.Equal(s, []int64{1<<40 + 7, 1<<40 + 14}, []int64{ofVisitor, total})
		ofVisitor, _, err = s.FileSizes(s.ctx, "nobody")
		require.NoError(s, err)
		require.Zero(s, ofVisitor)
		known, err := s.KnownFiles(s.ctx, []string{"kept", "unknown", "orphan"})
		require.NoError(s, err)
		require.Equal(s, map[string]bool{"kept": true, "orphan": true}, known)

		require.NoError(s, s.DeleteMessages(s.ctx, []int64{a.ID}, math.MaxInt64))
		again := *kept
		again.File, again.Key = nil, kept.Key
		require.NoError(s, s.CreateMessage(s.ctx, &again))
		tokens, err := s.DeleteFiles(s.ctx, now)
		require.NoError(s, err)
		require.ElementsMatch(s, []string{"expired", "orphan"}, tokens)
		tokens, err = s.DeleteFiles(s.ctx, now)
		require.NoError(s, err)
		require.Empty(s, tokens)
		require.Equal(s, 3, s.count("SELECT COUNT(*) FROM attachments"))
	})
}

// What a refused message brings along is not stored either.
func TestWhatComesWithARefusedMessage(t *testing.T) {
	each(t, func(s *suite) {
		a := s.application(s.user("u"))
		first := s.message(a)
		m := s.newMessage(a)
		m.Key = first.Key
		m.Details = &model.Details{Sequence: "s"}
		m.File = &model.File{Token: "t", ApplicationID: a.ID, MessageKey: m.Key, Expires: model.Now()}
		requireKind(s, model.Conflict, s.CreateMessage(s.ctx, m))
		require.Zero(s, s.count("SELECT COUNT(*) FROM attachments"))
		require.Zero(s, s.count("SELECT COUNT(*) FROM sequences"))
		require.Equal(s, first.ID+1, s.message(a).ID)
	})
}
