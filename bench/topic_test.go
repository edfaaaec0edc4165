package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wait is how long a test waits for what must come.
const wait = 30 * time.Second

// event is a line of the stream with the message of a poster, sent then.
func event(sent, poster int) string {
	return fmt.Sprintf(`{"id":"aaaaaaaaaaaa","event":"message","topic":"bench","message":"%016d%03dxxx"}`+"\n", sent, poster)
}

func chunk(payload string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(payload), payload) }

// A subscriber counts the same messages however they arrive.
func TestASubscriberTakesLinesInAnyPieces(t *testing.T) {
	two := event(1000, 0) + `{"event":"keepalive"}` + "\n" + event(1001, 7)
	for name, sent := range map[string]string{
		"a chunk for each":    chunk(event(1000, 0)) + chunk(`{"event":"keepalive"}`+"\n") + chunk(event(1001, 7)),
		"one chunk":           chunk(two),
		"chunks within lines": chunk(two[:30]) + chunk(two[30:31]) + chunk(two[31:]),
	} {
		for size := 1; size <= len(sent); size++ {
			var took []time.Duration
			o := &order{}
			s := &subscriber{audience: &audience{order: o, heard: func(_, t time.Duration) { took = append(took, t) }}}
			for piece := range slices.Chunk([]byte(sent), size) {
				require.NoError(t, s.receive(slices.Clone(piece), 5000), name)
			}
			require.Equal(t, []time.Duration{4000, 3999}, took, name)
			require.Equal(t, []posted{{1000, 0}, {1001, 7}}, o.all, name)
			require.Equal(t, 2, s.audience.delivered, name)
			require.Equal(t, 1, s.audience.pinged, name)
			require.Empty(t, s.line, name)
		}
	}
}

func TestASubscriberRefusesWhatItDoesNotExpect(t *testing.T) {
	for _, sent := range []string{
		"x\r\n", "-1\r\n", "ffffffff\r\n", "0\r\n\r\n", chunk("{}\n"), chunk("\n"),
		chunk(`{"event":"message","message":"text"}` + "\n"),
		chunk(`{"event":"message","message":"0000000000001000"}` + "\n"),
	} {
		s := &subscriber{audience: &audience{heard: func(time.Duration, time.Duration) {}}}
		require.Error(t, s.receive([]byte(sent), 0), "%q", sent)
	}
	s := &subscriber{}
	require.ErrorIs(t, s.receive([]byte("0\r\n\r\n"), 0), errEnded)
}

func TestOrderIsTheSameForAll(t *testing.T) {
	first := []posted{{10, 0}, {11, 1}, {9, 2}, {12, 0}}
	for name, c := range map[string]struct {
		second []posted
		refuse bool
	}{
		"same":                 {first, false},
		"fewer":                {first[:2], false},
		"more":                 {append(slices.Clone(first), posted{13, 1}), false},
		"other order":          {[]posted{{11, 1}, {10, 0}}, true},
		"twice":                {[]posted{{10, 0}, {10, 0}}, true},
		"one left out":         {[]posted{{10, 0}, {9, 2}}, true},
		"another poster":       {[]posted{{10, 1}}, true},
		"twice at the end":     {append(slices.Clone(first), posted{12, 0}), true},
		"a poster's backwards": {append(slices.Clone(first), posted{10, 1}), true},
	} {
		o := &order{}
		for at, p := range first {
			require.NoError(t, o.check(at, p))
		}
		var err error
		for at, p := range c.second {
			if err == nil {
				err = o.check(at, p)
			}
		}
		require.Equal(t, c.refuse, err != nil, "%s: %v", name, err)
	}
	var none *order
	require.NoError(t, none.check(0, posted{1, 1}))
}

func TestAPutCarriesStampAndText(t *testing.T) {
	for _, length := range []int{messageLength, stuckText} {
		r := putRequest("127.0.0.1:1", length)
		head, body, found := strings.Cut(string(r.text), "\r\n\r\n")
		require.True(t, found)
		require.Len(t, body, length)
		require.Contains(t, head, fmt.Sprintf("Content-Length: %d", length))
		require.Equal(t, len(head)+4, r.stamp)

		writeDigits(r.text[r.stamp+stampDigits:][:numberDigits], 42)
		number, ok := readDigits(r.text[r.stamp+stampDigits:], numberDigits)
		require.True(t, ok)
		require.Equal(t, 42, number)
	}
}

// The bare broadcast and the subscriber understand each other.
func TestSubscribersHearTheBareBroadcast(t *testing.T) {
	b := &lineBroadcaster{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handle := b.put
		if r.Method == http.MethodGet {
			handle = b.join
		}
		if err := handle(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	listener := connect(t, address)
	require.NoError(t, subscribe(listener, address))

	r := putRequest(address, stuckText)
	for i := range 3 {
		writeStamp(r.text[r.stamp:][:stampDigits], time.Duration(100+i))
		poster := connect(t, address)
		_, err := poster.Write(r.text)
		require.NoError(t, err)
		requireAnswer(t, poster)
	}
	o := &order{}
	s := &subscriber{audience: &audience{order: o, heard: func(time.Duration, time.Duration) {}}}
	require.NoError(t, s.drain(listener, 3))
	require.Equal(t, []posted{{100, 0}, {101, 0}, {102, 0}}, o.all)
}

func TestASubscriptionMustOpen(t *testing.T) {
	for name, answer := range map[string]string{
		"refused":      "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		"ended":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"another line": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(`{"event":"open"}`+"\n") + chunk(event(1, 0)),
	} {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			head := make([]byte, 1024)
			if _, err := server.Read(head); err == nil {
				io.WriteString(server, answer) //nolint:errcheck // the client may have gone
			}
		}()
		require.Error(t, subscribe(client, "x"), name)
		require.NoError(t, client.Close())
	}
}

// A server that gives up may do so in any way.
func TestDrainingEndsWithTheConnection(t *testing.T) {
	for name, tail := range map[string]string{"cut": "", "ended": "0\r\n\r\n", "within a line": "40\r\n{"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		client := connect(t, listener.Addr().String())
		server, err := listener.Accept()
		require.NoError(t, err)
		_, err = io.WriteString(server, chunk(event(5, 0))+tail)
		require.NoError(t, err)
		require.NoError(t, server.Close())
		require.NoError(t, listener.Close())
		s := &subscriber{audience: &audience{heard: func(time.Duration, time.Duration) {}}}
		require.NoError(t, s.drain(client, 2), name)
		require.Equal(t, 1, s.taken, name)
	}
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	c, err := dial(ctx, address, 0)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// requireAnswer reads one answer with the status 200.
func requireAnswer(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(wait)))
	var answer []byte
	for piece := make([]byte, 4096); ; {
		n, err := c.Read(piece)
		require.NoError(t, err)
		answer = append(answer, piece[:n]...)
		whole, err := judgeAnswer(answer)
		require.NoError(t, err)
		if whole {
			return
		}
	}
}
