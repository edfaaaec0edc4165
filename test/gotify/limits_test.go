package gotify

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestGiantBodies(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		giant := []byte(`{"message":"` + strings.Repeat("x", 2<<20) + `"}`)
		for kind, data := range map[string][]byte{
			"application/json": giant, "application/x-www-form-urlencoded": []byte("message=" + strings.Repeat("x", 2<<20)), "text/plain": giant,
		} {
			sender.Loose().Post("/message", Raw{kind, data}).Refused(413)
		}
		sender.Loose().Post("/message", upload(t, "message", "m", giant)).Refused(413)
		c := user.Loose()
		c.Post("/application", Raw{"application/json", giant}).Refused(413)
		c.Post("/client", Raw{"application/json", giant}).Refused(413)
		c.Post("/auth/local/login", Raw{"application/json", giant}).Refused(413)
		require.Empty(t, user.History())
		sender.Send("and the next one passes")
	})
}

// A body without a length is counted while it comes.
func TestGiantChunkedBody(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("app")
		body := io.MultiReader(strings.NewReader(`{"message":"`), strings.NewReader(strings.Repeat("x", 3<<20)), strings.NewReader(`"}`))
		request, err := http.NewRequest("POST", s.URL()+"/message", struct{ io.Reader }{body})
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Gotify-Key", sender.Token)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	})
}

func TestBodyLimitIsASetting(t *testing.T) {
	own(t, map[string]string{"limits.body": "2000"}, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("app")
		sender.Send(strings.Repeat("x", 1900))
		sender.Loose().Post("/message", object{"message": strings.Repeat("x", 2100)}).Refused(413)
	})
}

// Guessing passwords is slowed down, and tokens go on working.
func TestGuessingIsThrottled(t *testing.T) {
	settings := map[string]string{"limits.exempthosts": "", "limits.logins.burst": "4", "limits.logins.perminute": "1"}
	own(t, settings, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("app"), user.NewDevice("phone")
		guess := func(i int) *Answer {
			switch wrong := Anonymous(t, s).Basic(user.Name, fmt.Sprint("guess ", i)); i % 3 {
			case 0:
				return wrong.Get("/current/user")
			case 1:
				return wrong.Post("/auth/local/login", object{"name": "x"})
			default:
				return wrong.Post("/message", object{"message": "m", "appid": sender.ID})
			}
		}
		for i := range 4 {
			guess(i).Refused(401)
		}
		for i := range 3 {
			refused := guess(i)
			refused.Refused(429)
			seconds, err := strconv.Atoi(refused.Header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, seconds)
		}
		Anonymous(t, s).Basic("nobody", "x").Get("/current/user").Refused(429)
		device.Get("/message").Want(200)
		sender.Send("m")
	})
}

func TestExemptHostsMayGuess(t *testing.T) {
	own(t, map[string]string{"limits.logins.burst": "2", "limits.logins.perminute": "1"}, func(t *testing.T, s *server.Server) {
		for i := range 6 {
			Anonymous(t, s).Basic(server.AdminName, fmt.Sprint(i)).Get("/current/user").Refused(401)
		}
		Admin(t, s).Get("/current/user").Want(200)
	})
}

// Limits count what a proxy says that it is trusted to say, and nothing else.
func TestThrottlePerAddress(t *testing.T) {
	settings := map[string]string{
		"limits.exempthosts": "", "limits.logins.burst": "2", "limits.logins.perminute": "1", "server.trustedproxies": "127.0.0.1",
	}
	own(t, settings, func(t *testing.T, s *server.Server) {
		wrong := Anonymous(t, s).Basic("nobody", "x")
		for range 2 {
			wrong.With("X-Forwarded-For", "203.0.113.7").Get("/current/user").Refused(401)
		}
		wrong.With("X-Forwarded-For", "203.0.113.7").Get("/current/user").Refused(429)
		wrong.With("X-Forwarded-For", "1.2.3.4, 203.0.113.7").Get("/current/user").Refused(429)
		wrong.With("X-Forwarded-For", "203.0.113.8").Get("/current/user").Refused(401)
	})
}

func TestRequestLimit(t *testing.T) {
	settings := map[string]string{"limits.requests.burst": "20", "limits.requests.persecond": "0.01", "limits.exempthosts": ""}
	own(t, settings, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("app")
		var refused *Answer
		for range 30 {
			if answer := sender.Post("/message", object{"message": "m"}); answer.Status != 200 {
				refused = answer
				break
			}
		}
		require.NotNil(t, refused, "30 requests passed a limit of 20")
		refused.Refused(429)
		require.NotEmpty(t, refused.Header.Get("Retry-After"))
		Anonymous(t, s).Get("/health").Want(200)
	})
}

func TestHugeHeadersAndAddresses(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		for what, request := range map[string]string{
			"header":  "GET /version HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("x", 4<<20) + "\r\n\r\n",
			"address": "GET /message?since=" + strings.Repeat("1", 100_000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
			"garbage": "\x16\x03\x01\x00\xff\r\n\r\n", "method": strings.Repeat("G", 5000) + " / HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
			go conn.Write([]byte(request)) //nolint:errcheck // the server may hang up meanwhile
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				continue // hung up: an answer may be lost while we still write
			}
			response.Body.Close()
			require.True(t, response.StatusCode >= 400 && response.StatusCode < 500, "%s: %s", what, response.Status)
		}
		Anonymous(t, s).Get("/health").Want(200)
	})
}

// A client that takes forever to say what it wants is cut.
func TestSlowRequestsAreCut(t *testing.T) {
	settings := map[string]string{"server.timeouts.readheader": "1s", "server.timeouts.read": "2s", "server.timeouts.idle": "1s"}
	own(t, settings, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("app")
		stream := NewPerson(t, s).Stream("/stream")
		for what, start := range map[string]string{
			"nothing": "", "half a header": "GET /version HTTP/1.1\r\nHost: x\r\nX-Y",
			"half a body": "POST /message HTTP/1.1\r\nHost: x\r\nX-Gotify-Key: " + sender.Token +
				"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"mess",
			"idle": "GET /version HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
				require.NoError(t, err)
				defer conn.Close()
				require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
				_, err = conn.Write([]byte(start))
				require.NoError(t, err)
				var seen bytes.Buffer
				_, err = io.Copy(&seen, conn)
				var network net.Error
				if err != nil && errors.As(err, &network) {
					require.False(t, network.Timeout(), "the connection stays open: %.300s", seen.Bytes())
				}
			})
		}
		t.Cleanup(func() {
			select { // a stream is quiet for longer than any of these times
			case _, open := <-stream.Frames:
				require.True(t, open, "the timeouts ended a stream")
			default:
			}
		})
	})
}
