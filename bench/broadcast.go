package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/carillon-push/carillon/model"
)

const broadcastCommand = "broadcast"

// broadcast is what the server's fan-out is compared with: gorilla's way to send
// one message to many, and nothing else. Each post writes a PreparedMessage to
// every connection and then answers. Nothing is stored and nobody is checked.
// For ntfy's language it is a lineBroadcaster.
func broadcast(ctx context.Context) error {
	b, lines := &broadcaster{}, &lineBroadcaster{}
	return listen(ctx, func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case r.URL.Path == "/stream":
			return b.join(w, r)
		case strings.HasSuffix(r.URL.Path, "/json"):
			return lines.join(w, r)
		case r.Method == http.MethodPut:
			return lines.put(w, r)
		default:
			return b.post(w, r)
		}
	})
}

type broadcaster struct {
	mu      sync.RWMutex
	members []*member
	last    atomic.Int64
}

// member is a connection; the library allows one writer at a time.
type member struct {
	mu   sync.Mutex
	conn *websocket.Conn
}

func (b *broadcaster) join(w http.ResponseWriter, r *http.Request) error {
	upgrader := websocket.Upgrader{WriteBufferPool: &sync.Pool{}}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.members = append(b.members, &member{conn: conn})
	return nil
}

func (b *broadcaster) post(w http.ResponseWriter, r *http.Request) error {
	d, err := readDraft(r)
	if err != nil {
		return err
	}
	m := &model.Message{
		ID: b.last.Add(1), ApplicationID: 1,
		Title: d.Title, Message: d.Message, Priority: *d.Priority, Date: model.Now(),
	}
	text, err := encode(m)
	if err != nil {
		return err
	}
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
	if err != nil {
		return err
	}
	b.mu.RLock()
	members := b.members
	b.mu.RUnlock()
	for _, member := range members {
		if err := member.write(prepared); err != nil {
			return err
		}
	}
	return answer(w, m)
}

func (m *member) write(p *websocket.PreparedMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.conn.WritePreparedMessage(p)
}
