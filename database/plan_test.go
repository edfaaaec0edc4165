package database_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-push/carillon/model"
	"github.com/stretchr/testify/require"
)

// A page costs the same however many messages there are of anybody: its entries
// come from idx_messages_page, from where the page begins. The statistics tempt
// the optimizers to do otherwise: one application has nearly all messages, and
// none of late.
func TestPagesUseTheirIndex(t *testing.T) {
	each(t, func(s *suite) {
		u := s.user("u")
		many, few := s.application(u), s.application(u)
		s.fill(many, 0, 90_000)
		s.fill(few, 90_000, 5_000)
		s.exec(map[string]string{"sqlite3": "ANALYZE", "postgres": "ANALYZE messages", "mysql": "ANALYZE TABLE messages"}[s.dialect.Name])
		for _, page := range []struct {
			applications []*model.Application
			from         int64
			after        bool
		}{
			{[]*model.Application{many}, 1 << 60, false},
			{[]*model.Application{few, many}, 10_000, false},
			{[]*model.Application{many}, 45_000, false},
			{[]*model.Application{many, few}, 10_000, true},
			{[]*model.Application{few}, 0, true},
		} {
			owned := make([]int64, len(page.applications))
			for i, a := range page.applications {
				owned[i] = a.ID
			}
			explain := map[string]string{"sqlite3": "EXPLAIN QUERY PLAN", "postgres": "EXPLAIN", "mysql": "EXPLAIN"}[s.dialect.Name]
			plan, err := s.ExplainPage(s.ctx, explain, owned, page.from, page.after, 100)
			require.NoError(s, err)
			text := fmt.Sprint(plan)
			switch s.dialect.Name {
			case "sqlite3":
				require.Equal(s, len(owned), strings.Count(text, "SEARCH messages USING COVERING INDEX idx_messages_page (application_id=? AND id"), text)
				require.Equal(s, 1, strings.Count(text, "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"), text)
				require.NotContains(s, text, "SCAN messages")
			case "postgres":
				require.Contains(s, text, "using idx_messages_page")
				require.Contains(s, text, "Index Scan using messages_pkey on messages")
				require.Contains(s, text, "Index Cond: ((ROW(application_id, id)")
				require.NotContains(s, text, "Seq Scan on messages")
			case "mysql":
				arms := 0
				for _, row := range plan {
					if row["key"] == "idx_messages_page" {
						arms++
						require.Equal(s, "range", row["type"], text)
						require.Equal(s, "16", row["key_len"], text)
					}
					require.NotEqual(s, "messages ALL", fmt.Sprint(row["table"], " ", row["type"]), text)
				}
				require.Equal(s, len(owned), arms, text)
			}
		}
	})
}
