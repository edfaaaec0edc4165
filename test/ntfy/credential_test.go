package ntfy

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

func basic(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
}

// places returns callers with the same credentials in different places, each
// under what is said of it. The value is a whole Authorization header.
func places(c *Caller, value string) map[string]func(path string) *Answer {
	inQuery := func(name, encoded string) func(string) *Answer {
		return func(path string) *Answer { return c.Get(path + "?" + name + "=" + url.QueryEscape(encoded)) }
	}
	scheme, rest, _ := strings.Cut(value, " ")
	return map[string]func(path string) *Answer{
		"header":           c.Authorization(value).Get,
		"lower case":       c.Authorization(strings.ToLower(scheme) + " " + rest).Get,
		"upper case":       c.Authorization(strings.ToUpper(scheme) + " " + rest).Get,
		"query":            inQuery("auth", base64.RawURLEncoding.EncodeToString([]byte(value))),
		"query, padding":   inQuery("auth", base64.URLEncoding.EncodeToString([]byte(value+" "))),
		"query, standard":  inQuery("auth", base64.StdEncoding.EncodeToString([]byte(value))),
		"query, long name": inQuery("authorization", base64.RawURLEncoding.EncodeToString([]byte(value))),
		"query, any case":  inQuery("AUTH", base64.RawURLEncoding.EncodeToString([]byte(value))),
	}
}

func TestCredentialsInEveryPlace(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "mine")
		device := user.Person.NewDevice("phone")
		name, password := user.Person.Name, user.Person.Password
		stranger := Anonymous(t, s)
		for what, value := range map[string]string{
			"password":                       "Basic " + basic(name, password),
			"access token":                   "Bearer " + user.Token,
			"access token as password":       "Basic " + basic("", user.Token),
			"access token as named password": "Basic " + basic(name, user.Token),
			"client token":                   "Bearer " + device.Token,
			"client token as password":       "Basic " + basic("anybody", device.Token),
		} {
			for where, get := range places(stranger, value) {
				answer := get("/" + topic + "/auth")
				require.Equal(t, `{"success":true}`+"\n", string(answer.Body), "%s, %s", what, where)
				require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
			}
		}
		stranger.With("X-Gotify-Key", device.Token).Get("/" + topic + "/auth").Want(200)
		stranger.Get("/" + topic + "/auth?token=" + device.Token).Want(200)
		// The query wins over the header.
		encoded := base64.RawURLEncoding.EncodeToString([]byte("Bearer " + user.Token))
		stranger.Authorization("Bearer wrong").Get("/" + topic + "/auth?auth=" + encoded).Want(200)
		// Streams take them, too, as a browser has no other way.
		for _, format := range Formats {
			stranger.Subscribe("/" + topic + "/" + format + "?auth=" + encoded).Hangup()
		}
		// An application posts and does not read.
		sender := gotify.As[[]gotify.Application](user.Person.Get("/application"))[0]
		stranger.Bearer(sender.Token).Get("/" + topic + "/auth").Refused(40301)
		stranger.Bearer(sender.Token).RefusedStream("/" + topic + "/json").Refused(40301)
	})
}

// Wrong credentials are told so, also where none are needed.
func TestWrongCredentials(t *testing.T) {
	Long(t)
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, closed, public := NewUser(t, s), NewTopic(), NewTopic()
		user.Publish(closed, "closed")
		sent := user.Publish(public, "public")
		Allow(t, s, "*", public, "read-write")
		stranger := Anonymous(t, s)
		require.Equal(t, []Message{sent}, stranger.Poll(public, ""))
		stranger.Get("/" + public + "/auth").Want(200)
		for what, value := range map[string]string{
			"password":        "Basic " + basic(user.Person.Name, "wrong"),
			"unknown user":    "Basic " + basic("nobody", "wrong"),
			"unknown token":   "Bearer tk_" + strings.Repeat("a", 29),
			"short token":     "Bearer tk_aaa",
			"token's case":    "Bearer " + strings.ToUpper(user.Token),
			"nothing at all":  "Basic " + basic("", ""),
			"unknown client":  "Bearer C.nosuchtoken.x",
			"token as a name": "Basic " + basic(user.Token, ""),
		} {
			for where, get := range places(stranger, value) {
				for _, topic := range []string{public, closed} {
					get("/"+topic+"/auth").Refused(40101, "unauthorized")
					get("/"+topic+"/json").Refused(40101, "unauthorized")
				}
				_, _ = what, where
			}
			stranger.Authorization(value).RefusedStream("/" + public + "/ws").Empty(401)
			stranger.Authorization(value).Put("/"+public, "text").Refused(40101)
		}
		for _, garbage := range []string{"Bearer", "Bearer ", "Basic", "Basic !!!", "Basic " + base64.StdEncoding.EncodeToString([]byte("nocolon"))} {
			stranger.Authorization(garbage).Get("/" + public + "/auth").Refused(40101)
		}
		for _, garbage := range []string{"!!!", "garbage", "====", base64.RawURLEncoding.EncodeToString([]byte("Digest x")), "%FF%FE", strings.Repeat("A", 8000)} {
			stranger.Get("/" + public + "/auth?auth=" + garbage).Refused(40101)
			stranger.RefusedStream("/" + public + "/json?auth=" + garbage).Refused(40101)
		}
		// Nobody in particular is a stranger.
		stranger.Get("/" + public + "/auth?auth=").Want(200)
	})
}

