package stream_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// answer is a chunked stream as its client sees it.
type answer struct {
	*http.Response
	lines *bufio.Reader
	leave context.CancelFunc
}

// get opens a chunked stream and returns as soon as there are headers.
func (s *server) get(t testing.TB) *answer {
	t.Helper()
	ctx, leave := context.WithTimeout(context.Background(), patience)
	t.Cleanup(leave)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL, nil)
	require.NoError(t, err)
	response, err := s.http.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return &answer{Response: response, lines: bufio.NewReader(response.Body), leave: leave}
}

// expect reads the texts, each a line.
func (a *answer) expect(t testing.TB, texts ...string) {
	t.Helper()
	for _, want := range texts {
		got, err := a.lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want+"\n", got)
	}
}

// rest reads up to the end.
func (a *answer) rest(t testing.TB) string {
	t.Helper()
	got, err := io.ReadAll(a.lines)
	require.NoError(t, err, "the answer is complete")
	return string(got)
}

// transports are the ways in which a chunked stream may travel.
func transports(t *testing.T, test func(t *testing.T, options ...option)) {
	t.Run("http1", func(t *testing.T) { test(t, withChunks) })
	t.Run("http2", func(t *testing.T) { test(t, withChunks, withHTTP2) })
}

func TestAChunkedStreamGreetsThenReplaysThenGoesOn(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		published := make(chan struct{})
		s := serve(t, stream.Options{}, append(options, withHello, withReplay(func(subscription *hub.Subscription) stream.Replay {
			return func(ctx ctx, emit emit) error {
				<-published // the live messages wait already, and some were stored in time to be replayed
				for first := 1; first <= 300; first += 100 {
					if err := emit(sealed(int64(first), numbered(first, 100)...)); err != nil {
						return err
					}
				}
				subscription.Release(300)
				return nil
			}
		}))...)
		client := s.get(t)
		client.expect(t, "hello") // at once: the replay has not begun
		s.publish(200, numbered(200, 201)...)
		close(published)
		client.expect(t, numbered(1, 400)...)
		s.publish(401, "live")
		client.expect(t, "live")
		require.Equal(t, map[string]int{"http1": 1, "http2": 2}[t.Name()[strings.LastIndex(t.Name(), "/")+1:]], client.ProtoMajor)
	})
}

func TestAChunkedStreamHasHeadersBeforeThereIsAnything(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, options...)
		client := s.get(t)
		require.Equal(t, http.StatusOK, client.StatusCode)
		s.publish(1, "one", "two")
		client.expect(t, "one", "two")
	})
}

// counted returns what makes keep-alive lines with numbers.
func counted(s *stream.Stream) {
	var n atomic.Int64
	s.KeepAlive = func() []byte { return fmt.Appendf(nil, "alive %d\n", n.Add(1)) }
}

func TestAChunkedStreamKeepsItselfAlive(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{KeepAlive: time.Millisecond}, append(options, withHello, with(counted))...)
		client := s.get(t)
		client.expect(t, "hello", "alive 1", "alive 2", "alive 3")
		s.publish(1, "one")
		line, more := "", 0
		for ; line != "one\n"; more++ {
			var err error
			line, err = client.lines.ReadString('\n')
			require.NoError(t, err)
		}
		client.expect(t, fmt.Sprintf("alive %d", 3+more))
	})
}

func TestAStreamMayHaveAPeriodOfItsOwn(t *testing.T) {
	s := serve(t, stream.Options{KeepAlive: time.Hour, Ping: time.Hour}, withChunks, with(counted), with(func(s *stream.Stream) {
		s.Ping = time.Millisecond
	}))
	s.get(t).expect(t, "alive 1", "alive 2")
	s.chunked = false
	conn := s.dial(t)
	pings := make(chan int, 2)
	onPing(t, conn, func(n int) error {
		if n <= cap(pings) {
			pings <- n
		}
		return nil
	})
	await(t, pings)
	await(t, pings)
}

