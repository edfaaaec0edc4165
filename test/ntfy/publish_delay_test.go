package ntfy

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// escaped returns a parameter of a query.
func escaped(name, value string) string { return name + "=" + url.QueryEscape(value) }

// delayed publishes a message for later and returns when it is due, and between
// which times it was published.
func delayed(c *Caller, topic string, headers ...string) (due, before, after time.Time) {
	c.T.Helper()
	before = time.Now().Truncate(time.Second)
	m := c.Loose().With(headers...).Put("/"+topic, "later").Message()
	return time.Unix(m.Time, 0), before, time.Now()
}

func TestDelays(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for text, want := range map[string]time.Duration{
			"10s": 10 * time.Second, "90s": 90 * time.Second, "30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "72h": 72 * time.Hour,
			"10 s": 10 * time.Second, "20sec": 20 * time.Second, "20 secs": 20 * time.Second, "20 seconds": 20 * time.Second, "1 minute": time.Minute, "5 mins": 5 * time.Minute,
			"5min": 5 * time.Minute, "2 hours": 2 * time.Hour, "1 Hour": time.Hour, "1d": 24 * time.Hour, "3 days": 72 * time.Hour, "1 day": 24 * time.Hour, "3D": 72 * time.Hour,
			"in 20 minutes": 20 * time.Minute, "in 2 hours": 2 * time.Hour,
		} {
			due, before, after := delayed(w.Caller, w.topic, "Delay", text)
			require.False(t, due.Before(before.Add(want).Truncate(time.Minute)), "%s: %s", text, due) // words are about minutes
			require.False(t, due.After(after.Add(want)), "%s: %s", text, due)
			if !strings.HasPrefix(text, "in ") {
				require.False(t, due.Before(before.Add(want)), "%s: %s", text, due)
			}
		}
		at := time.Now().Unix() + 3600
		due, _, _ := delayed(w.Caller, w.topic, "At", fmt.Sprint(at))
		require.Equal(t, at, due.Unix())
		w.silent()
	})
}

// Words and times of day are meant in the zone that is named.
func TestDelaysInWords(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, name := range []string{"Asia/Kolkata", "America/New_York", "Europe/Berlin", "Pacific/Auckland", "UTC"} {
			zone, err := time.LoadLocation(name)
			require.NoError(t, err)
			for text, clock := range map[string]string{
				"tomorrow, 10am": "10:00", "tomorrow 3pm": "15:00", "tomorrow at 9:30pm": "21:30", "10am tomorrow": "10:00",
			} {
				due, before, after := delayed(w.Caller, w.topic, "At", text, "X-Timezone", name)
				require.Equal(t, clock, due.In(zone).Format("15:04"), "%s in %s", text, name)
				days := []string{before.In(zone).AddDate(0, 0, 1).Format(time.DateOnly), after.In(zone).AddDate(0, 0, 1).Format(time.DateOnly)}
				require.Contains(t, days, due.In(zone).Format(time.DateOnly), "%s in %s", text, name)
			}
			// A time of day that has passed is tomorrow's. Twelve hours from now is
			// neither so near nor so far that it could be refused.
			later := time.Now().In(zone).Add(12 * time.Hour)
			text := later.Format("3:04pm")
			due, before, after := delayed(w.Caller, w.topic, "At", text, "X-Timezone", name)
			require.Equal(t, text, due.In(zone).Format("3:04pm"))
			require.True(t, due.After(before) && due.Before(after.Add(25*time.Hour)), "%s: %s", text, due)
			m := w.Loose().Post("/", object{"topic": w.topic, "delay": "tomorrow, 6am", "timezone": name}).Message()
			require.Equal(t, "06:00", time.Unix(m.Time, 0).In(zone).Format("15:04"))
		}
		w.silent()
	})
}

func TestDelaysThatAreNone(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		now := time.Now().Unix()
		for text, code := range map[string]int{
			"x": 40004, "nonsense": 40004, "0": 40004, "-1": 40004, "1": 40004, fmt.Sprint(now - 100): 40004, "1 fortnight": 40004, "10": 40004, "--": 40004,
			"99999999999999999999999": 40004, "1e3": 40004, "0x10": 40004, "NaN": 40004, "1h x": 40004, "тomorrow": 40004, "🔔": 40004, strings.Repeat("tomorrow ", 100): 40004,
			strings.Repeat("9", 100): 40004,
			"9s":                     40005, "9 seconds": 40005, "0s": 40005, "-10s": 40005, "-100h": 40005, "1ns": 40005, "0 days": 40005, fmt.Sprint(now + 5): 40005,
			"73h": 40006, "4d": 40006, "4 days": 40006, "259202s": 40006, "99999 days": 40006, strings.Repeat("9", 50) + "d": 40006, fmt.Sprint(now + 4*86400): 40006,
			"9223372036854775807": 40006, "2562047h47m16.854775807s": 40006,
		} {
			w.Loose().With("Delay", text).Put("/"+w.topic, "m").Refused(code)
			w.Loose().Post("/", object{"topic": w.topic, "delay": text}).Refused(code)
		}
		for _, zone := range []string{"Nowhere/None", "../../etc/passwd", "Europe/../Europe/Berlin", "/etc/localtime", "x", "+01:00", strings.Repeat("x", 1000), "Europe/Berlin\\0"} {
			w.Loose().With("At", "tomorrow, 10am", "X-Timezone", zone).Put("/"+w.topic, "m").Refused(40004)
		}
		w.silent()
		require.Equal(t, []string{"nothing was in between"}, Texts(w.Poll(w.topic, "sched=1")))
	})
}
