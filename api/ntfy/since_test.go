package ntfy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 890_000_000, time.UTC)
	second := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	at := func(at time.Time) model.Since { return model.Since{Kind: model.SinceTime, Time: at} }
	key := func(key string) model.Since { return model.Since{Kind: model.SinceKey, Key: key} }
	for text, want := range map[string]model.Since{
		"":                    {Kind: model.SinceNone},
		"all":                 {Kind: model.SinceAll},
		"latest":              {Kind: model.SinceLatest},
		"none":                {Kind: model.SinceNone},
		"nFS3knfcQ1xe":        key("nFS3knfcQ1xe"),
		"123456789012":        key("123456789012"),
		"20260101abcd":        key("20260101abcd"),
		"0":                   {Kind: model.SinceAll},
		"-1":                  {Kind: model.SinceAll},
		"1":                   at(time.Unix(1, 0).UTC()),
		"1645970742":          at(time.Unix(1645970742, 0).UTC()),
		"9223372036854775807": at(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)),
		"10m":                 at(second.Add(-10 * time.Minute)),
		"1h30m":               at(second.Add(-90 * time.Minute)),
		"100ms":               at(second),
		"900ms":               at(second.Add(-time.Second)),
		"0s":                  at(second),
		"1d":                  at(second.Add(-24 * time.Hour)),
		"+2d":                 at(second.Add(-48 * time.Hour)),
		"1.5d":                at(second.Add(-36 * time.Hour)),
		"1d12h":               at(second.Add(-36 * time.Hour)),
		"-1d":                 at(second.Add(24 * time.Hour)),
		"-10m":                at(second.Add(10 * time.Minute)),
		"-1d12h":              at(second.Add(36 * time.Hour)),
	} {
		got, err := parseSince(text, false, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	got, err := parseSince("", true, now)
	require.NoError(t, err)
	require.Equal(t, model.Since{Kind: model.SinceAll}, got, "a poll asks for everything")

	got, err = parseSince("99999999999999999d", false, now)
	require.NoError(t, err)
	require.Less(t, got.Time.Year(), 1800)
	got, err = parseSince("-99999999999999999d", false, now)
	require.NoError(t, err)
	require.Greater(t, got.Time.Year(), 2200)

	for _, text := range []string{
		"ALL", "yesterday", "nFS3knfcQ1x", "nFS3knfcQ1xe1", "nFS3knfc-1xe", "d", ".d", "1d-2h", "-1d-2h", "--1d", "1d1", "1e3d", "infd", "NaNd", "1x",
		"99999999999999999999999", strings.Repeat("9", 400) + "d", "١",
	} {
		_, err := parseSince(text, false, now)
		requireFailure(t, 40008, err)
	}
}

func requireFailure(t *testing.T, code int, err error) {
	t.Helper()
	var refused *failure
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.code, refused.text)
}

func FuzzSince(f *testing.F) {
	for _, text := range []string{"", "all", "nFS3knfcQ1xe", "1645970742", "-5", "1d12h", "-10m", "999999999999d"} {
		f.Add(text)
	}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		since, err := parseSince(text, false, now)
		if err != nil {
			requireFailure(t, 40008, err)
			return
		}
		require.Equal(t, since.Kind == model.SinceKey, since.Key != "")
		require.Equal(t, since.Kind == model.SinceTime, !since.Time.IsZero())
		if since.Kind == model.SinceTime { // every database can hold it
			require.Greater(t, since.Time.Year(), 1600)
			require.Less(t, since.Time.Year(), 10000)
		}
	})
}
