package stream_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// stuck opens a chunked stream whose client never reads.
func (s *server) stuck(t *testing.T) net.Conn {
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	return conn
}

func TestAnEndedSubscriptionCompletesTheAnswer(t *testing.T) {
	for _, reason := range []hub.Reason{hub.ReasonRevoked, hub.ReasonSlow, hub.ReasonShutdown} {
		t.Run(reason.String(), func(t *testing.T) {
			transports(t, func(t *testing.T, options ...option) {
				s := serve(t, stream.Options{}, options...)
				client := s.get(t)
				s.publish(1, "one")
				client.expect(t, "one")
				s.hub.Close(reason)
				require.Empty(t, client.rest(t))
				require.NoError(t, await(t, s.failures))
				require.NoError(t, s.pumps.Drain(t.Context()))
			})
		})
	}
}

func TestShutdownSendsFirstWhatWaitsOnChunkedStreams(t *testing.T) {
	const count = 1000
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, options...)
		client := s.get(t)
		s.publish(1, numbered(1, count)...)
		s.hub.Close(hub.ReasonShutdown)
		require.Equal(t, strings.Join(numbered(1, count), "\n")+"\n", client.rest(t))
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.http.Config.Shutdown(ctx), "no handler is left")
	})
}

// gated is a format that waits before it encodes the first message.
type gated struct {
	lines
	gate chan struct{}
}

func (g *gated) Encode(e *model.Event) []byte {
	if e.Message.ID == 1 {
		<-g.gate
	}
	return g.lines.Encode(e)
}

// All streams are in the midst of a write when the rest comes, and then the end.
func TestShutdownSendsWhatCameDuringTheLastWrite(t *testing.T) {
	format := &gated{gate: make(chan struct{})}
	s := serve(t, stream.Options{}, withChunks, withEncoder(format))
	var clients []*answer
	for range 20 {
		clients = append(clients, s.get(t))
	}
	s.publish(1, "one", "two")
	s.hub.Close(hub.ReasonShutdown)
	close(format.gate)
	for _, client := range clients {
		require.Equal(t, "one\ntwo\n", client.rest(t))
	}
}

func TestRevokedChunkedStreamsGetNothingMore(t *testing.T) {
	const count, size = 64, 1 << 20 // far more than the kernel takes
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, append(options, withHub(hub.Options{QueueBytes: 1 << 30}))...)
		client := s.get(t)
		s.publish(1, slices.Repeat([]string{strings.Repeat("x", size)}, count)...)
		s.hub.EndUser(1, hub.ReasonRevoked)
		n, _ := io.Copy(io.Discard, client.lines)
		require.Less(t, n, int64(count*size))
		require.NoError(t, await(t, s.failures))
	})
}

// An answer that ends within an event is seen to be broken off.
func TestAnEventIsNotCutShortUnnoticed(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, append(options, withHub(hub.Options{QueueBytes: 1 << 30}))...)
		client := s.get(t)
		s.publish(1, strings.Repeat("x", 64<<20))
		_, err := io.ReadFull(client.lines, make([]byte, 10))
		require.NoError(t, err)
		s.hub.EndUser(1, hub.ReasonRevoked)
		_, err = io.Copy(io.Discard, client.lines)
		require.Error(t, err)
	})
}

func TestAClientThatLeavesEndsItsChunkedStream(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, options...)
		client := s.get(t)
		subscription := s.subscription(t)
		client.leave()
		await(t, subscription.Done())
		require.Equal(t, hub.ReasonGone, subscription.Reason())
		require.NoError(t, await(t, s.failures))
		require.Zero(t, s.hub.Streams())
	})
}

func TestAChunkedReplayStopsWhenItsStreamEnds(t *testing.T) {
	for name, end := range map[string]func(*server, *answer){
		"client":  func(_ *server, a *answer) { a.leave() },
		"revoked": func(s *server, _ *answer) { s.hub.EndUser(1, hub.ReasonRevoked) },
		"stop":    func(s *server, _ *answer) { s.hub.Close(hub.ReasonShutdown) },
	} {
		t.Run(name, func(t *testing.T) {
			begun, outcome := make(chan bool, 1), make(chan error, 2)
			s := serve(t, stream.Options{}, withChunks, withHello, withReplay(func(*hub.Subscription) stream.Replay {
				return func(ctx ctx, emit emit) error {
					begun <- true
					select {
					case <-ctx.Done():
						outcome <- ctx.Err()
					case <-time.After(patience):
						outcome <- nil
					}
					err := emit(sealed(1, "too late"))
					outcome <- err
					return err
				}
			}))
			client := s.get(t)
			client.expect(t, "hello")
			await(t, begun)
			end(s, client)
			require.ErrorIs(t, await(t, outcome), context.Canceled)
			require.Error(t, await(t, outcome))
			rest, _ := io.ReadAll(client.lines)
			require.Empty(t, rest)
			require.NoError(t, await(t, s.failures))
		})
	}
}

// The queue never fills here: what ends the reader is the write.
func TestAChunkedStreamThatIsNotReadIsCut(t *testing.T) {
	s := serve(t, stream.Options{WriteTimeout: 50 * time.Millisecond}, withChunks, withHub(hub.Options{QueueBytes: 1 << 30}))
	s.stuck(t)
	subscription := s.subscription(t)
	s.publish(1, strings.Repeat("x", 64<<20))
	await(t, subscription.Done())
	require.Equal(t, hub.ReasonGone, subscription.Reason())
	require.NoError(t, await(t, s.failures))
}

