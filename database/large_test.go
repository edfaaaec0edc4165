package database_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pages of large messages end early, and nothing is lost between two of them.
func TestPagesOfLargeMessages(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		small, large := s.application(u), s.application(u)
		var want []int64
		for i := range 12 {
			m := s.newMessage(small)
			if i%2 == 0 {
				m = s.newMessage(large)
				m.Message = strings.Repeat("x", 3<<20)
			}
			require.NoError(s, s.CreateMessage(s.ctx, m))
			want = append(want, m.ID)
		}
		applications := []int64{small.ID, large.ID}
		var got []int64
		pages := 0
		for after, more := int64(0), true; more; pages++ {
			page, next, err := s.MessagesAfter(s.ctx, applications, after, 100)
			require.NoError(s, err)
			require.NotEmpty(s, page)
			got, after, more = append(got, ids(page)...), page[len(page)-1].ID, next
		}
		require.Equal(s, want, got)
		require.Greater(s, pages, 2, "18 MiB do not fit into one page")

		page, more, err := s.MessagesBefore(s.ctx, applications, math.MaxInt64, 100)
		require.NoError(s, err)
		require.True(s, more)
		require.Less(s, len(page), 12)
		require.Equal(s, want[11], page[0].ID)
	})
}