// Who shows nothing is not told to log in but that they may not.
func TestNoCredentials(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "closed")
		stranger := Anonymous(t, s)
		for _, name := range []string{topic, NewTopic()} { // whether it is there is nobody's business
			for _, format := range []string{"json", "sse", "raw", "auth", "json?poll=1"} {
				answer := stranger.Get("/"+name+"/"+format).Refused(40301, "forbidden")
				require.Empty(t, answer.Header.Get("WWW-Authenticate"))
			}
			stranger.RefusedStream("/" + name + "/ws").Empty(403)
		}
		for _, scheme := range []string{"vapid t=eyJ0, k=BA1", "WebPush eyJ0", "Digest username=x", "Negotiate abc", "x", "AWS4-HMAC-SHA256 Credential=x"} {
			stranger.Authorization(scheme).Get("/" + topic + "/auth").Refused(40301)
		}
		Allow(t, s, "*", topic, "read-only")
		for _, scheme := range []string{"vapid t=eyJ0, k=BA1", "WebPush eyJ0", "Digest username=x", "x"} {
			stranger.Authorization(scheme).Get("/" + topic + "/auth").Want(200)
			stranger.Authorization(scheme).Subscribe("/" + topic + "/json").Hangup()
		}
		stranger.Put("/"+topic, "text").Refused(40301)
	})
}

// Cookies are no credentials here: pages of every origin may use this face.
func TestCookiesAreNoCredentials(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		user.Publish(topic, "mine")
		login := gotify.Anonymous(t, s).Basic(user.Person.Name, user.Person.Password).Post("/auth/local/login", object{"name": "browser"}).Want(200)
		cookie := login.Header.Get("Set-Cookie")
		require.NotEmpty(t, cookie)
		value, _, _ := strings.Cut(cookie, ";")
		_, secret, _ := strings.Cut(value, "=")
		s.Secret(secret)
		Anonymous(t, s).With("Cookie", value).Get("/" + topic + "/auth").Refused(40301)
	})
}

// What a person may not any more ends their streams.
func TestRevokedAccessEndsStreams(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		owner, reader, topic := NewUser(t, s), NewUser(t, s), NewTopic()
		owner.Publish(topic, "first")
		Allow(t, s, reader.Person.Name, topic, "read-only")
		Allow(t, s, "*", topic, "read-only")
		byToken := reader.ByPassword().NewToken(nil)
		readers := map[string]*Caller{"rule": reader.Caller, "token": reader.Bearer(byToken), "stranger": Anonymous(t, s)}
		streams := map[string][]*Stream{}
		for who, c := range readers {
			for _, format := range Formats {
				streams[who] = append(streams[who], c.Subscribe("/"+topic+"/"+format))
			}
		}
		// ends fails unless the streams of one reader end, and those of the others do not.
		ends := func(who string) {
			for _, stream := range streams[who] {
				stream.Ended() //nolint:errcheck // in whatever way
			}
			delete(streams, who)
			owner.Publish(topic, "after "+who)
			for _, others := range streams {
				for _, stream := range others {
					require.Equal(t, "after "+who, stream.NextMessage().Message)
				}
			}
		}
		reader.With("X-Token", byToken).Delete("/v1/account/token").Want(200)
		ends("token")
		Allow(t, s, reader.Person.Name, topic, "deny-all")
		ends("rule")
		Allow(t, s, "*", topic, "deny-all")
		ends("stranger")
		for who, c := range readers {
			require.Contains(t, []int{401, 403}, c.RefusedStream("/"+topic+"/json").Status, who)
		}
	})
}
