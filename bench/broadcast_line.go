package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/carillon-push/carillon/model"
)

// lineBroadcaster is what fan-out in ntfy's language is compared with: each
// message becomes one chunk with one line, which is written to every connection
// as it is before the post is answered. Nothing is stored and nobody is checked.
type lineBroadcaster struct {
	mu      sync.RWMutex
	members []net.Conn
	keys    model.Keys
}

// line is a message as in ntfy's API.
type line struct {
	ID       string `json:"id"`
	Time     int64  `json:"time"`
	Expires  int64  `json:"expires,omitempty"`
	Event    string `json:"event"`
	Topic    string `json:"topic"`
	Title    string `json:"title,omitempty"`
	Message  string `json:"message,omitempty"`
	Priority int    `json:"priority,omitempty"`
}

func (b *lineBroadcaster) join(w http.ResponseWriter, _ *http.Request) error {
	_, first, err := b.encode(line{Event: "open"})
	if err != nil {
		return err
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
	// Who has heard that the subscription is open must not miss what comes next.
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := conn.Write(append([]byte(head), first...)); err != nil {
		return nil // it is gone, and there is nobody to tell
	}
	b.members = append(b.members, conn)
	return nil
}

func (b *lineBroadcaster) put(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	answer, chunk, err := b.encode(line{Event: "message", Title: r.Header.Get("Title"), Message: string(text), Priority: 4})
	if err != nil {
		return err
	}
	b.mu.RLock()
	members := b.members
	b.mu.RUnlock()
	for _, member := range members {
		// A connection lets one writer in at a time.
		if _, err := member.Write(chunk); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(answer)
	return err
}

// encode returns a line, and the same as a chunk.
func (b *lineBroadcaster) encode(l line) (text, chunk []byte, err error) {
	now := time.Now()
	l.ID, l.Time, l.Topic = b.keys.Next(now), now.Unix(), topicName
	if l.Event == "message" {
		l.Expires = now.Add(12 * time.Hour).Unix()
	}
	if text, err = json.Marshal(l); err != nil {
		return nil, nil, err
	}
	text = append(text, '\n')
	return text, fmt.Appendf(nil, "%x\r\n%s\r\n", len(text), text), nil
}
