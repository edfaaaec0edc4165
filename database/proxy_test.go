package database_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between a node and its database server and can take the server
// away.
type proxy struct {
	testing.TB
	address, target string

	mu       sync.Mutex
	listener net.Listener
	links    map[*link]bool
	// frozen is closed when traffic may flow; it is replaced by freeze.
	frozen chan struct{}

	// onCommit is what happens to the next COMMIT, onFourth to every fourth one.
	onCommit, onFourth atomic.Int32
	commits            atomic.Int64
}

// What can happen to a COMMIT.
const (
	pass int32 = iota
	// loseRequest cuts the connection before the server gets it.
	loseRequest
	// loseAnswer cuts the connection after the server carried it out.
	loseAnswer
	// loseAnswerAndStayAway does that, and no connection can be made afterwards.
	loseAnswerAndStayAway
)

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	// answers is set when the next answer of the server must not come through.
	lost atomic.Int32
}

func (l *link) close() { l.client.Close(); l.server.Close() }

func newProxy(t testing.TB, target string) *proxy {
	p := &proxy{TB: t, target: target, links: map[*link]bool{}, frozen: make(chan struct{})}
	close(p.frozen)
	p.restore()
	t.Cleanup(func() { p.thaw(); p.cut() })
	return p
}

// cut ends all connections and refuses new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener.Close()
	for l := range p.links {
		l.close()
	}
}

// drop ends all connections; new ones can be made.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// restore accepts connections (again).
func (p *proxy) restore() {
	p.Helper()
	address := p.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	require.NoError(p, err)
	p.mu.Lock()
	p.listener, p.address = listener, listener.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.connect(client)
		}
	}()
}

// freeze keeps everything that is sent from now on until thaw.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.frozen:
	default:
		close(p.frozen)
	}
}

func (p *proxy) flowing() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen
}

func (p *proxy) connect(client net.Conn) {
	<-p.flowing()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	p.links[l] = true
	p.mu.Unlock()
	go p.copy(l, server, client, p.request)
	p.copy(l, client, server, p.answer)
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

func (p *proxy) copy(l *link, to io.Writer, from io.Reader, look func(*link, []byte) bool) {
	defer l.close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		<-p.flowing()
		if n > 0 && !look(l, buffer[:n]) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) request(l *link, data []byte) (through bool) {
	if len(data) > 100 || !bytes.Contains(bytes.ToLower(data), []byte("commit")) {
		return true
	}
	fate := p.onCommit.Swap(pass)
	if p.commits.Add(1)%4 == 0 && fate == pass {
		fate = p.onFourth.Load()
	}
	if fate == loseRequest {
		return false
	}
	l.lost.Store(fate)
	return true
}

func (p *proxy) answer(l *link, _ []byte) (through bool) {
	fate := l.lost.Load()
	if fate == loseAnswerAndStayAway {
		p.cut()
	}
	return fate == pass
}
