package database_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/test/dialect"
	"github.com/stretchr/testify/require"
)

// BenchmarkCreateMessage measures acknowledged messages with 1, 16 and 256
// senders at a time.
func BenchmarkCreateMessage(b *testing.B) {
	for _, d := range dialect.All() {
		for _, senders := range []int{1, 16, 256} {
			b.Run(fmt.Sprintf("%s/%d", d.Name, senders), func(b *testing.B) {
				ctx := context.Background()
				name, conn := d.Fresh(b)
				db, err := database.Open(ctx, database.Options{Dialect: name, Connection: conn})
				require.NoError(b, err)
				defer db.Close()
				u := &model.User{Name: "u", CreatedAt: model.Now()}
				require.NoError(b, db.CreateUser(ctx, u))
				a := &model.Application{UserID: u.ID, TokenHash: []byte("12345678901234567890123456789012"), TokenSealed: []byte{0, 1, 255, 39}, Name: "a", CreatedAt: model.Now()}
				require.NoError(b, db.CreateApplication(ctx, a))
				var next atomic.Int64
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range senders {
					wg.Go(func() {
						ctx, cancel := context.WithCancel(ctx)
						defer cancel()
						for {
							i := next.Add(1)
							if i > int64(b.N) {
								return
							}
							m := &model.Message{Key: fmt.Sprintf("%012s", strconv.FormatInt(i, 36)), ApplicationID: a.ID, Title: "a title", Message: "a message of about a hundred characters that says something about a thing that happened somewhere", Date: model.Now()}
							if err := db.CreateMessage(ctx, m); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}