// A filter may leave nothing of a long replay.
func TestAChunkedStreamKeepsItselfAliveDuringALongReplay(t *testing.T) {
	enough := make(chan struct{})
	nothing := func(s *stream.Stream) { s.Filter = func(*model.Event) bool { return false } }
	s := serve(t, stream.Options{KeepAlive: time.Millisecond}, withChunks, with(counted), with(nothing), withReplay(
		func(subscription *hub.Subscription) stream.Replay {
			return func(_ ctx, emit emit) error {
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
	s.get(t).expect(t, "alive 1", "alive 2", "alive 3")
	close(enough)
}

// The server's own deadlines are for requests, and a stream outlives them. The
// keep-alive lines last longer than they do.
func TestTheServersDeadlinesDoNotEndAChunkedStream(t *testing.T) {
	const deadline, period, beats = 100 * time.Millisecond, 10 * time.Millisecond, 40
	transports(t, func(t *testing.T, options ...option) {
		short := func(s *server) { s.http.Config.ReadTimeout, s.http.Config.WriteTimeout = deadline, deadline }
		s := serve(t, stream.Options{KeepAlive: period}, slices.Concat([]option{short}, options, []option{with(counted)})...)
		client := s.get(t)
		for n := 1; n <= beats; n++ {
			client.expect(t, fmt.Sprintf("alive %d", n))
		}
		s.publish(1, "after all")
		for line := ""; line != "after all\n"; {
			var err error
			line, err = client.lines.ReadString('\n')
			require.NoError(t, err)
		}
	})
}

// What is bounded is a write, and not the time between two of them.
func TestASilentChunkedStreamOutlivesTheWriteTimeout(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{WriteTimeout: 100 * time.Millisecond, KeepAlive: 300 * time.Millisecond}, append(options, with(counted))...)
		s.get(t).expect(t, "alive 1", "alive 2", "alive 3")
	})
}

func TestAFilterLetsThroughWhatItWants(t *testing.T) {
	wanted := func(s *stream.Stream) {
		s.Filter = func(e *model.Event) bool { return e.Message.ID%3 == 0 }
	}
	for name, way := range map[string]option{"chunked": withChunks, "websocket": func(*server) {}} {
		t.Run(name, func(t *testing.T) {
			replayed := sealed(1, numbered(1, 10)...)
			before := slices.Clone(replayed)
			s := serve(t, stream.Options{}, way, withReplay(func(subscription *hub.Subscription) stream.Replay {
				return func(_ ctx, emit emit) error {
					defer subscription.Release(10)
					return emit(replayed)
				}
			}))
			read := func() func(texts ...string) {
				if s.chunked {
					client := s.get(t)
					return func(texts ...string) { client.expect(t, texts...) }
				}
				conn := s.dial(t)
				return func(texts ...string) { expect(t, conn, texts...) }
			}
			all := read()
			s.subscription(t)
			all(numbered(1, 10)...)
			wanted(&s.Stream)
			some := read()
			s.subscription(t)
			some("message 3", "message 6", "message 9")
			require.Equal(t, before, replayed)
			var events []*model.Event
			for id := int64(11); id <= 20; id++ {
				events = append(events, message(id, fmt.Sprintf("message %d", id)))
			}
			s.hub.Publish(events...)
			some("message 12", "message 15", "message 18")
			all(numbered(11, 10)...)
			s.publish(21, "last")
			some("last")
			all("last")
		})
	}
}

// writes counts calls to Write.
type writes struct {
	http.ResponseWriter
	n atomic.Int64
}

func (w *writes) Write(p []byte) (int, error) {
	w.n.Add(1)
	return w.ResponseWriter.Write(p)
}

func (w *writes) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestAllThatWaitsLeavesInOneWriteAndWasEncodedOnce(t *testing.T) {
	const clients, count = 5, 100
	encoder := &counting{}
	s := serve(t, stream.Options{}, withChunks, withHello, withEncoder(encoder))
	inner := s.http.Config.Handler
	var all sync.Map
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		counter := &writes{ResponseWriter: w}
		all.Store(counter, true)
		inner.ServeHTTP(counter, r)
	})
	var open []*answer
	for range clients {
		open = append(open, s.get(t))
		s.subscription(t)
	}
	var events []*model.Event
	for i, text := range numbered(1, count) {
		events = append(events, message(int64(i+1), text+"\n"))
	}
	for _, client := range open {
		client.expect(t, "hello")
	}
	s.hub.Publish(events...)
	for _, client := range open {
		client.expect(t, numbered(1, count)...)
	}
	all.Range(func(counter, _ any) bool {
		require.LessOrEqual(t, counter.(*writes).n.Load(), int64(3), "the greeting, the headers or nothing, and all messages")
		return true
	})
	require.EqualValues(t, count, encoder.calls.Load())
}

