package gotify

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// longText, eighteen times, is more than anybody holds for one reader.
var longText = strings.Repeat("x", 900_000)

// silent is a WebSocket whose client does not read until it is told to.
type silent struct{ conn *websocket.Conn }

// dialSilently opens a stream over a connection with small buffers.
func dialSilently(t *testing.T, s *server.Server, path string) silent {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: Patience, NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return conn, err
	}}
	conn, response, err := dialer.Dial("ws"+strings.TrimPrefix(s.URL(), "http")+path, nil)
	require.NoError(t, err)
	response.Body.Close()
	t.Cleanup(func() { conn.Close() })
	return silent{conn}
}

// readToTheEnd reads what was on its way until the server hangs up, and returns
// the ids of the messages that came.
func (s silent) readToTheEnd(t *testing.T) []int64 {
	t.Helper()
	require.NoError(t, s.conn.SetReadDeadline(time.Now().Add(2*Patience)))
	var ids []int64
	for {
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			var network net.Error
			require.False(t, errors.As(err, &network) && network.Timeout(), "the server did not hang up on a reader that did not read")
			return ids
		}
		var message Message
		require.NoError(t, json.Unmarshal(frame, &message))
		ids = append(ids, message.ID)
	}
}
