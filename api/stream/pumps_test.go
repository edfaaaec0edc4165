package stream_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
)

func TestDrainWaitsForAllStreams(t *testing.T) {
	s := serve(t, stream.Options{})
	require.NoError(t, s.pumps.Drain(t.Context()), "nothing is open")
	for range 10 {
		conn := s.dial(t)
		s.subscription(t)
		s.publish(int64(s.hub.Streams()), "hello")
		expect(t, conn, "hello")
	}
	drained := make(chan error, 2)
	for range 2 {
		go func() { drained <- s.pumps.Drain(context.Background()) }()
	}
	select {
	case err := <-drained:
		t.Fatal("drained while streams were open", err)
	case <-time.After(10 * time.Millisecond):
	}
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
