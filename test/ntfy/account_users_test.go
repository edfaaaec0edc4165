package ntfy

import (
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// listedUser is a user in the list of all.
type listedUser struct {
	Username string `json:"username"`
	Role     string `json:"role"`
	Grants   []struct {
		Topic      string `json:"topic"`
		Permission string `json:"permission"`
	} `json:"grants"`
}

// listed returns the user of this name as an admin sees them, nil when there is none.
func listed(t *testing.T, s *server.Server, name string) *listedUser {
	t.Helper()
	all := As[[]listedUser](Admin(t, s).Get("/v1/users"))
	require.Equal(t, "*", all[len(all)-1].Username, "everyone is at the end")
	for i := range all {
		if all[i].Username == name {
			return &all[i]
		}
	}
	return nil
}

func TestUsers(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		admin, name := Admin(t, s), "by-ntfy-"+rand.Text()[:8]
		ok := func(a *Answer) {
			t.Helper()
			require.JSONEq(t, `{"success":true}`, string(a.Want(200).Body))
		}
		require.Nil(t, listed(t, s, name))
		ok(admin.Post("/v1/users", object{"username": name, "password": "the first one"}))
		require.Equal(t, &listedUser{Username: name, Role: "user"}, listed(t, s, name))
		require.Equal(t, "admin", listed(t, s, server.AdminName).Role)
		require.Equal(t, "anonymous", listed(t, s, "*").Role)
		c, topic := Anonymous(t, s).Basic(name, "the first one"), NewTopic()
		c.Publish(topic, "m")
		// It is a user of Gotify's like any other.
		require.Equal(t, name, gotify.As[gotify.User](gotify.Anonymous(t, s).Basic(name, "the first one").Get("/current/user")).Name)

		admin.Post("/v1/users", object{"username": name, "password": "another one"}).Refused(40901)
		c.Get("/" + topic + "/auth").Want(200)
		ok(admin.Put("/v1/users", object{"username": name, "password": "the second one"}))
		c.Get("/" + topic + "/auth").Refused(40101)
		c = Anonymous(t, s).Basic(name, "the second one")
		c.Get("/" + topic + "/auth").Want(200)
		put := name + "-put"
		ok(admin.Put("/v1/users", object{"username": put, "password": "made by put"}))
		require.NotNil(t, listed(t, s, put))

		ok(admin.Do("DELETE", "/v1/users", object{"username": name}))
		c.Get("/" + topic + "/auth").Refused(40101)
		require.Nil(t, listed(t, s, name))
		admin.Do("DELETE", "/v1/users", object{"username": name}).Refused(40031)
		NewUser(t, s).Publish(topic, "the topic is free")
	})
}

func TestWrongUsers(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		admin, user := Admin(t, s).Loose(), NewUser(t, s)
		for _, body := range []string{"", "{", "[]", `"x"`, `{"username":5}`, "null"} {
			admin.Post("/v1/users", body).Refused(40024)
			admin.Put("/v1/users", body).Refused(40024)
			admin.Do("DELETE", "/v1/users", body).Refused(40024)
			admin.Put("/v1/users/access", body).Refused(40024)
			admin.Do("DELETE", "/v1/users/access", body).Refused(40024)
		}
		for _, body := range []object{
			{}, {"username": "x"}, {"password": "x"}, {"username": "", "password": "x"}, {"username": "*", "password": "x"}, {"username": "a\x00b", "password": "x"},
			{"username": "x", "hash": "$2a$10$abcdefghijklmnopqrstuv"}, {"username": "everyone", "password": "x"},
		} {
			for _, method := range []string{"POST", "PUT"} {
				answer := admin.Do(method, "/v1/users", body)
				require.Equal(t, http.StatusBadRequest, answer.Status, "%v: %s", body, answer.Body)
			}
		}
		second := gotify.NewAdmin(t, s)
		admin.Put("/v1/users", object{"username": second.Name, "password": "taken over"}).Refused(40301)
		admin.Do("DELETE", "/v1/users", object{"username": second.Name}).Refused(40101)
		second.Get("/current/user").Want(200)

		// Nobody but an admin: 401, as in ntfy.
		few := admin.NewToken(object{"permission": "read-only"})
		for who, c := range map[string]*Caller{
			"stranger": Anonymous(t, s), "user": user.Caller, "password": user.ByPassword(), "application": user.Bearer(user.Person.NewSender("app").Token),
			"client": user.Bearer(user.Person.NewDevice("phone").Token),
		} {
			for _, request := range [][2]string{
				{"GET", "/v1/users"}, {"POST", "/v1/users"}, {"PUT", "/v1/users"}, {"DELETE", "/v1/users"},
				{"PUT", "/v1/users/access"}, {"POST", "/v1/users/access"}, {"DELETE", "/v1/users/access"},
			} {
				answer := c.Do(request[0], request[1], object{"username": user.Person.Name, "password": "x", "topic": "*", "permission": "rw"})
				require.Equal(t, 401, answer.Status, "%s: %s", who, request)
				answer.Refused(40101)
			}
		}
		Anonymous(t, s).Bearer(few).Get("/v1/users").Refused(40301)
		require.Empty(t, listed(t, s, user.Person.Name).Grants)
		user.Get("/v1/account").Want(200)
	})
}

