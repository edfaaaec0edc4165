package ntfy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// account is what GET /v1/account tells, as far as programs look at it.
type account struct {
	Username string  `json:"username"`
	Role     string  `json:"role"`
	Tokens   []token `json:"tokens"`
	Limits   struct {
		Basis                    string `json:"basis"`
		Messages                 int64  `json:"messages"`
		MessagesExpiryDuration   *int64 `json:"messages_expiry_duration"`
		Reservations             *int64 `json:"reservations"`
		AttachmentTotalSize      int64  `json:"attachment_total_size"`
		AttachmentFileSize       int64  `json:"attachment_file_size"`
		AttachmentExpiryDuration int64  `json:"attachment_expiry_duration"`
		AttachmentBandwidth      int64  `json:"attachment_bandwidth"`
	} `json:"limits"`
	Stats struct {
		Messages                     int64 `json:"messages"`
		MessagesRemaining            int64 `json:"messages_remaining"`
		AttachmentTotalSize          int64 `json:"attachment_total_size"`
		AttachmentTotalSizeRemaining int64 `json:"attachment_total_size_remaining"`
	} `json:"stats"`
}

type token struct {
	Token      string   `json:"token"`
	Label      string   `json:"label"`
	LastAccess int64    `json:"last_access"`
	LastOrigin string   `json:"last_origin"`
	Expires    int64    `json:"expires"`
	Permission string   `json:"permission"`
	Topics     []string `json:"topics"`
}

func (c *Caller) account() account { c.T.Helper(); return As[account](c.Get("/v1/account")) }

// What everybody may ask of a server.
func TestInfo(t *testing.T) {
	Own(t, map[string]string{"server.baseurl": "https://push.example.com"}, func(t *testing.T, s *server.Server) {
		stranger := Anonymous(t, s)
		health := stranger.Get("/v1/health").Want(200)
		require.Equal(t, `{"healthy":true}`+"\n", string(health.Body))
		require.Equal(t, "*", health.Header.Get("Access-Control-Allow-Origin"))
		config := As[struct {
			BaseURL     string `json:"base_url"`
			EnableLogin bool   `json:"enable_login"`
		}](stranger.Get("/v1/config"))
		require.Equal(t, "https://push.example.com", config.BaseURL)
		require.True(t, config.EnableLogin)

		type version struct {
			Version string `json:"version"`
		}
		require.NotEmpty(t, As[version](Admin(t, s).Get("/v1/version")).Version)
		stranger.Get("/v1/version").Refused(40101)
		user := NewUser(t, s)
		user.Get("/v1/version").Refused(40101)

		type stats struct {
			Messages int64    `json:"messages"`
			Rate     *float64 `json:"messages_rate"`
		}
		before := As[stats](stranger.Get("/v1/stats"))
		require.Zero(t, before.Messages)
		require.NotNil(t, before.Rate)
		topic, sender := user.newSender()
		user.Publish(topic, "m")
		sender.Send("m")
		require.EqualValues(t, 2, As[stats](stranger.Get("/v1/stats")).Messages)
		for _, path := range []string{"/v1/tiers", "/v1", "/v1/", "/v1/unknown", "/v1/account/settings"} {
			stranger.Get(path).Refused(40401)
		}
	})
}

// The address is the one that was asked, when none was configured.
func TestAddressFromTheRequest(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		config := As[struct {
			BaseURL string `json:"base_url"`
		}](Anonymous(t, s).Get("/v1/config"))
		require.Equal(t, s.URL(), config.BaseURL)
	})
}

