package ntfy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// heard is a request that the fake upstream got.
type heard struct {
	method, path, key, authorization, body string
}

// upstreamFace returns a Face whose upstream is handle, and what that hears.
func upstreamFace(t *testing.T, handle http.HandlerFunc) (*Face, chan heard) {
	t.Helper()
	got := make(chan heard, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- heard{r.Method, r.URL.Path, r.Header.Get("X-Poll-ID"), r.Header.Get("Authorization"), string(body)}
		if handle != nil {
			handle(w, r)
		}
	}))
	t.Cleanup(server.Close)
	base, err := url.Parse("https://push.example.com/")
	require.NoError(t, err)
	return &Face{
		Options: Options{BaseURL: base, Upstream: Upstream{BaseURL: server.URL + "/", Token: "tk_secret"}, Log: slog.New(slog.DiscardHandler)},
		wakeups: newWakeups(),
	}, got
}

// runFace runs the face until the test ends.
func runFace(t *testing.T, f *Face) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(30 * time.Second):
			t.Error("it did not end")
		}
	})
}

func nextWakeup(t *testing.T, got chan heard) heard {
	t.Helper()
	select {
	case h := <-got:
		return h
	case <-time.After(30 * time.Second):
		t.Fatal("the upstream heard nothing")
		return heard{}
	}
}

func TestUpstream(t *testing.T) {
	f, got := upstreamFace(t, nil)
	runFace(t, f)
	f.poll("mytopic", "0123456789ab")
	require.Equal(t, heard{
		// The SHA-256 of https://push.example.com/mytopic.
		http.MethodPost, "/d1b967d5c79737039fe1828caee68e965279bef8685028c6a5b3caf8bdc17fdc", "0123456789ab", "Bearer tk_secret", "",
	}, nextWakeup(t, got))
	f.Upstream.Token = ""
	f.poll("other", "x")
	require.Empty(t, nextWakeup(t, got).authorization)
}

func TestTheUpstreamSendsUsNowhere(t *testing.T) {
	elsewhere := make(chan struct{}, 100)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} }))
	t.Cleanup(other.Close)
	f, got := upstreamFace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Poll-ID") == "first" {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}
	})
	runFace(t, f)
	f.poll("mytopic", "first")
	nextWakeup(t, got)
	// Each of the workers has another one behind it: the first has ended by then.
	for range 10 * wakers {
		f.poll("mytopic", "second")
	}
	for range 10 * wakers {
		nextWakeup(t, got)
	}
	require.Empty(t, elsewhere)
}

func TestAnUpstreamThatFails(t *testing.T) {
	f, got := upstreamFace(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	runFace(t, f)
	f.poll("a", "first")
	f.poll("a", "second")
	require.ElementsMatch(t, []string{"first", "second"}, []string{nextWakeup(t, got).key, nextWakeup(t, got).key})
}

func TestTheQueueForTheUpstreamIsBounded(t *testing.T) {
	var log bytes.Buffer
	f, _ := upstreamFace(t, nil)
	f.Log = slog.New(slog.NewTextHandler(&log, nil))
	for range maxWakeups {
		f.poll("a", "x")
	}
	require.Empty(t, log.String())
	f.poll("a", "x") // does not block, though nobody takes anything
	require.Contains(t, log.String(), "phones are not woken")
	require.Len(t, f.wakeups, maxWakeups)
}

func TestNoUpstream(t *testing.T) {
	f, _ := upstreamFace(t, nil)
	f.Upstream.BaseURL = ""
	f.Wake([]*model.Event{model.Published(&model.Message{Topic: "a", Key: "x"})})
	require.Empty(t, f.wakeups)
	runFace(t, f)
}

// A phone is woken for what it can ask for, in whichever language it was said.
func TestWhatPhonesAreWokenFor(t *testing.T) {
	f, _ := upstreamFace(t, nil)
	f.Wake([]*model.Event{
		model.Published(&model.Message{Topic: "a", Key: "gotify"}),
		model.Published(&model.Message{Topic: "a", Key: "push", Details: &model.Details{Base64: true}}),
		model.Published(&model.Message{Topic: "upAbCdEfGh1234", Key: "hidden", Details: &model.Details{}}),
		model.Published(&model.Message{Topic: "a", Key: "poll", Transient: true, Details: &model.Details{PollID: "x"}}),
		model.Published(&model.Message{Topic: "a", Key: "passing", Transient: true, Details: &model.Details{}}),
		{Kind: model.MessageDeleted, Topic: "a", Notice: &model.Notice{Key: "deleted"}},
		model.Published(&model.Message{Topic: "b", Key: "ntfy", Details: &model.Details{}}),
	})
	close(f.wakeups)
	var keys []string
	for w := range f.wakeups {
		keys = append(keys, w.topic+" "+w.key)
	}
	require.Equal(t, []string{"a gotify", "b ntfy"}, keys)
}
