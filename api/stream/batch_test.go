package stream

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// textOnly is a format: the text of the message, nil when it is empty. There is
// room behind the text, which belongs to all streams and must stay untouched.
type textOnly struct{}

const roomBehind = 100

func (textOnly) Encode(e *model.Event) []byte {
	if e.Message.Message == "" {
		return nil
	}
	return append(make([]byte, 0, len(e.Message.Message)+roomBehind), e.Message.Message...)
}

func envelopes(texts ...string) []*hub.Envelope {
	var out []*hub.Envelope
	for _, text := range texts {
		out = append(out, hub.Seal(&model.Event{Kind: model.MessagePublished, Message: &model.Message{Message: text}}))
	}
	return out
}

func TestABatchLeavesInFewWrites(t *testing.T) {
	k := 1 << 10
	for name, c := range map[string]struct{ sizes, writes []int }{
		"nothing":              {nil, nil},
		"nothing to say":       {[]int{0, 0}, nil},
		"one":                  {[]int{10}, []int{10}},
		"small":                {[]int{10, 0, 20, 30}, []int{60}},
		"up to the limit":      {[]int{32 * k, 32 * k, 1}, []int{64 * k, 1}},
		"large":                {[]int{100 * k}, []int{100 * k}},
		"small, large, small":  {[]int{10, 20, 100 * k, 30, 40}, []int{30, 100 * k, 70}},
		"large after one":      {[]int{10, 64 * k, 10}, []int{10, 64 * k, 10}},
		"many of medium size":  {slices.Repeat([]int{20 * k}, 7), []int{60 * k, 60 * k, 20 * k}},
		"large ones in a row":  {[]int{65 * k, 66 * k}, []int{65 * k, 66 * k}},
		"buffer used twice":    {[]int{30 * k, 30 * k, 30 * k, 30 * k}, []int{60 * k, 60 * k}},
		"single after a batch": {[]int{40 * k, 20 * k, 10 * k}, []int{60 * k, 10 * k}},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for i, n := range c.sizes {
				texts = append(texts, strings.Repeat(string(rune('a'+i)), n))
			}
			var writes []int
			var written strings.Builder
			err := new(batch).send(envelopes(texts...), format{encoder: textOnly{}}, func(p []byte) error {
				writes = append(writes, len(p))
				written.Write(p)
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, c.writes, writes)
			require.True(t, strings.Join(texts, "") == written.String())
		})
	}
}

func TestABatchLosesAndReordersNothing(t *testing.T) {
	b := new(batch)
	rapid.Check(t, func(t *rapid.T) {
		var texts []string
		for i, n := range rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 200, 9000, 33_000, maxWrite, maxWrite + 1}), 0, 30).Draw(t, "sizes") {
			texts = append(texts, strings.Repeat(string(rune('a'+i%26)), n))
		}
		var written strings.Builder
		sent := envelopes(texts...)
		require.NoError(t, b.send(sent, format{encoder: textOnly{}}, func(p []byte) error {
			written.Write(p)
			return nil
		}))
		require.True(t, strings.Join(texts, "") == written.String())
		for _, e := range sent {
			if p := e.Bytes(textOnly{}); p != nil {
				require.Equal(t, make([]byte, roomBehind), p[len(p):len(p)+roomBehind])
			}
		}
	})
}

func TestABatchStopsAtTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	err := new(batch).send(envelopes(slices.Repeat([]string{strings.Repeat("x", maxWrite)}, 5)...), format{encoder: textOnly{}}, func([]byte) error {
		calls++
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, calls)
}

func TestABatchThatWasResetHoldsNoEvents(t *testing.T) {
	b := &batch{envelopes: envelopes("a", "b")}
	list := b.envelopes
	b.reset()
	require.Empty(t, b.envelopes)
	require.Equal(t, []*hub.Envelope{nil, nil}, list)
	b.envelopes = make([]*hub.Envelope, keptEnvelopes+1)
	b.reset()
	require.Nil(t, b.envelopes)
}
