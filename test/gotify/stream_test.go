package gotify

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

func TestStreamCarriesMessages(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		one, two, foreign := user.NewSender("one"), user.NewSender("two"), other.NewSender("foreign")
		device, nobody := user.NewDevice("phone"), Anonymous(t, s)
		streams := []*Stream{
			nobody.Stream("/stream?token=" + device.Token), device.Stream("/stream"), user.Stream("/stream"), user.Login().Stream("/stream"),
			nobody.With("Authorization", "Bearer "+device.Token).Stream("/stream"),
		}
		for i := range 5 {
			foreign.Send("not for this user")
			sent := []*Sender{one, two}[i%2].Send(fmt.Sprint(i))
			for _, stream := range streams {
				require.Equal(t, sent, stream.NextMessage())
			}
		}
	})
}

func TestWhatIsNoStream(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device, nobody := user.NewDevice("phone"), Anonymous(t, s)
		nobody.Get("/stream").Refused(401)
		nobody.RefusedStream("/stream?token=Cunknownunknown").Refused(401)
		device.Loose().Get("/stream").Refused(400, "websocket")
		c := device.Loose()
		for _, query := range []string{"since=x", "since=-1", "since=1.5", "since=99999999999999999999", "since=9223372036854775808", "events=nothing", "since=%00"} {
			c.RefusedStream("/stream?" + query).Refused(400)
		}
	})
}

// What a client says on the stream is ignored.
func TestClientFramesAreIgnored(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		stream := device.Stream("/stream?token=" + device.Token)
		for range 20 {
			stream.Write(websocket.TextMessage, []byte("hello"))
			stream.Write(websocket.BinaryMessage, []byte{0, 1, 2})
			stream.Write(websocket.TextMessage, nil)
			stream.Write(websocket.PingMessage, []byte("ping"))
			stream.Write(websocket.PongMessage, nil)
		}
		for range 3 {
			require.Equal(t, sender.Send("m"), stream.NextMessage())
		}
	})
}

// A client that says far too much is cut off, and nobody else notices.
func TestHugeClientFrame(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		loud, quiet := device.Stream("/stream"), device.Stream("/stream")
		loud.conn.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)) //nolint:errcheck // the server may hang up meanwhile
		require.Error(t, loud.Ended())
		require.Equal(t, sender.Send("m"), quiet.NextMessage())
	})
}

func TestPings(t *testing.T) {
	own(t, map[string]string{"server.stream.pingperiodseconds": "1"}, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		stream := device.Stream("/stream?token=" + device.Token)
		for range 3 {
			select {
			case <-stream.Pings:
			case <-stream.Frames:
				t.Fatal("a frame where only pings are expected")
			}
		}
		require.Equal(t, sender.Send("m"), stream.NextMessage())
	})
}

// Whoever does not answer pings is gone, and is hung up on. It needs no database
// in particular, so one will do.
func TestSilentClientIsCut(t *testing.T) {
	t.Parallel()
	for _, d := range dialect.All()[:1] {
		d.Need(t)
		s := server.Start(t, d, map[string]string{"server.stream.pingperiodseconds": "1"})
		user := NewPerson(t, s)
		device := user.NewDevice("phone")
		answering := device.Stream("/stream?token=" + device.Token)
		mute := dialSilently(t, s, "/stream?token="+device.Token)
		mute.conn.SetPingHandler(func(string) error { return nil })
		require.Empty(t, mute.readToTheEnd(t))
		require.Equal(t, user.NewSender("app").Send("m"), answering.NextMessage())
	}
}

// Every way to lose access ends the streams at once, without a close frame: old
// Android clients would take that for an open connection.
func TestLostAccessCutsStreams(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		gone, kept := user.NewDevice("gone"), user.NewDevice("kept")
		cut := []*Stream{gone.Stream("/stream?token=" + gone.Token), gone.Stream("/stream")}
		stays := []*Stream{kept.Stream("/stream?token=" + kept.Token), user.Stream("/stream")}
		kept.Delete(fmt.Sprintf("/client/%d", gone.ID)).Empty(http.StatusOK)
		for _, stream := range cut {
			stream.Cut()
		}
		sent := user.NewSender("app").Send("for those who stay")
		for _, stream := range stays {
			require.Equal(t, sent, stream.NextMessage())
		}
	})
}

// A client that understands close frames may ask for them.
func TestCloseFramesOnRequest(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device := user.NewDevice("phone")
		events, framed, plain := device.Stream("/stream?events=all"), device.Stream("/stream?close=frame"), device.Stream("/stream")
		user.Delete(fmt.Sprintf("/client/%d", device.ID)).Empty(http.StatusOK)
		events.Closed(websocket.ClosePolicyViolation)
		framed.Closed(websocket.ClosePolicyViolation)
		plain.Cut()
	})
}

func TestShutdownEndsStreams(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		device := NewPerson(t, s).NewDevice("phone")
		plain, framed := device.Stream("/stream"), device.Stream("/stream?close=frame")
		s.Stop(t)
		plain.Cut()
		framed.Closed(websocket.CloseGoingAway)
	})
}

func TestStreamLimit(t *testing.T) {
	own(t, map[string]string{"limits.streams": "2", "limits.exempthosts": ""}, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		device := user.NewDevice("phone")
		first := device.Stream("/stream")
		device.Stream("/stream")
		refused := user.RefusedStream("/stream")
		refused.Refused(429)
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
		other.Stream("/stream")
		first.Hangup()
		Until(t, "there is room again", func() bool {
			stream, _, err := device.TryStream("/stream")
			return err == nil && stream != nil
		})
	})
}

func TestExemptHostsHaveNoStreamLimit(t *testing.T) {
	own(t, map[string]string{"limits.streams": "1"}, func(t *testing.T, s *server.Server) {
		device := NewPerson(t, s).NewDevice("phone")
		for range 5 {
			device.Stream("/stream")
		}
	})
}
