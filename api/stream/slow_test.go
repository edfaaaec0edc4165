package stream_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

// The publisher goes at the pace of the good reader; the other never reads. The
// write timeout is longer than the test waits, so only the queue can end it.
func TestASlowReaderIsEndedAndHurtsNobody(t *testing.T) {
	s := serve(t, stream.Options{WriteTimeout: 10 * patience}, withHub(hub.Options{QueueEvents: 50}))
	stuck, _ := s.raw(t)
	slow := s.subscription(t)
	good := s.dial(t)
	s.subscription(t)
	text := strings.Repeat("x", 50_000)
	id := int64(0)
	for slow.Reason() == 0 {
		id++
		s.publish(id, text)
		expect(t, good, text)
	}
	require.Equal(t, hub.ReasonSlow, slow.Reason())
	require.Greater(t, id, int64(50))
	require.Equal(t, 1, s.hub.Streams())
	s.publish(id+1, "the good one stays")
	expect(t, good, "the good one stays")
	require.NoError(t, stuck.Close())
}

// The queue never fills here: what ends the reader is the write.
func TestAWriteThatTakesTooLongEndsTheStream(t *testing.T) {
	for name, options := range map[string][]option{"plain": nil, "close frames": {withCloseFrames}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{WriteTimeout: 50 * time.Millisecond}, append(options, withHub(hub.Options{QueueBytes: 1 << 30}))...)
			s.raw(t)
			slow := s.subscription(t)
			s.publish(1, strings.Repeat("x", 64<<20))
			await(t, slow.Done())
			require.Equal(t, hub.ReasonGone, slow.Reason())
		})
	}
}

// A reader that is slow but reads gets a large frame however long it takes:
// only a standstill is cut. It reads for twice as long as one write may take.
func TestALargeFrameMayTakeLongerThanOneWrite(t *testing.T) {
	const size, timeout, parts = 32 << 20, 500 * time.Millisecond, 64
	s := serve(t, stream.Options{WriteTimeout: timeout})
	_, reader := s.raw(t)
	s.subscription(t)
	text := strings.Repeat("x", size)
	s.publish(1, text)
	pace := time.NewTicker(2 * timeout / parts)
	defer pace.Stop()
	left := int64(len(wire(text)))
	for left > 0 {
		<-pace.C
		n, err := io.CopyN(io.Discard, reader, min(left, size/parts))
		require.NoError(t, err)
		left -= n
	}
	s.publish(2, "after")
	got := make([]byte, len(wire("after")))
	_, err := io.ReadFull(reader, got)
	require.NoError(t, err)
	require.Equal(t, wire("after"), got)
}
