package gotify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ledger keeps what posters were told, to be compared with what is stored later.
type ledger struct {
	mu       sync.Mutex
	tried    map[string]bool // every text that was ever sent
	acked    []Message       // what was answered with 200
	statuses map[int]int     // how often which status came
	refused  *Answer         // the last answer that was not 200
}

func newLedger() *ledger { return &ledger{tried: map[string]bool{}, statuses: map[int]int{}} }

// post sends one message with a text of its own and notes the answer. It
// returns an error when there is none.
func (l *ledger) post(sender *Sender, text string) error {
	l.mu.Lock()
	l.tried[text] = true
	l.mu.Unlock()
	answer, err := sender.Try(context.Background(), "POST", "/message", object{"message": text, "extras": object{"text": text}})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[answer.Status]++
	if answer.Status != http.StatusOK {
		l.refused = answer
		return nil
	}
	var message Message
	if err := json.Unmarshal(answer.Body, &message); err != nil {
		return err
	}
	l.acked = append(l.acked, message)
	return nil
}

func (l *ledger) count(status int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statuses[status]
}

// lastRefused returns the last answer that was not 200.
func (l *ledger) lastRefused() *Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// storm lets n posters post, each one message after the other, until stop is
// called, which waits for them. A poster ends when it gets no answer, because
// the server was killed, and keeps trying when it is refused.
func (l *ledger) storm(sender *Sender, n int, name string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for poster := range n {
		wait.Go(func() {
			pause := time.NewTicker(5 * time.Millisecond)
			defer pause.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				before := l.count(http.StatusOK)
				if err := l.post(sender, fmt.Sprintf("%s-%d-%d", name, poster, i)); err != nil {
					return
				}
				if l.count(http.StatusOK) == before {
					<-pause.C // refused: do not spin
				}
			}
		})
	}
	return func() { cancel(); wait.Wait() }
}

// reach waits until there are n more answers with the status than there are now.
func (l *ledger) reach(t *testing.T, status, n int) {
	t.Helper()
	from := l.count(status)
	Until(t, fmt.Sprintf("%d more answers with status %d", n, status), func() bool { return l.count(status) >= from+n })
}

// matches compares the ledger with what is stored: every acknowledged message is
// there as it was acknowledged, nothing is there twice, and nothing is there
// that nobody sent.
func (l *ledger) matches(t *testing.T, stored []Message) {
	t.Helper()
	byID, texts := map[int64]Message{}, map[string]bool{}
	last := int64(0)
	for _, message := range stored {
		require.Greater(t, message.ID, last)
		last = message.ID
		require.False(t, texts[message.Message], "stored twice: %q", message.Message)
		require.True(t, l.tried[message.Message], "stored, and never sent: %q", message.Message)
		byID[message.ID], texts[message.Message] = message, true
	}
	for _, message := range l.acked {
		require.Equal(t, message, byID[message.ID], "acknowledged, and not stored like this")
	}
}

// listener follows a stream over restarts, resuming by id.
type listener struct {
	device *Device
	stream *Stream
	seen   []Message
}

// connect opens the stream again, from the last message seen.
func (l *listener) connect() {
	l.device.T.Helper()
	path := "/stream?token=" + l.device.Token
	if len(l.seen) > 0 {
		path += fmt.Sprintf("&since=%d", l.seen[len(l.seen)-1].ID)
	}
	l.stream = l.device.Stream(path)
}

// drain takes what came until the stream ended.
func (l *listener) drain() {
	l.device.T.Helper()
	for deadline := time.After(Patience); ; {
		select {
		case frame, open := <-l.stream.Frames:
			if !open {
				return
			}
			l.take(frame)
		case <-deadline:
			l.device.T.Fatalf("the stream did not end within %s", Patience)
		}
	}
}

// follow takes what comes until the message with this id came.
func (l *listener) follow(id int64) {
	l.device.T.Helper()
	for len(l.seen) == 0 || l.seen[len(l.seen)-1].ID < id {
		select {
		case frame, open := <-l.stream.Frames:
			if !open { // the server may have hung up meanwhile
				l.connect()
				continue
			}
			l.take(frame)
		case <-time.After(Patience):
			l.device.T.Fatalf("message %d did not come within %s", id, Patience)
		}
	}
}

func (l *listener) take(frame []byte) {
	l.device.T.Helper()
	var message Message
	require.NoError(l.device.T, json.Unmarshal(frame, &message))
	if len(l.seen) > 0 {
		require.Greater(l.device.T, message.ID, l.seen[len(l.seen)-1].ID, "ids on a stream only grow")
	}
	l.seen = append(l.seen, message)
}

// sawAll fails the test unless the listener saw exactly what is stored.
func (l *listener) sawAll(stored []Message) {
	l.device.T.Helper()
	require.Equal(l.device.T, len(stored), len(l.seen))
	for i := range stored {
		require.Equal(l.device.T, stored[i], l.seen[i])
	}
}
