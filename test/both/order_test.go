package both

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/ntfy"
	"github.com/carillon-push/carillon/test/server"
)

// Whoever publishes in whichever language at the same moment: all streams tell of
// the messages in one order, and each sender's own order is kept. Streams that
// begin in the midst see the same, and so does the history.
func TestOneOrderInBothLanguages(t *testing.T) {
	const senders, each = 4, 30
	ntfy.Each(t, func(t *testing.T, s *server.Server) {
		p := newPerson(t, s)
		first, second := p.application(nil), p.application(nil)
		topics := first.Topic + "," + second.Topic
		frames := []*gotify.Stream{p.frames(), p.frames()}
		lines := []*ntfy.Stream{p.hear(topics), p.topics.Subscribe("/" + topics + "/sse"), p.topics.Subscribe("/" + topics + "/ws")}

		var wait sync.WaitGroup
		halfway := make(chan struct{}, 2*senders)
		for i, a := range []*sender{first, second} {
			for n := range senders {
				wait.Go(func() {
					for k := range each {
						text := fmt.Sprintf("gotify %d %d %03d", i, n, k)
						answer, err := a.Try(t.Context(), "POST", "/message", object{"message": text})
						if err != nil || answer.Status != 200 {
							t.Errorf("%s: %v %+v", text, err, answer)
						}
					}
				})
				wait.Go(func() {
					for k := range each {
						text := fmt.Sprintf("ntfy %d %d %03d", i, n, k)
						if _, err := p.topics.TryPublish(t.Context(), a.Topic, text); err != nil {
							t.Errorf("%s: %v", text, err)
						}
						if k == each/2 {
							halfway <- struct{}{}
						}
					}
				})
			}
		}
		<-halfway
		frames = append(frames, p.phone.Stream("/stream?since=0"))
		lines = append(lines, p.topics.Subscribe("/"+topics+"/json?since=all"), p.topics.Subscribe("/"+second.Topic+","+first.Topic+"/ws?since=all"))
		wait.Wait()

		var order []string
		for _, m := range p.phone.History() {
			order = append(order, m.Message)
		}
		require.Len(t, order, 4*senders*each)
		require.Equal(t, order, ntfy.Texts(p.stored(topics, "")))
		last := map[string]string{}
		for _, text := range order {
			who := text[:strings.LastIndexByte(text, ' ')]
			require.Greater(t, text, last[who])
			last[who] = text
		}
		for i := range order {
			for n, stream := range frames {
				require.Equal(t, order[i], stream.NextMessage().Message, "Gotify's stream %d", n)
			}
			for n, stream := range lines {
				require.Equal(t, order[i], stream.NextMessage().Message, "ntfy's stream %d", n)
			}
		}
	})
}