// Rules through REST: any spelling, one for each user and pattern, gone by pattern
// or all at once.
func TestAccessRules(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		admin, owner, reader := Admin(t, s), NewUser(t, s), NewUser(t, s)
		topic, other := NewTopic(), NewTopic()
		owner.Publish(topic, "m")
		owner.Publish(other, "m")
		name := reader.Person.Name
		grants := func(who string) map[string]string {
			t.Helper()
			found := map[string]string{}
			for _, g := range listed(t, s, who).Grants {
				require.NotContains(t, found, g.Topic, "one rule for a pattern")
				found[g.Topic] = g.Permission
			}
			return found
		}
		for spelling, meaning := range map[string]string{
			"read-write": "read-write", "rw": "read-write", "read-only": "read-only", "read": "read-only", "ro": "read-only",
			"write-only": "write-only", "write": "write-only", "wo": "write-only", "deny-all": "deny-all", "deny": "deny-all", "none": "deny-all", "RW": "read-write",
		} {
			method := map[bool]string{true: "PUT", false: "POST"}[len(spelling)%2 == 0]
			answer := admin.Do(method, "/v1/users/access", object{"username": name, "topic": topic, "permission": spelling})
			require.JSONEq(t, `{"success":true}`, string(answer.Want(200).Body))
			require.Equal(t, map[string]string{topic: meaning}, grants(name), spelling)
			reads, writes := 403, 403
			if meaning == "read-write" || meaning == "read-only" {
				reads = 200
			}
			if meaning == "read-write" || meaning == "write-only" {
				writes = 200
			}
			reader.Get("/" + topic + "/auth").Want(reads)
			reader.Put("/"+topic, "m").Want(writes)
		}
		Allow(t, s, name, other[:10]+"*", "read-only")
		Allow(t, s, name, topic, "read-only")
		require.Len(t, grants(name), 2)
		mayRead(reader.Caller, topic+","+other)
		admin.Do("DELETE", "/v1/users/access", object{"username": name, "topic": topic}).Want(200)
		require.Equal(t, map[string]string{other[:10] + "*": "read-only"}, grants(name))
		mayNotRead(reader.Caller, topic+","+other)
		Allow(t, s, name, topic, "read-only")
		admin.Do("DELETE", "/v1/users/access", object{"username": name}).Want(200)
		require.Empty(t, grants(name))
		admin.Do("DELETE", "/v1/users/access", object{"username": name, "topic": topic}).Want(200) // as in ntfy

		Allow(t, s, "*", topic, "write-only")
		require.Equal(t, "write-only", grants("*")[topic])
		Anonymous(t, s).Publish(topic, "m")
		Allow(t, s, "everyone", topic, "deny-all")
		require.Equal(t, "deny-all", grants("*")[topic])
		mayNotWrite(Anonymous(t, s), topic)
		admin.Do("DELETE", "/v1/users/access", object{"username": "*", "topic": topic}).Want(200)
		require.NotContains(t, grants("*"), topic)
	})
}

func TestWrongAccessRules(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		admin, name := Admin(t, s).Loose(), NewUser(t, s).Person.Name
		for _, permission := range []any{"", "some", "read-write-only", "*", nil} {
			admin.Put("/v1/users/access", object{"username": name, "topic": "t", "permission": permission}).Refused(40025)
		}
		for _, nobody := range []string{"nobody-" + name, "", "a\x00b"} {
			admin.Put("/v1/users/access", object{"username": nobody, "topic": "t", "permission": "rw"}).Refused(40031)
			admin.Do("DELETE", "/v1/users/access", object{"username": nobody, "topic": "t"}).Refused(40031)
		}
		for _, pattern := range []string{"", "a b", "a/b", "ä", "a.b", "a,b", "%", string(make([]byte, 300)), "a\x00"} {
			admin.Put("/v1/users/access", object{"username": name, "topic": pattern, "permission": "rw"}).Refused(40009)
			if pattern != "" {
				admin.Do("DELETE", "/v1/users/access", object{"username": name, "topic": pattern}).Refused(40009)
			}
		}
		require.Empty(t, listed(t, s, name).Grants)
	})
}
