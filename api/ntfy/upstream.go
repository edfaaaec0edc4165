package ntfy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/carillon-push/carillon/model"
)

// wakeup is a message that a phone is to ask for: ntfy's app for iOS cannot hold a
// stream, and is woken by a server that Apple knows. That server hears that there is
// something, never what or where.
type wakeup struct{ topic, key string }

const (
	// maxWakeups bounds the queue; what does not fit is dropped, and the phone asks
	// when it is woken the next time.
	maxWakeups = 1000
	// wakers is how many requests to the upstream are under way at once.
	wakers        = 4
	wakeupTimeout = 10 * time.Second
)

func newWakeups() chan wakeup { return make(chan wakeup, maxWakeups) }

// Wake asks the upstream, where there is one, to wake those who listen to the
// topics of the events, for messages that they can ask for. It hears of whatever
// was announced, in either language, and never waits.
func (f *Face) Wake(events []*model.Event) {
	if f.Upstream.BaseURL == "" || f.BaseURL == nil {
		return
	}
	for _, e := range events {
		if e.Kind == model.MessagePublished && e.Topic != "" && !e.TopicOnly && !e.Message.Transient {
			f.poll(e.Topic, e.Message.Key)
		}
	}
}

func (f *Face) poll(topic, key string) {
	select {
	case f.wakeups <- wakeup{topic, key}:
	default:
		f.Log.Warn("phones are not woken: too many messages wait for the upstream", "topic", topic)
	}
}

// Run wakes phones through the upstream until ctx ends.
func (f *Face) Run(ctx context.Context) error {
	if f.Upstream.BaseURL == "" {
		<-ctx.Done()
		return nil
	}
	// The configured server is called, and nobody else: no proxy out of the
	// environment, and not where it would like to send us.
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: wakeupTimeout}).DialContext,
		TLSHandshakeTimeout: wakeupTimeout,
		MaxConnsPerHost:     wakers, MaxIdleConnsPerHost: wakers,
		IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport, Timeout: wakeupTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var group sync.WaitGroup
	for range wakers {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case w := <-f.wakeups:
					if err := f.wake(ctx, client, w); err != nil && ctx.Err() == nil {
						f.Log.Warn("the upstream did not wake phones", "topic", w.topic, "error", err)
					}
				}
			}
		})
	}
	group.Wait()
	return nil
}

// wake tells the upstream the hash of the topic's address, by which it knows the
// phones, and the message's key.
func (f *Face) wake(ctx context.Context, client *http.Client, w wakeup) error {
	sum := sha256.Sum256([]byte(strings.TrimRight(f.BaseURL.String(), "/") + "/" + w.topic))
	address := strings.TrimRight(f.Upstream.BaseURL, "/") + "/" + hex.EncodeToString(sum[:])
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "carillon/"+f.Version)
	request.Header.Set("X-Poll-Id", w.key)
	if f.Upstream.Token != "" {
		request.Header.Set("Authorization", "Bearer "+f.Upstream.Token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// What is read to its end can be used again.
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered with %s", response.Status)
	}
	return nil
}