func TestALargeEventTravelsInPieces(t *testing.T) {
	transports(t, func(t *testing.T, options ...option) {
		s := serve(t, stream.Options{}, options...)
		client := s.get(t)
		texts := []string{"small", strings.Repeat("x", 5*stream.MaxWrite+1), "small again"}
		s.publish(1, texts...)
		client.expect(t, texts...)
	})
}

func TestAConnectionThatCannotBeAStreamIsRefused(t *testing.T) {
	h, pumps := hub.New(hub.Options{}), stream.New(stream.Options{})
	subscription, err := h.Subscribe(model.Feed{UserID: 1})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	err = pumps.Chunked(w, httptest.NewRequest(http.MethodGet, "/", nil), stream.Stream{Subscription: subscription, Encoder: lines{}, Hello: []byte("hello\n")})
	require.Equal(t, model.Internal, model.KindOf(err))
	require.Empty(t, w.Body.String())
	require.Zero(t, h.Streams())
}

// A body that is read to its end does not hide that the client leaves; one that
// does not come holds nothing up.
func TestTheBodyOfARequestIsReadOrRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"small":      {"Content-Length: 5\r\n\r\nhello", "200 OK"},
		"chunks":     {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "200 OK"},
		"large":      {"Content-Length: 5000\r\n\r\n" + strings.Repeat("x", 5000), "400 Bad Request"},
		"announced":  {"Content-Length: 5\r\n\r\nh", "400 Bad Request"},
		"neverends":  {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "400 Bad Request"},
		"incredible": {"Content-Length: 999999999999\r\n\r\nh", "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, stream.Options{WriteTimeout: 200 * time.Millisecond}, withChunks)
			conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: test\r\n"+c.body)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, c.want, response.Status)
			if c.want == "200 OK" {
				require.NoError(t, conn.Close())
				await(t, s.subscription(t).Done())
			}
			err = await(t, s.failures)
			require.Equal(t, c.want != "200 OK", err != nil, "%v", err)
		})
	}
}

func TestOnceIsTheReplayAlone(t *testing.T) {
	pumps := stream.New(stream.Options{})
	var replay stream.Replay
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/fancy")
		odd := func(e *model.Event) bool { return e.Message.ID%2 == 1 }
		if err := pumps.Chunked(w, r, stream.Stream{Replay: replay, Once: true, Encoder: lines{}, Filter: odd}); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		replay func(emit emit) error
		status int
		body   string
		breaks bool
	}{
		"nothing": {func(emit) error { return nil }, http.StatusOK, "", false},
		"pages": {func(emit emit) error {
			return first(emit(sealed(1, numbered(1, 3)...)), emit(sealed(4, numbered(4, 3)...)))
		}, http.StatusOK, "message 1\nmessage 3\nmessage 5\n", false},
		"error":         {func(emit) error { return io.ErrNoProgress }, http.StatusTeapot, io.ErrNoProgress.Error() + "\n", false},
		"error, hidden": {func(emit emit) error { return first(emit(sealed(2, "even")), io.ErrNoProgress) }, http.StatusTeapot, io.ErrNoProgress.Error() + "\n", false},
		"panic":         {func(emit) error { panic("out of luck") }, http.StatusTeapot, "the stream failed\n", false},
		"error later":   {func(emit emit) error { return first(emit(sealed(1, "one")), io.ErrNoProgress) }, http.StatusOK, "one\n", true},
		"panic later":   {func(emit emit) error { _ = emit(sealed(1, "one")); panic("out of luck") }, http.StatusOK, "one\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			replay = func(_ ctx, emit emit) error { return c.replay(emit) }
			response, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.Equal(t, c.breaks, err != nil, "%v", err)
			require.Equal(t, c.status, response.StatusCode)
			require.Equal(t, c.body, string(body))
			require.NoError(t, pumps.Drain(t.Context()))
		})
	}
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// After a poll the connection is as before.
func TestAConnectionIsGoodForManyPolls(t *testing.T) {
	pumps := stream.New(stream.Options{})
	remote := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		remote <- r.RemoteAddr
		replay := func(_ ctx, emit emit) error { return emit(sealed(1, "one")) }
		_ = pumps.Chunked(w, r, stream.Stream{Replay: replay, Once: true, Encoder: lines{}})
	}))
	defer server.Close()
	for range cap(remote) {
		response, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.True(t, bytes.Equal([]byte("one\n"), body))
	}
	address := <-remote
	require.Equal(t, []string{address, address}, []string{<-remote, <-remote})
}
