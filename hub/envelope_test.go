package hub_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// counting is a format that counts how often it encodes.
type counting struct {
	name  string
	calls atomic.Int64
}

func (c *counting) Encode(e *model.Event) []byte {
	c.calls.Add(1)
	return fmt.Appendf(nil, "%s %d", c.name, e.Message.ID)
}

// crowded is a format whose encoding takes until all readers have asked for it.
type crowded struct {
	asked, calls atomic.Int64
	readers      int64
}

func (c *crowded) Encode(*model.Event) []byte {
	c.calls.Add(1)
	for c.asked.Load() < c.readers {
		runtime.Gosched()
	}
	for range 1000 { // and let them wait
		runtime.Gosched()
	}
	return []byte("done")
}

func TestWhoAsksDuringTheEncodingWaitsForIt(t *testing.T) {
	envelope, format := hub.Seal(message(1, 1)), &crowded{readers: 8}
	var readers sync.WaitGroup
	for range format.readers {
		readers.Go(func() {
			format.asked.Add(1)
			if got := string(envelope.Bytes(format)); got != "done" {
				t.Errorf("got %q", got)
			}
		})
	}
	readers.Wait()
	require.EqualValues(t, 1, format.calls.Load())
}

// mute is a format that carries nothing.
type mute struct{ calls *atomic.Int64 }

func (m mute) Encode(*model.Event) []byte { m.calls.Add(1); return nil }

func TestAnEnvelopeEncodesOncePerFormat(t *testing.T) {
	envelope := hub.Seal(message(1, 42))
	formats := []*counting{{name: "a"}, {name: "b"}, {name: "c"}}
	var readers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			for range 100 {
				for _, f := range formats {
					if got := string(envelope.Bytes(f)); got != f.name+" 42" {
						t.Errorf("got %q for format %s", got, f.name)
					}
				}
			}
		})
	}
	readers.Wait()
	for _, f := range formats {
		require.EqualValues(t, 1, f.calls.Load(), f.name)
	}
}

func TestAFormatThatCarriesNothingIsAskedOnce(t *testing.T) {
	var calls atomic.Int64
	envelope := hub.Seal(message(1, 1))
	require.Nil(t, envelope.Bytes(mute{&calls}))
	require.Nil(t, envelope.Bytes(mute{&calls}), "an equal encoder is the same encoder")
	require.EqualValues(t, 1, calls.Load())
}

// fragile fails on its first call.
type fragile struct{ calls *int }

func (f fragile) Encode(*model.Event) []byte {
	*f.calls++
	if *f.calls == 1 {
		panic("cannot encode")
	}
	return []byte("ok")
}

func TestAnEncoderThatPanicsDoesNotLockTheEnvelope(t *testing.T) {
	calls := 0
	envelope := hub.Seal(message(1, 1))
	require.Panics(t, func() { envelope.Bytes(fragile{&calls}) })
	require.Equal(t, "ok", string(envelope.Bytes(fragile{&calls})))
}