// On HTTP/2 the connection is alive, and only the stream is full.
func TestAnHTTP2StreamThatIsNotReadIsCut(t *testing.T) {
	s := serve(t, stream.Options{WriteTimeout: 50 * time.Millisecond}, withChunks, withHTTP2, withHub(hub.Options{QueueBytes: 1 << 30}))
	stuck := s.get(t)
	subscription := s.subscription(t)
	s.publish(1, strings.Repeat("x", 64<<20))
	await(t, subscription.Done())
	require.NoError(t, await(t, s.failures))
	again := s.get(t)
	s.publish(2, "for others")
	again.expect(t, "for others")
	_, err := io.Copy(io.Discard, stuck.lines)
	require.Error(t, err)
}

func TestAFullQueueEndsTheChunkedStreamAlone(t *testing.T) {
	s := serve(t, stream.Options{WriteTimeout: 10 * patience}, withChunks, withHub(hub.Options{QueueEvents: 50}))
	stuck := s.stuck(t)
	slow := s.subscription(t)
	good := s.get(t)
	s.subscription(t)
	text := strings.Repeat("x", 50_000)
	id := int64(0)
	for slow.Reason() == 0 {
		id++
		s.publish(id, text)
		good.expect(t, text)
	}
	require.Equal(t, hub.ReasonSlow, slow.Reason())
	require.Greater(t, id, int64(50))
	require.NoError(t, stuck.Close())
	s.publish(id+1, "the good one stays")
	good.expect(t, "the good one stays")
}

func TestDrainWaitsForChunkedStreamsAndCutsThem(t *testing.T) {
	for name, options := range map[string][]option{"http1": {withChunks}, "http2": {withChunks, withHTTP2}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, stream.Options{WriteTimeout: 10 * patience}, append(options, withHub(hub.Options{QueueBytes: 1 << 30}))...)
			if name == "http1" {
				s.stuck(t)
			} else {
				s.get(t)
			}
			subscription := s.subscription(t)
			s.publish(1, strings.Repeat("x", 64<<20))
			s.hub.Close(hub.ReasonShutdown)
			await(t, subscription.Done())

			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			require.ErrorContains(t, s.pumps.Drain(ctx), "1 streams")

			require.NoError(t, s.pumps.Drain(t.Context()), "what was cut off ends")
			require.NoError(t, await(t, s.failures))
		})
	}
}

func TestAFailedReplayIsAnsweredOrBreaksOff(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("the database is away") },
		"panic": func() error { panic("out of luck") },
	} {
		replay := withReplay(func(*hub.Subscription) stream.Replay { return func(ctx, emit) error { return fail() } })
		t.Run(name+" at first", func(t *testing.T) {
			transports(t, func(t *testing.T, options ...option) {
				s := serve(t, stream.Options{}, append(options, replay)...)
				client := s.get(t)
				require.Equal(t, 400, client.StatusCode, "the caller answers")
				require.Regexp(t, "the database is away|the stream failed", client.rest(t))
				await(t, s.subscription(t).Done())
			})
		})
		t.Run(name+" later", func(t *testing.T) {
			transports(t, func(t *testing.T, options ...option) {
				logged := &safeBuffer{}
				s := serve(t, stream.Options{Log: slog.New(slog.NewTextHandler(logged, nil))}, append(options, replay, withHello)...)
				client := s.get(t)
				_, err := io.ReadAll(client.lines)
				require.Error(t, err, "the answer is seen to be broken off")
				require.NoError(t, await(t, s.failures))
				require.Regexp(t, "the database is away|out of luck", logged.String())
				await(t, s.subscription(t).Done())
			})
		})
	}
}

// fussyLines is a format that fails on one message.
type fussyLines struct{ lines }

func (f fussyLines) Encode(e *model.Event) []byte {
	if e.Message.Message == "poison" {
		panic("cannot encode")
	}
	return f.lines.Encode(e)
}

func TestAPanicEndsTheChunkedStreamOnly(t *testing.T) {
	poisoned := func(e *model.Event) bool { return e.Message.Message == "poison" }
	for name, change := range map[string]func(*stream.Stream){
		"encoder": func(s *stream.Stream) { s.Encoder = fussyLines{} },
		"filter": func(s *stream.Stream) {
			s.Filter = func(e *model.Event) bool {
				if poisoned(e) {
					panic("cannot decide")
				}
				return true
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			transports(t, func(t *testing.T, options ...option) {
				s := serve(t, stream.Options{}, options...)
				healthy := s.get(t)
				s.subscription(t)
				change(&s.Stream)
				client := s.get(t)
				s.subscription(t)
				s.publish(1, "fine")
				client.expect(t, "fine")
				s.publish(2, "poison")
				_, err := client.lines.ReadString('\n')
				require.Error(t, err)
				require.NoError(t, await(t, s.failures))
				healthy.expect(t, "fine", "poison")
				s.publish(3, "fine again")
				healthy.expect(t, "fine again")
			})
		})
	}
	t.Run("keep-alive", func(t *testing.T) {
		s := serve(t, stream.Options{KeepAlive: time.Millisecond}, withChunks, with(func(s *stream.Stream) {
			s.KeepAlive = func() []byte { panic("not alive") }
		}))
		client := s.get(t)
		_, err := client.lines.ReadString('\n')
		require.Error(t, err)
		require.NoError(t, await(t, s.failures))
		require.Zero(t, s.hub.Streams())
	})
}