func TestAccount(t *testing.T) {
	settings := map[string]string{
		"limits.exempthosts": "", "limits.visitor.messages": "100", "limits.visitor.bandwidth": "5000",
		"attachments.file": "1000", "attachments.visitor": "3000", "attachments.expiry": "2h",
	}
	Own(t, settings, func(t *testing.T, s *server.Server) {
		user, stranger := NewUser(t, s), Anonymous(t, s)
		told := stranger.account()
		require.Equal(t, []string{"*", "anonymous"}, []string{told.Username, told.Role})
		require.Empty(t, told.Tokens)
		require.Equal(t, "admin", Admin(t, s).account().Role)

		told = user.account()
		require.Equal(t, []string{user.Person.Name, "user"}, []string{told.Username, told.Role})
		require.EqualValues(t, 100, told.Limits.Messages)
		require.EqualValues(t, 1000, told.Limits.AttachmentFileSize)
		require.EqualValues(t, 3000, told.Limits.AttachmentTotalSize)
		require.EqualValues(t, 7200, told.Limits.AttachmentExpiryDuration)
		require.EqualValues(t, 5000, told.Limits.AttachmentBandwidth)
		require.Zero(t, told.Stats.Messages)
		require.EqualValues(t, 100, told.Stats.MessagesRemaining)
		topic := NewTopic()
		for range 3 {
			user.Publish(topic, "m")
		}
		user.With("Filename", "f.txt").Put("/"+topic, strings.Repeat("x", 700)).Message()
		told = user.ByPassword().account()
		require.EqualValues(t, 4, told.Stats.Messages)
		require.EqualValues(t, 96, told.Stats.MessagesRemaining)
		require.EqualValues(t, 700, told.Stats.AttachmentTotalSize)
		require.EqualValues(t, 2300, told.Stats.AttachmentTotalSizeRemaining)
		require.EqualValues(t, 100, stranger.account().Stats.MessagesRemaining)
		// A client of Gotify's is a person too, an application is not.
		require.Equal(t, user.Person.Name, stranger.Bearer(user.Person.NewDevice("phone").Token).account().Username)
		stranger.Bearer(user.Person.NewSender("app").Token).Get("/v1/account").Refused(40301)
		stranger.Bearer("tk_" + strings.Repeat("x", 29)).Get("/v1/account").Refused(40101)
	})
}

func TestAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		c := user.ByPassword()
		now := time.Now().Unix()
		made := As[token](c.Post("/v1/account/token", object{"label": "Telefon 🔔", "expires": now + 1000}))
		s.Secret(made.Token)
		require.Regexp(t, `^tk_[a-z0-9]{29}$`, made.Token)
		require.Equal(t, "Telefon 🔔", made.Label)
		require.Equal(t, now+1000, made.Expires)
		byDefault := As[token](c.Post("/v1/account/token", nil))
		require.Greater(t, byDefault.Expires, now+71*3600, "ntfy's default is three days")
		require.Less(t, byDefault.Expires, now+73*3600)
		forever := As[token](c.Post("/v1/account/token", object{"expires": 0}))
		require.Zero(t, forever.Expires)
		limited := As[token](c.Loose().Post("/v1/account/token", object{"permission": "ro", "topics": []string{"a", "b-*"}}))
		require.Equal(t, "read-only", limited.Permission)
		require.Equal(t, []string{"a", "b-*"}, limited.Topics)

		topic := NewTopic()
		user.Bearer(made.Token).Publish(topic, "m")
		told := user.account()
		require.Len(t, told.Tokens, 5)
		var seen *token
		for i := range told.Tokens {
			if told.Tokens[i].Label == "Telefon 🔔" {
				seen = &told.Tokens[i]
			}
		}
		require.NotNil(t, seen)
		require.NotZero(t, seen.LastAccess)
		require.Equal(t, "127.0.0.1", seen.LastOrigin)
		require.NotEqual(t, made.Token, seen.Token, "it is shown once")
		require.True(t, strings.HasPrefix(made.Token, strings.TrimRight(seen.Token, ".")), "%s", seen.Token)

		// A change names the token; what it does not name stays.
		changed := As[token](c.Do("PATCH", "/v1/account/token", object{"token": made.Token, "label": "renamed"}))
		require.Equal(t, []any{"renamed", now + 1000, made.Token}, []any{changed.Label, changed.Expires, changed.Token})
		changed = As[token](c.Do("PATCH", "/v1/account/token", object{"token": made.Token, "expires": 0}))
		require.Equal(t, []any{"renamed", int64(0)}, []any{changed.Label, changed.Expires})
		// Without a name it is the one in use, whose life begins anew.
		extended := As[token](user.Bearer(byDefault.Token).Do("PATCH", "/v1/account/token", nil))
		require.Equal(t, byDefault.Token, extended.Token)
		require.GreaterOrEqual(t, extended.Expires, byDefault.Expires)

		require.JSONEq(t, `{"success":true}`, string(c.With("X-Token", forever.Token).Delete("/v1/account/token").Want(200).Body))
		user.Bearer(forever.Token).Get("/v1/account").Refused(40101)
		user.Bearer(made.Token).Delete("/v1/account/token").Want(200)
		user.Bearer(made.Token).Put("/"+topic, "m").Refused(40101)
		require.Len(t, user.account().Tokens, 3)
	})
}

func TestWrongAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		c := user.ByPassword().Loose()
		for body, code := range map[string]int{
			"{": 40024, "[]": 40024, "null": 40024, "5": 40024, `{"expires":"soon"}`: 40024, `{"label":5}`: 40024,
			`{"expires":1}`: 40000, `{"expires":-1}`: 40000, `{"expires":999999999999999}`: 40000, `{"permission":"some"}`: 40025, `{"permission":""}`: 40025,
			`{"topics":["a b"]}`: 40000, `{"topics":[""]}`: 40000, `{"topics":["a",""]}`: 40000, `{"topics":[null]}`: 40000, `{"label":"` + strings.Repeat("x", 300) + `"}`: 40000, `{"label":"a\u0000b"}`: 40000,
			`{"topics":["` + strings.Repeat("x", 5000) + `"]}`: 40000, `{"label":"` + strings.Repeat("x", 200_000) + `"}`: 41303,
		} {
			answer := c.Post("/v1/account/token", body)
			if answer.Status != code/100 {
				t.Errorf("%.80s: %d %s", body, answer.Status, answer.Body)
				continue
			}
			answer.Refused(code)
		}
		require.Len(t, user.account().Tokens, 1)
		for _, nobody := range []*Caller{Anonymous(t, s), user.Bearer("tk_" + strings.Repeat("x", 29))} {
			nobody.Post("/v1/account/token", object{}).Refused(40101)
			nobody.Do("PATCH", "/v1/account/token", object{"token": user.Token}).Refused(40101)
			nobody.With("X-Token", user.Token).Delete("/v1/account/token").Refused(40101)
		}
		missing := "tk_" + strings.Repeat("y", 29)
		for _, token := range []string{missing, other.Token, "nonsense"} {
			c.Do("PATCH", "/v1/account/token", object{"token": token, "label": "mine"}).Refused(40401)
			c.With("X-Token", token).Delete("/v1/account/token").Refused(40401)
		}
		c.Do("PATCH", "/v1/account/token", object{"label": "which?"}).Refused(40023)
		c.Delete("/v1/account/token").Refused(40023)
		other.account()

		// Neither Gotify's tokens nor one with limits make a token that may do more.
		limited := c.NewToken(object{"permission": "read-only"})
		for _, token := range []string{limited, user.Person.NewDevice("phone").Token, user.Person.NewSender("app").Token} {
			few := Anonymous(t, s).Bearer(token)
			few.Post("/v1/account/token", object{}).Refused(40301)
			few.Do("PATCH", "/v1/account/token", object{"token": limited, "permission": "rw"}).Refused(40301)
			few.With("X-Token", user.Token).Delete("/v1/account/token").Refused(40301)
		}
		Anonymous(t, s).Bearer(limited).Delete("/v1/account/token").Want(200) // but it may end itself
	})
}

// A token ends at its time, and its streams end with it.
func TestAccessTokensExpire(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "m")
		short := user.NewToken(object{"expires": time.Now().Unix() + 3})
		c := user.Bearer(short)
		c.Publish(topic, "m")
		gotify.Until(t, "the token ends", func() bool { return c.Get("/"+topic+"/auth").Status == 401 })
		c.Put("/"+topic, "m").Refused(40101)
		user.Publish(topic, "the others go on")
	})
}

func TestNumberOfAccessTokens(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		for range 59 {
			user.NewToken(nil)
		}
		require.NotEmpty(t, user.Post("/v1/account/token", object{}).Want(429).Header.Get("Retry-After"))
		require.Len(t, user.account().Tokens, 60)
		user.Delete("/v1/account/token").Want(200)
		user.ByPassword().NewToken(nil)
		NewUser(t, s)
	})
}

// Tokens, and what they may, outlive a restart; in the log there is none.
func TestAccessTokensAreKept(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "m")
		limited := user.NewToken(object{"topics": []string{topic}, "permission": "write-only", "label": "kept"})
		s.Restart(t)
		user.Publish(topic, "m")
		c := Anonymous(t, s).Bearer(limited)
		c.Publish(topic, "m")
		mayNotRead(c, topic)
		mayNotWrite(c, NewTopic())
		require.Len(t, user.account().Tokens, 2)
		require.Equal(t, fmt.Sprint(3), fmt.Sprint(len(user.Poll(topic, ""))))
	})
}
