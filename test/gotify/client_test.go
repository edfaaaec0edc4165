package gotify

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestNewClient(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		require.Equal(t, "[]", trim(user.Get("/client").Want(http.StatusOK).Body))
		made := As[object](user.Post("/client", object{"name": "phone"}))
		require.Equal(t, "phone", made["name"])
		require.Regexp(t, tokenShape, made["token"])
		require.Equal(t, "C", made["token"].(string)[:1])
		require.Contains(t, made, "lastUsed")
		require.Nil(t, made["lastUsed"])
		require.EqualValues(t, 0, made["expiresAfterInactivitySeconds"])
		require.NotContains(t, made, "elevatedUntil")
		require.NotContains(t, made, "expiresAt")
		_, err := time.Parse(time.RFC3339Nano, made["createdAt"].(string))
		require.NoError(t, err)

		c := user.Loose()
		c.Post("/client", object{}).Refused(400, "Field 'name' is required")
		c.Post("/client", object{"name": " "}).Refused(400, "Field 'name' is required")
		c.Post("/client", object{"name": "x", "expiresAfterInactivitySeconds": -1}).Refused(400)
		c.Post("/client", nil).Refused(400)
	})
}

// A client sees its own token, which it has anyway, and no other one.
func TestTokensOfClientsAreShownOnce(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		one, two := user.NewDevice("one"), user.NewDevice("two")
		seen := func(c *Caller) map[int64]string {
			tokens := map[int64]string{}
			for _, client := range As[[]Client](c.Get("/client")) {
				tokens[client.ID] = client.Token
			}
			return tokens
		}
		require.Equal(t, map[int64]string{one.ID: "", two.ID: ""}, seen(user.Caller))
		require.Equal(t, map[int64]string{one.ID: one.Token, two.ID: ""}, seen(one.Caller))
		require.Equal(t, map[int64]string{one.ID: "", two.ID: two.Token}, seen(two.Caller))
		require.NotContains(t, As[[]object](user.Get("/client"))[0], "token")
		require.Empty(t, As[[]Client](NewPerson(t, s).Get("/client")))

		// An answer that holds a token at all holds the right one.
		own := As[Client](one.Put(fmt.Sprintf("/client/%d", one.ID), object{"name": "uno"})).Token
		require.Contains(t, []string{"", one.Token}, own)
		require.Empty(t, As[Client](one.Put(fmt.Sprintf("/client/%d", two.ID), object{"name": "due"})).Token)
	})
}

func TestChangeAndDeleteClient(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		device := user.NewDevice("phone")
		path := fmt.Sprintf("/client/%d", device.ID)
		changed := As[Client](user.Put(path, object{"name": "tablet", "expiresAfterInactivitySeconds": 3600}))
		require.Equal(t, "tablet", changed.Name)
		require.EqualValues(t, 3600, changed.ExpiresAfterInactivitySeconds)
		require.NotNil(t, changed.ExpiresAt)
		require.Equal(t, device.CreatedAt, changed.CreatedAt)
		changed = As[Client](user.Put(path, object{"name": "tablet"}))
		require.Zero(t, changed.ExpiresAfterInactivitySeconds)
		require.Nil(t, changed.ExpiresAt)

		user.Loose().Put(path, object{}).Refused(400, "Field 'name' is required")
		missing := fmt.Sprintf("client with id %d doesn't exists", device.ID)
		other.Put(path, object{"name": "x"}).Refused(404, missing)
		other.Delete(path).Refused(404, missing)
		device.Get("/current/user").Want(200)
		user.NewDevice("another").Delete(path).Empty(http.StatusOK)
		user.Delete(path).Refused(404, missing)
		user.Put(path, object{"name": "x"}).Refused(404, missing)
		device.Get("/current/user").Refused(401)
		device.RefusedStream("/stream?token=" + device.Token).Refused(401)
	})
}

func TestElevate(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user, other := NewPerson(t, s), NewPerson(t, s)
		device := user.NewDevice("phone")
		path := fmt.Sprintf("/client/%d/elevate", device.ID)
		until := func() *string { return As[User](device.Get("/current/user")).ElevatedUntil }
		require.Nil(t, until())

		user.Post(path, object{"durationSeconds": 7200}).Empty(http.StatusNoContent)
		require.NotNil(t, until())
		at, err := time.Parse(time.RFC3339Nano, *until())
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(2*time.Hour), at, 5*time.Minute)
		require.Equal(t, until(), As[[]Client](user.Get("/client"))[0].ElevatedUntil)

		user.Post(path, object{"durationSeconds": -1}).Empty(http.StatusNoContent)
		require.Nil(t, until())
		require.Nil(t, As[[]Client](user.Get("/client"))[0].ElevatedUntil)

		c := user.Loose()
		c.Post(path, object{"durationSeconds": 0}).Refused(400)
		c.Post(path, object{}).Refused(400)
		c.Post(path, object{"durationSeconds": "long"}).Refused(400)
		c.Post(path, object{"durationSeconds": 1e30}).Refused(400)
		other.Post(path, object{"durationSeconds": 60}).Refused(404, "client not found")
		user.Post("/client/987654321/elevate", object{"durationSeconds": 60}).Refused(404, "client not found")

		// As long as one likes: the largest number must not wrap around.
		answer := user.Post(path, object{"durationSeconds": int64(9223372036854775807)})
		if answer.Status == http.StatusNoContent {
			require.NotNil(t, until())
		} else {
			answer.Refused(400)
		}
	})
}

// A client that nobody uses goes away, its streams with it.
func TestClientExpires(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		kept := user.NewDeviceWith(object{"name": "kept", "expiresAfterInactivitySeconds": 3600})
		require.NotNil(t, kept.ExpiresAt)
		at, err := time.Parse(time.RFC3339Nano, *kept.ExpiresAt)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(time.Hour), at, 5*time.Minute)

		short := user.NewDeviceWith(object{"name": "short", "expiresAfterInactivitySeconds": 1})
		Until(t, "the client expires", func() bool { return len(As[[]Client](user.Get("/client"))) == 1 })
		short.Get("/current/user").Refused(401)
		short.RefusedStream("/stream").Refused(401)
		kept.Get("/current/user").Want(200)
	})
}

// An expired client is gone for a server that has known it all the time, too.
func TestUsedClientExpires(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		short := user.NewDeviceWith(object{"name": "short", "expiresAfterInactivitySeconds": 1})
		short.Get("/current/user").Want(200) // now it may be cached
		Until(t, "the client expires", func() bool { return len(As[[]Client](user.Get("/client"))) == 0 })
		short.Get("/current/user").Refused(401)
	})
}

func TestLastUsedOfClient(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		device := user.NewDevice("phone")
		require.Nil(t, As[[]Client](user.Get("/client"))[0].LastUsed)
		device.Get("/message").Want(200)
		Until(t, "lastUsed of the client", func() bool {
			return As[[]Client](user.Get("/client"))[0].LastUsed != nil
		})
	})
}
