package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

type (
	ctx  = context.Context
	emit = func([]*hub.Envelope) error
)

// sealed returns envelopes with the texts, with ids from first on.
func sealed(first int64, texts ...string) []*hub.Envelope {
	var envelopes []*hub.Envelope
	for i, text := range texts {
		envelopes = append(envelopes, hub.Seal(message(first+int64(i), text)))
	}
	return envelopes
}

func TestReplayComesBeforeWhatIsLive(t *testing.T) {
	var published sync.WaitGroup
	published.Add(1)
	s := serve(t, stream.Options{}, withReplay(func(subscription *hub.Subscription) stream.Replay {
		return func(_ ctx, emit emit) error {
			published.Wait() // the live messages wait already, and some were stored in time to be replayed
			for first := 1; first <= 300; first += 100 {
				if err := emit(sealed(int64(first), numbered(first, 100)...)); err != nil {
					return err
				}
			}
			subscription.Release(300)
			return nil
		}
	}))
	conn := s.dial(t)
	s.subscription(t)
	s.publish(200, numbered(200, 201)...)
	published.Done()
	expect(t, conn, numbered(1, 400)...)
	s.publish(401, "live")
	expect(t, conn, "live")
}

func TestAReplayStopsWhenItsStreamEnds(t *testing.T) {
	for name, end := range map[string]func(*server, *websocket.Conn){
		"client":  func(_ *server, c *websocket.Conn) { _ = c.Close() },
		"revoked": func(s *server, _ *websocket.Conn) { s.hub.EndUser(1, hub.ReasonRevoked) },
		"stop":    func(s *server, _ *websocket.Conn) { s.hub.Close(hub.ReasonShutdown) },
	} {
		t.Run(name, func(t *testing.T) {
			outcome := make(chan error, 2)
			s := serve(t, stream.Options{}, withReplay(func(*hub.Subscription) stream.Replay {
				return func(ctx ctx, emit emit) error {
					derived, cancel := context.WithTimeout(ctx, patience)
					defer cancel()
					<-derived.Done()
					outcome <- context.Cause(derived)
					err := emit(sealed(1, "too late"))
					outcome <- err
					return err
				}
			}))
			conn := s.dial(t)
			s.subscription(t)
			end(s, conn)
			require.ErrorIs(t, await(t, outcome), context.Canceled)
			require.Error(t, await(t, outcome))
			_, text, err := conn.ReadMessage()
			require.Error(t, err, "got %q", text)
		})
	}
}

// What is being emitted when the right is taken away stops in its midst.
func TestARevokedReplayDeliversNothingMore(t *testing.T) {
	outcome := make(chan error, 1)
	s := serve(t, stream.Options{}, withReplay(func(*hub.Subscription) stream.Replay {
		return func(_ ctx, emit emit) error {
			err := emit(sealed(1, slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 64)...))
			outcome <- err
			return err
		}
	}))
	_, reader := s.raw(t)
	s.subscription(t)
	s.hub.EndUser(1, hub.ReasonRevoked)
	n, err := io.Copy(io.Discard, reader)
	require.NoError(t, err)
	require.Less(t, n, int64(64<<20))
	require.Error(t, await(t, outcome))
}

func TestAReplayThatFailsEndsItsStream(t *testing.T) {
	failures := map[string]func() error{
		"error": func() error { return errors.New("the database is away") },
		"panic": func() error { panic("out of luck") },
	}
	for name, fail := range failures {
		for mode, options := range map[string][]option{"plain": nil, "close frames": {withCloseFrames}} {
			t.Run(name+" "+mode, func(t *testing.T) {
				logged := &safeBuffer{}
				replay := withReplay(func(*hub.Subscription) stream.Replay { return func(ctx, emit) error { return fail() } })
				s := serve(t, stream.Options{Log: slog.New(slog.NewTextHandler(logged, nil))}, append(options, replay)...)
				conn := s.dial(t)
				subscription := s.subscription(t)
				_, _, err := conn.ReadMessage()
				if want := websocket.CloseInternalServerErr; s.CloseFrames && name == "error" {
					require.True(t, websocket.IsCloseError(err, want), "%v", err)
				} else {
					require.True(t, websocket.IsCloseError(err, websocket.CloseAbnormalClosure), "%v", err)
				}
				await(t, subscription.Done())
				require.Regexp(t, "the database is away|out of luck", logged.String())
			})
		}
	}
}

// safeBuffer is a log that tests may read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestPingsAndPongsGoOnDuringALongReplay(t *testing.T) {
	enough := make(chan struct{})
	s := serve(t, stream.Options{Ping: 5 * time.Millisecond}, withReplay(func(subscription *hub.Subscription) stream.Replay {
		return func(ctx ctx, emit emit) error {
			for id := int64(1); ; id++ {
				select {
				case <-enough:
					subscription.Release(id)
					return nil
				default:
				}
				if err := emit(sealed(id, "old")); err != nil {
					return err
				}
			}
		}
	}))
	conn := s.dial(t)
	require.NoError(t, conn.WriteControl(websocket.PingMessage, []byte("are you there"), time.Time{}))
	pings, pongs := 0, 0
	conn.SetPingHandler(func(string) error { pings++; return nil })
	conn.SetPongHandler(func(string) error { pongs++; return nil })
	for pings < 3 || pongs < 1 {
		_, _, err := conn.ReadMessage()
		require.NoError(t, err)
	}
	close(enough)
}

// fussy is a format that fails on one message.
type fussy struct{ plain }

func (f fussy) Encode(e *model.Event) []byte {
	if e.Message.Message == "poison" {
		panic("cannot encode")
	}
	return f.plain.Encode(e)
}

func TestAnEncoderThatPanicsEndsTheStreamOnly(t *testing.T) {
	s := serve(t, stream.Options{}, withEncoder(fussy{}))
	conn := s.dial(t)
	s.publish(1, "fine")
	expect(t, conn, "fine")
	s.publish(2, "poison")
	_, _, err := conn.ReadMessage()
	require.Error(t, err)

	again := s.dial(t)
	s.subscription(t)
	s.subscription(t)
	s.publish(3, "fine again")
	expect(t, again, "fine again")
}
