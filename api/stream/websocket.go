package stream

import (
	"cmp"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/carillon-push/carillon/model"
)

// noBuffers makes the library allocate no write buffer: frames are written to
// the connection itself.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}

// WebSocket upgrades the request and returns; the stream goes on by itself. An
// Invalid error, with the reason as text, means that the request is no proper
// handshake: nothing was written and the caller answers. Once the connection
// was taken over there is nobody left to answer, so a failure is logged and the
// result is nil. The subscription is closed on every failure.
func (p *Pumps) WebSocket(w http.ResponseWriter, r *http.Request, s Stream) error {
	s = s.withSubscription()
	conn, err := p.upgrade(w, r)
	if conn == nil {
		s.Subscription.Close()
		return err
	}
	// From here on nothing may refer to w or r, which would keep the request and
	// all that hangs on it in memory as long as the stream.
	ws := &socket{
		source:      source{pumps: p, subscription: s.Subscription, format: format{frameEncoder{s.Encoder}, s.Filter}},
		conn:        conn,
		closeFrames: s.CloseFrames,
		ping:        cmp.Or(s.Ping, p.options.Ping),
		pong:        make(chan []byte, 1),
		readerDone:  make(chan struct{}),
	}
	ws.ticker = time.NewTicker(ws.ping)
	ws.renew()
	p.enter(ws)
	go ws.read()
	if s.Replay == nil && len(s.Hello) == 0 && !s.Once {
		s.Subscription.Release(0)
		go ws.live()
	} else {
		go ws.begin(s.Hello, s.Replay, s.Once)
	}
	return nil
}

// upgrade returns the upgraded connection, or nil with the error that the
// caller should answer, which is nil when it cannot. The library does the
// handshake only: nothing of it stays with the stream.
func (p *Pumps) upgrade(w http.ResponseWriter, r *http.Request) (net.Conn, error) {
	status := 0
	upgrader := websocket.Upgrader{
		HandshakeTimeout: p.options.WriteTimeout,
		ReadBufferSize:   1, // with any size set, no byte of the client goes to a buffer of the library's
		WriteBufferPool:  noBuffers{},
		// The face's middleware has judged the origin already.
		CheckOrigin: func(*http.Request) bool { return true },
		Error:       func(_ http.ResponseWriter, _ *http.Request, s int, _ error) { status = s },
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err == nil {
		return conn.NetConn(), nil
	}
	switch status {
	case 0: // it was taken over and broke off
		p.options.Log.Debug("a WebSocket handshake broke off", "error", err)
		return nil, nil //nolint:nilnil // there is nobody left to answer
	case http.StatusInternalServerError:
		return nil, model.Errorf(model.Internal, "this connection cannot be upgraded").Because(err)
	default:
		w.Header().Set("Sec-WebSocket-Version", "13") // RFC 6455 section 4.2.2
		return nil, model.Errorf(model.Invalid, "%s", err.Error())
	}
}

// socket is one WebSocket stream: a reader and a writer around a connection.
// The writer is the only one that writes, so frames never interleave, and the
// only one that closes; the reader hands it what is to be answered.
type socket struct {
	source
	conn        net.Conn
	closeFrames bool
	ping        time.Duration

	inbound inbound     // the reader's
	input   [64]byte    // the reader's, for a control frame or two
	pong    chan []byte // payload of the latest ping that is not answered yet

	ticker     *time.Ticker
	farewell   atomic.Int32  // close code that the client should get; set before the subscription is closed
	readerDone chan struct{} // closed when the reader has returned
}

// cut ends the stream without a farewell.
func (s *socket) cut() {
	s.subscription.Close()
	_ = s.conn.Close()
}
