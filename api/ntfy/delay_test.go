package ntfy

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is a Wednesday.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestDelays(t *testing.T) {
	for text, want := range map[string]time.Time{
		strconv.FormatInt(noon.Add(time.Minute).Unix(), 10): noon.Add(time.Minute),
		"10s":                  noon.Add(10 * time.Second),
		"1h30m":                noon.Add(90 * time.Minute),
		"30 s":                 noon.Add(30 * time.Second),
		"1d":                   noon.AddDate(0, 0, 1),
		"2 days":               noon.AddDate(0, 0, 2),
		"3day":                 noon.AddDate(0, 0, 3),
		"5 Minutes":            noon.Add(5 * time.Minute),
		"10 mins":              noon.Add(10 * time.Minute),
		"12hours":              noon.Add(12 * time.Hour),
		"90 seconds":           noon.Add(90 * time.Second),
		"in 10 minutes":        noon.Add(10 * time.Minute),
		"tomorrow":             noon.AddDate(0, 0, 1),
		"3pm":                  noon.Add(3 * time.Hour),
		"10am":                 noon.AddDate(0, 0, 1).Add(-2 * time.Hour),
		"tomorrow, 10am":       noon.AddDate(0, 0, 1).Add(-2 * time.Hour),
		"tomorrow at 14:30":    noon.AddDate(0, 0, 1).Add(150 * time.Minute),
		"in one hour":          noon.Add(time.Hour),
		"friday at 9am":        noon.AddDate(0, 0, 2).Add(-3 * time.Hour),
		"please at 5:00pm now": noon.Add(5 * time.Hour),
		"12am":                 noon.Add(12 * time.Hour),
		"12:42 a.m.":           noon.Add(12*time.Hour + 42*time.Minute),
		"tomorrow at 12pm":     noon.AddDate(0, 0, 1),
	} {
		got, err := parseDelay(text, noon)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
}

func TestDelaysThatAreRefused(t *testing.T) {
	for text, code := range map[string]int{
		strconv.FormatInt(noon.Unix(), 10):                 40004,
		strconv.FormatInt(noon.Add(-time.Hour).Unix(), 10): 40004,
		"0":                              40004,
		"-5":                             40004,
		"bananas":                        40004,
		"never ever":                     40004,
		"\x00":                           40004,
		strings.Repeat("tomorrow ", 100): 40004,
		strconv.FormatInt(noon.Add(9*time.Second).Unix(), 10): 40005,
		"9s":                        40005,
		"-1h":                       40005,
		"1 sec":                     40005,
		"73h":                       40006,
		"4 days":                    40006,
		"99999999999999999999 days": 40006,
		"in 2 weeks":                40006,
		"99999999999":               40006,
		strconv.FormatInt(noon.AddDate(0, 0, 3).Unix()+1, 10): 40006,
		strconv.FormatInt(1<<62, 10):                          40006,
		"2562047h":                                            40006,
		strings.Repeat("9", 30):                               40004,
		"in " + strings.Repeat("9", 30) + " hours":            40004,
		strings.Repeat("9", 9) + " days":                      40006,
		"1" + strings.Repeat(" ", maxDelayText) + "d":         40004,
	} {
		_, err := parseDelay(text, noon)
		require.Error(t, err, text)
		requireRefused(t, code, err)
	}
	_, err := parseDelay("3d", noon)
	require.NoError(t, err)
}

func TestDelaysAreMeantInTheirZone(t *testing.T) {
	zone, err := parseZone("Asia/Tokyo")
	require.NoError(t, err)
	got, err := parseDelay("10pm", noon.In(zone)) // it is 21:00 there
	require.NoError(t, err)
	require.True(t, noon.Add(time.Hour).Equal(got), got)

	server, err := parseZone("")
	require.NoError(t, err)
	require.Equal(t, time.Local, server)
	for _, name := range []string{"Nowhere/Land", "../etc/passwd", "/etc/localtime", strings.Repeat("x", 1000), "a\x00b"} {
		_, err := parseZone(name)
		requireRefused(t, 40004, err)
	}
}

func FuzzDelay(f *testing.F) {
	for _, text := range []string{
		"10s", "1d", "2 days", "tomorrow, 10am", "half an hour", "last friday", "march 31st", "in 12345 years", "31/02/2027", "25:61",
		"in a few minutes", "5 minutes ago", "9999999999", "-1h", "next monday at 8:30 pm", "in 99999999999999999999 seconds",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseDelay(text, noon)
		if err != nil {
			code := asFailure(err).code
			require.True(t, code >= 40004 && code <= 40006, "%d", code)
			return
		}
		wait := got.Sub(noon)
		require.True(t, wait > minDelay-time.Second && wait < maxDelay+time.Second, "%s", wait)
	})
}
