package stream_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

func TestDrainWaitsForAllStreams(t *testing.T) {
	s := serve(t, stream.Options{})
	require.NoError(t, s.pumps.Drain(t.Context()), "nothing is open")
	var readers []*websocket.Conn
	for range 10 {
		readers = append(readers, s.dial(t))
		s.subscription(t)
	}
	drained := make(chan error, 2)
	for range 2 {
		go func() { drained <- s.pumps.Drain(context.Background()) }()
	}
	for id := range int64(10) {
		s.publish(id+1, "hello")
		for _, reader := range readers {
			expect(t, reader, "hello")
		}
	}
	require.Empty(t, drained, "the streams are open")
	s.hub.Close(hub.ReasonShutdown)
	require.NoError(t, await(t, drained))
	require.NoError(t, await(t, drained))
}

func TestDrainCutsOffWhoDoesNotLeave(t *testing.T) {
	for name, options := range map[string][]option{"tcp": nil, "tls": {withTLS}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{WriteTimeout: 10 * patience}, append(options, withHub(hub.Options{QueueBytes: 1 << 30}))...)
			s.dial(t) // never reads
			s.subscription(t)
			s.publish(1, strings.Repeat("x", 64<<20))
			s.hub.Close(hub.ReasonShutdown)

			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			err := s.pumps.Drain(ctx)

			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, "1 streams")
			require.NoError(t, s.pumps.Drain(t.Context()), "what was cut off ends")
		})
	}
}
