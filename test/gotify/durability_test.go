package gotify

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/server"
)

// kill -9 in the middle of posting, again and again: what was acknowledged is
// there, as it was acknowledged, and what was delivered is stored.
func TestKillWhilePosting(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, book := user.NewSender("app"), newLedger()
		listeners := make([]*listener, 4)
		for i := range listeners {
			listeners[i] = &listener{device: user.NewDevice(fmt.Sprint(i))}
		}
		for round := range 3 {
			for _, l := range listeners {
				l.connect()
			}
			stop := book.storm(sender, 8, fmt.Sprint("round ", round))
			book.reach(t, http.StatusOK, 250)
			s.Kill(t)
			stop()
			for _, l := range listeners {
				l.drain()
			}
			s.Restart(t)
			book.matches(t, user.History())
		}
		require.NoError(t, book.post(sender, "the last one"))
		stored := user.History()
		book.matches(t, stored)
		require.Zero(t, book.count(500)+book.count(503), "%v", book.refused)
		for _, l := range listeners {
			l.connect()
			l.follow(stored[len(stored)-1].ID)
			l.sawAll(stored)
		}
	})
}

// SIGTERM while posts are under way and streams are open: the server ends well,
// and what it acknowledged is there.
func TestStopWhilePosting(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, book := user.NewSender("app"), newLedger()
		l := &listener{device: user.NewDevice("phone")}
		l.connect()
		user.Stream("/stream?events=all")
		for _, begun := range []string{"", "POST /message HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
			require.NoError(t, err)
			defer conn.Close()
			_, err = conn.Write([]byte(begun))
			require.NoError(t, err)
		}
		stop := book.storm(sender, 8, "storm")
		book.reach(t, http.StatusOK, 200)
		s.Stop(t)
		stop()
		l.drain()
		s.Restart(t)
		require.NoError(t, book.post(sender, "the last one"))
		stored := user.History()
		book.matches(t, stored)
		require.Zero(t, book.count(500))
		l.connect()
		l.follow(stored[len(stored)-1].ID)
		l.sawAll(stored)
	})
}

// Several servers that meet an empty database at the same moment all start, and
// number their messages together.
func TestFourServersStartAtOnce(t *testing.T) {
	t.Parallel()
	dialect.Remote(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		first := server.NewPlace(t, d, map[string]string{"secretkey": "the secret that all nodes share"})
		servers := server.StartAll(t, first, first.Beside(t), first.Beside(t), first.Beside(t))
		user := NewPerson(t, servers[0])
		sender := user.NewSender("app")
		last := int64(0)
		for round := range 3 {
			for i, s := range servers {
				require.Len(t, As[[]User](Admin(t, s).Get("/user")), 2, "one administrator and one user")
				message := As[Message](Anonymous(t, s).Key(sender.Token).Post("/message", object{"message": fmt.Sprint(round, i)}))
				require.Greater(t, message.ID, last)
				last = message.ID
			}
		}
		book := newLedger()
		var stops []func()
		for i, s := range servers {
			there := &Sender{Caller: Anonymous(t, s).Key(sender.Token), Application: sender.Application}
			stops = append(stops, book.storm(there, 2, fmt.Sprint("node ", i)))
		}
		book.reach(t, http.StatusOK, 200)
		for _, stop := range stops {
			stop()
		}
		book.matches(t, user.History()[3*len(servers):])
		require.Equal(t, len(book.acked), book.count(http.StatusOK))
		require.Zero(t, book.count(500)+book.count(503), "%v", book.refused)
	})
}

// The same for short-lived processes, on every dialect.
func TestFourCommandsAtOnce(t *testing.T) {
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		place := server.NewPlace(t, d, nil)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				cmd, err := place.Command("user", "list")
				if err != nil {
					t.Error(err)
					return
				}
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("carillon user list: %v\n%s", err, out)
				}
			})
		}
		wait.Wait()
		Admin(t, place.Start(t)).Get("/current/user").Want(200)
	})
}

// Callers who hang up before they are answered do no harm to the others.
func TestCallersWhoGiveUp(t *testing.T) {
	own(t, nil, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, book := user.NewSender("app"), newLedger()
		l := &listener{device: user.NewDevice("phone")}
		l.connect()
		stop := book.storm(sender, 4, "patient")
		var wait sync.WaitGroup
		for hasty := range 4 {
			wait.Go(func() {
				for i := range 50 {
					text := fmt.Sprintf("hasty-%d-%d", hasty, i)
					book.mu.Lock()
					book.tried[text] = true
					book.mu.Unlock()
					if err := giveUp(s, sender.Token, text, i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wait.Wait()
		book.reach(t, http.StatusOK, 50)
		stop()
		require.NoError(t, book.post(sender, "the last one"))
		stored := user.History()
		book.matches(t, stored)
		require.Equal(t, map[int]int{200: len(book.acked)}, book.statuses, "%v", book.refused)
		l.follow(stored[len(stored)-1].ID)
		l.sawAll(stored)
	})
}

// giveUp sends a post, or part of it, and hangs up at once in one of several ways.
func giveUp(s *server.Server, token, text string, way int) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		return err
	}
	body := fmt.Sprintf(`{"message":%q,"extras":{"text":%q}}`, text, text)
	request := fmt.Sprintf("POST /message?token=%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		token, len(body), body)
	if way%3 == 0 {
		request = request[:len(request)-5]
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		conn.Close()
		return err
	}
	if way%2 == 0 { // a reset instead of an orderly end
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	return conn.Close()
}
