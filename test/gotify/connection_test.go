package gotify

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// Connection strings as Gotify's documentation shows them, on servers whose
// clock and character set are not the ones we would choose.
func TestConnectionStringsOfGotify(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		place := server.NewPlace(t, d, nil)
		place.Environment = []string{"TZ=Asia/Kolkata"}
		if d.Name == "mysql" {
			d.Exec(t, place.Connection, "ALTER DATABASE "+place.Connection[strings.LastIndex(place.Connection, "/")+1:]+" CHARACTER SET latin1")
			place.Settings["database.connection"] += "?charset=utf8&parseTime=True&loc=Local"
		} else if at, err := url.Parse(place.Connection); err == nil && at.Scheme == "postgres" {
			place.Settings["database.connection"] = "host=" + at.Hostname() + " port=" + at.Port() + " user=" + at.User.Username() +
				" dbname=" + strings.TrimPrefix(at.Path, "/") + " sslmode=disable"
		}
		s := place.Start(t)
		user := NewPerson(t, s)
		sender := user.NewSender("Glocke 🔔")
		sent := sender.Send("𝕬 🔔 钟")
		date, err := time.Parse(time.RFC3339Nano, sent.Date)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), date, 5*time.Minute)
		s.Restart(t)
		require.Equal(t, []Message{sent}, user.History())
		require.Equal(t, sender.CreatedAt, As[[]Application](user.Get("/application"))[0].CreatedAt)
	})
}
