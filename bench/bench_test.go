package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantilesAreRightToASixtyFourth(t *testing.T) {
	for _, unit := range []time.Duration{1, time.Microsecond, time.Millisecond, time.Hour} {
		var h histogram
		for i := range 1000 {
			h.add(time.Duration(i+1) * unit)
		}
		for share, want := range map[float64]time.Duration{0: unit, 0.5: 500 * unit, 0.99: 990 * unit, 1: 1000 * unit} {
			require.InEpsilon(t, want, h.quantile(share), 1.0/64, "%g of %s", share, unit)
		}
	}
}

func TestAHistogramTakesAnyDuration(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{-1, 0, 1<<63 - 1} {
		h.add(d)
	}
	require.Zero(t, h.quantile(0.5))
	require.InEpsilon(t, float64(1<<63-1), float64(h.quantile(1)), 1.0/64)
}

func TestMediansAreTakenOfEachFigure(t *testing.T) {
	s := medians([]sample{{rate: 3, p50: 1}, {rate: 1, p50: 9}, {rate: 2, p50: 5}})
	require.InDelta(t, 2, s.rate, 0)
	require.Equal(t, time.Duration(5), s.p50)
	require.InDelta(t, 1.5, medians([]sample{{rate: 1}, {rate: 2}}).rate, 0)
}

func TestAnAnswerIsTakenWhenItIsWhole(t *testing.T) {
	for name, whole := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{\"a\"}",
		"empty":   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"0\"}\r\n2\r\n{}\r\n0\r\n\r\n",
	} {
		for n := range len(whole) {
			complete, err := judgeAnswer([]byte(whole[:n]))
			require.NoError(t, err, name)
			require.False(t, complete, "%s: %q", name, whole[:n])
		}
		complete, err := judgeAnswer([]byte(whole))
		require.NoError(t, err, name)
		require.True(t, complete, name)
	}
}

func TestOtherAnswersAreErrors(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
	} {
		_, err := judgeAnswer([]byte(answer))
		require.Error(t, err, answer)
	}
}

// A stream counts the same messages however they arrive.
func TestAStreamTakesFramesInAnyPieces(t *testing.T) {
	var sent []byte
	for i, length := range []int{20, 300} {
		payload := fmt.Appendf(nil, `{"id":%d,"message":"%016d%s"}`, i, 1000+i, strings.Repeat("x", length))
		if len(payload) < 126 {
			sent = append(sent, textFrame, byte(len(payload)))
		} else {
			sent = append(sent, textFrame, 126, byte(len(payload)>>8), byte(len(payload)))
		}
		sent = append(sent, payload...)
	}
	for size := 1; size <= len(sent); size++ {
		var took []time.Duration
		a := &audience{heard: func(_, t time.Duration) { took = append(took, t) }}
		s := &stream{audience: a}
		for piece := range slices.Chunk(sent, size) {
			require.NoError(t, s.receive(piece, 5000))
		}
		require.Equal(t, []time.Duration{4000, 3999}, took)
		require.Equal(t, 2, a.delivered)
		require.Empty(t, s.rest)
	}
}

func TestAStreamRefusesWhatItDoesNotExpect(t *testing.T) {
	for _, frame := range []string{"\x88\x00", "\x81\x02{}", "\x81\x7f12345678"} {
		s := &stream{audience: &audience{heard: func(time.Duration, time.Duration) {}}}
		require.Error(t, s.receive([]byte(frame), 0), "%q", frame)
	}
}

func TestAStampIsReadAsWritten(t *testing.T) {
	r := postRequest("127.0.0.1:1", "token")
	writeStamp(r.text[r.stamp:][:stampDigits], 1234567890123*time.Nanosecond)
	_, body, found := strings.Cut(string(r.text), "\r\n\r\n")
	require.True(t, found)
	at, ok := sentAt([]byte(body))
	require.True(t, ok)
	require.Equal(t, time.Duration(1234567890123), at)
}

func TestSharesAreExactAndEven(t *testing.T) {
	const messages = 10_000
	owners := spreadShares([]share{{[]int64{1}, 200}, {[]int64{2, 3}, 500}, {[]int64{4}, -1}}, messages)
	require.Len(t, owners, messages)
	counts := func(part []int64) map[int64]int {
		n := map[int64]int{}
		for _, o := range part {
			n[o]++
		}
		return n
	}
	require.Equal(t, map[int64]int{1: 200, 2: 250, 3: 250, 4: 9300}, counts(owners))
	for tenth := range slices.Chunk(owners, messages/10) {
		require.InDelta(t, 20, counts(tenth)[1], 1)
		require.InDelta(t, 930, counts(tenth)[4], 2)
	}
}

func TestNumbersAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5: "5ns", 999: "999ns", 12345: "12.3µs", 1234567: "1.23ms", 98765432: "98.8ms", 2345678901: "2.35s", 2 * time.Hour: "2h0m0s",
	} {
		require.Equal(t, want, short(d))
	}
	require.Equal(t, "1,234,567", count(1234567))
	require.Equal(t, "123", count(123))
}
