package gotify

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// at runs all of these at the same moment and fails the test for every error.
func at(t *testing.T, all ...func() error) {
	t.Helper()
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for _, one := range all {
		wait.Go(func() {
			<-begin
			if err := one(); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	wait.Wait()
}

// either returns a check of an attempt: an error unless the status is one of these.
func either(statuses ...int) func(*Answer, error) error {
	return func(answer *Answer, err error) error {
		for _, want := range statuses {
			if err == nil && answer.Status == want {
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("%s: status %d instead of %d: %.300s", answer.what, answer.Status, statuses, answer.Body)
		}
		return err
	}
}

// An application that is deleted while its messages arrive takes them with it.
func TestDeleteApplicationWhilePosting(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		kept := user.NewSender("kept").Send("kept")
		for range 5 {
			gone := user.NewSender("gone")
			var all []func() error
			for poster := range 6 {
				all = append(all, func() error {
					for i := range 10 {
						body := object{"message": fmt.Sprint(poster, i)}
						if err := either(200, 401)(gone.Try(t.Context(), "POST", "/message", body)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			at(t, append(all, func() error {
				return status(200)(user.Try(t.Context(), "DELETE", fmt.Sprintf("/application/%d", gone.ID), nil))
			})...)
			gone.Post("/message", object{"message": "m"}).Refused(401)
			require.Equal(t, []Message{kept}, user.History())
		}
	})
}

// A user who is deleted while everything of theirs is in use is gone in the end.
func TestDeleteUserWhileBusy(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		for range 3 {
			user := NewPerson(t, s)
			sender, device := user.NewSender("app"), user.NewDevice("phone")
			stream := device.Stream("/stream")
			var all []func() error
			for _, r := range []route{
				{"POST", "/application", object{"name": "x"}}, {"POST", "/client", object{"name": "x"}}, {"GET", "/message", nil},
				{"DELETE", "/message", nil}, {"PUT", fmt.Sprintf("/client/%d", device.ID), object{"name": "y"}},
				{"PUT", fmt.Sprintf("/application/%d", sender.ID), object{"name": "y"}},
			} {
				all = append(all, func() error {
					for range 5 {
						if err := either(200, 401, 404)(device.Try(t.Context(), r.method, r.path, r.body)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			at(t, append(all, func() error {
				return status(200)(admin.Try(t.Context(), "DELETE", fmt.Sprintf("/user/%d", user.ID), nil))
			})...)
			stream.Ended() //nolint:errcheck // how it ended is told by other tests
			device.Get("/current/user").Refused(401)
			sender.Post("/message", object{"message": "m"}).Refused(401)
		}
	})
}

// Deleting everything and posting at once: each post is there or deleted, and
// nobody waits for the other for good.
func TestDeleteMessagesWhilePosting(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app")
		var all []func() error
		for range 4 {
			all = append(all, func() error {
				for range 15 {
					if err := status(200)(sender.Try(t.Context(), "POST", "/message", object{"message": "m"})); err != nil {
						return err
					}
				}
				return nil
			}, func() error {
				for i := range 5 {
					path := []string{"/message", fmt.Sprintf("/application/%d/message", sender.ID)}[i%2]
					if err := status(200)(user.Try(t.Context(), "DELETE", path, nil)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		at(t, all...)
		last := sender.Send("last")
		require.Contains(t, user.History(), last)
	})
}

// A rename, a use and an elevation of one client at once: none undoes another.
func TestChangeClientWhileElevating(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		for round := range 8 {
			device := user.NewDevice("phone")
			path := fmt.Sprintf("/client/%d", device.ID)
			name := fmt.Sprint("name ", round)
			at(t,
				func() error { return status(200)(user.Try(t.Context(), "PUT", path, object{"name": name})) },
				func() error {
					return status(204)(user.Try(t.Context(), "POST", path+"/elevate", object{"durationSeconds": 600}))
				},
				func() error { return status(200)(device.Try(t.Context(), "GET", "/message", nil)) },
			)
			require.NotNil(t, As[User](device.Get("/current/user")).ElevatedUntil)
			for _, client := range As[[]Client](user.Get("/client")) {
				if client.ID == device.ID {
					require.Equal(t, name, client.Name)
					require.NotNil(t, client.ElevatedUntil)
				}
			}
		}
	})
}

// Of several who ask for the same name at once, one gets it.
func TestSameUserNameAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		name := "same " + admin.Name
		var mu sync.Mutex
		counts := map[int]int{}
		var all []func() error
		for range 6 {
			all = append(all, func() error {
				answer, err := admin.Try(t.Context(), "POST", "/user", object{"name": name, "pass": "x"})
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					counts[answer.Status]++
				}
				return err
			})
		}
		at(t, all...)
		require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusBadRequest: 5}, counts)
	})
}
