package gotify

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestResume(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		one, two, device := user.NewSender("one"), user.NewSender("two"), user.NewDevice("phone")
		var sent []Message
		for i := range 6 {
			sent = append(sent, []*Sender{one, two}[i%2].Send(fmt.Sprint(i)))
			other.NewSender("foreign").Send("not for this user")
		}
		for _, from := range []int{0, 2, 5} {
			stream := device.Stream(fmt.Sprintf("/stream?token=%s&since=%d", device.Token, sent[from].ID))
			for _, want := range sent[from+1:] {
				require.Equal(t, want, stream.NextMessage())
			}
			live := one.Send("live")
			require.Equal(t, live, stream.NextMessage())
			sent = append(sent, live)
		}
		// An id that is gone, or lies between two others, is as good as any.
		user.Delete(fmt.Sprintf("/message/%d", sent[2].ID)).Empty(200)
		stream := device.Stream(fmt.Sprintf("/stream?since=%d", sent[2].ID))
		require.Equal(t, sent[3], stream.NextMessage())
		// A stream without since begins with what is new.
		plain := device.Stream("/stream")
		require.Equal(t, one.Send("new"), plain.NextMessage())
	})
}

// More history than fits into any queue or page.
func TestResumeOverLongHistory(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		first := sender.Send("first")
		const posters, posts = 8, 150
		var wait sync.WaitGroup
		for range posters {
			wait.Go(func() {
				for range posts {
					if err := status(200)(sender.Try(t.Context(), "POST", "/message", object{"message": "m"})); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wait.Wait()
		stream := device.Stream(fmt.Sprintf("/stream?since=%d", first.ID))
		last := first.ID
		for range posters * posts {
			message := stream.NextMessage()
			require.Greater(t, message.ID, last)
			last = message.ID
		}
		live := sender.Send("live")
		require.Equal(t, live, stream.NextMessage())
	})
}

// A reader that reconnects all the time, while others post, sees every message
// once and in order.
func TestResumeWhilePosting(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		last := sender.Send("first").ID
		const posters, posts = 4, 75
		var wait sync.WaitGroup
		for range posters {
			wait.Go(func() {
				for range posts {
					if err := status(200)(sender.Try(t.Context(), "POST", "/message", object{"message": "m"})); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var seen []int64
		for deadline := time.Now().Add(2 * Patience); len(seen) < posters*posts; {
			require.True(t, time.Now().Before(deadline), "%d of %d messages came", len(seen), posters*posts)
			stream := device.Stream(fmt.Sprintf("/stream?since=%d", last))
			for range min(7, posters*posts-len(seen)) {
				last = stream.NextMessage().ID
				seen = append(seen, last)
			}
			stream.Hangup()
		}
		wait.Wait()
		var stored []int64
		for _, message := range user.History()[1:] {
			stored = append(stored, message.ID)
		}
		require.Equal(t, stored, seen)
	})
}

// A reader that does not read delays nobody, is hung up on in the end, and finds
// everything when it comes back.
func TestSlowReader(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		first := sender.Send("first")
		slow := dialSilently(t, s, "/stream?token="+device.Token)
		healthy := device.Stream("/stream?token=" + device.Token)
		var sent []int64
		for range 18 {
			message := sender.Send(longText)
			require.Equal(t, message.ID, healthy.NextMessage().ID)
			sent = append(sent, message.ID)
		}
		ids := slow.readToTheEnd(t)
		require.Equal(t, sent[:len(ids)], append([]int64{}, ids...), "what came, came in order and without a gap")
		require.Less(t, len(ids), len(sent), "nobody holds %d MB for a reader that does not read", len(sent)*len(longText)>>20)
		last := first.ID
		if len(ids) > 0 {
			last = ids[len(ids)-1]
		}
		stream := device.Stream(fmt.Sprintf("/stream?since=%d", last))
		for _, id := range sent[len(ids):] {
			require.Equal(t, id, stream.NextMessage().ID)
		}
	})
}
