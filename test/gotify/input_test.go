package gotify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// ids are path ids that are none.
var ids = []string{
	"x", "-1", "1.5", "0x1", "9223372036854775808", "18446744073709551616", strings.Repeat("9", 1000), "%00", "1%00", "%ff", "1%20", "%F0%9F%94%94", "+1", "1e3", "null", "NaN",
}

func TestWrongIDs(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		admin.NewSender("app").Send("kept")
		for _, id := range append(ids, "0", "9223372036854775807", "2147483648") {
			for _, r := range []route{
				{"DELETE", "/message/%s", nil}, {"PUT", "/application/%s", object{"name": "x"}}, {"DELETE", "/application/%s", nil},
				{"PUT", "/application/%s/security", object{"regenerateToken": true}}, {"DELETE", "/application/%s/image", nil},
				{"GET", "/application/%s/message", nil}, {"DELETE", "/application/%s/message", nil}, {"PUT", "/client/%s", object{"name": "x"}},
				{"DELETE", "/client/%s", nil}, {"POST", "/client/%s/elevate", object{"durationSeconds": 5}}, {"GET", "/user/%s", nil},
				{"POST", "/user/%s", object{"name": "x", "pass": "y"}}, {"DELETE", "/user/%s", nil},
			} {
				admin.Loose().Do(r.method, fmt.Sprintf(r.path, id), r.body).ClientError()
			}
		}
		admin.Loose().Delete("/message/x").Refused(400, "invalid id")
		require.Len(t, admin.History(), 1)
	})
}

// bodies are bodies that no route can use.
func bodies() []Raw {
	kinds := []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"}
	texts := []string{
		"", "null", "[]", "[{}]", "5", `"text"`, "true", "{", "}", "{}", `{"a"}`, "\x00", "\xff\xfe", "{\"name\":\"\xff\"}", `{"name":"\u0000"}`, "nul",
		`{"name":null,"message":null,"pass":null}`, `{"name":{},"message":{},"pass":{}}`, `{"name":[1],"message":[1],"pass":[1]}`,
		`{"name":1,"message":1,"pass":1}`, `{"name":true,"message":true,"pass":true}`, "\xef\xbb\xbf{", "{\"name\":\"x\ny\",\"message\":\"x\ny\"",
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), `{"name":` + strings.Repeat("9", 100_000) + `}`,
		"%", "%zz", "a=%00", "name=%", "message=%", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"\xff\r\n\r\nx\r\n--b--", strings.Repeat("--b\r\n", 10_000),
	}
	var all []Raw
	for _, text := range texts {
		for _, kind := range kinds {
			all = append(all, Raw{kind, []byte(text)})
		}
	}
	return append(all,
		Raw{"multipart/form-data", []byte("--b--")}, Raw{"multipart/form-data; boundary=", []byte("--b--")}, Raw{"application/json; charset=\x80", []byte("{")},
		Raw{"multipart/form-data; boundary=" + strings.Repeat("b", 5000), []byte("x")}, Raw{";;;", []byte(`{}`)}, Raw{"text/html", []byte(`{}`)},
		Raw{"application/xml", []byte(`<a/>`)}, Raw{"application/yaml", []byte(`a: &a [*a]`)}, Raw{"application/msgpack", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}},
	)
}

// Whatever is sent, the answer is a 4xx in Gotify's shape, never a 5xx and never
// a success.
func TestBodiesThatAreNone(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		sender, device := admin.NewSender("app"), admin.NewDevice("phone")
		for _, body := range bodies() {
			for c, targets := range map[*Caller][]string{
				sender.Loose(): {"POST /message"},
				admin.Loose(): {
					"POST /message", "POST /application", fmt.Sprintf("PUT /application/%d", sender.ID), "POST /client",
					fmt.Sprintf("PUT /client/%d", device.ID), "POST /user", fmt.Sprintf("POST /user/%d", admin.ID), "POST /current/user/password",
					fmt.Sprintf("POST /client/%d/elevate", device.ID), fmt.Sprintf("POST /application/%d/image", sender.ID), "POST /auth/local/login",
				},
			} {
				for _, target := range targets {
					method, path, _ := strings.Cut(target, " ")
					answer := c.Do(method, path, body)
					if answer.Status < 400 || answer.Status > 499 {
						t.Errorf("%s with %s %.80q: status %d: %.200s", target, body.Type, body.Data, answer.Status, answer.Body)
						continue
					}
					answer.ClientError()
				}
			}
		}
		require.Empty(t, admin.History())
		require.Len(t, As[[]Application](admin.Get("/application")), 1)
		require.Len(t, As[[]Client](admin.Get("/client")), 1)
	})
}

func TestWrongFieldsOfMessage(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("app").Loose()
		for _, fields := range []string{
			`"message":1`, `"message":true`, `"message":{}`, `"message":["a"]`, `"message":"m","title":5`, `"message":"m","title":[]`,
			`"message":"m","priority":"5"`, `"message":"m","priority":1.5`, `"message":"m","priority":true`, `"message":"m","priority":{}`,
			`"message":"m","priority":1e3`, `"message":"m","priority":9223372036854775808`, `"message":"m","priority":` + strings.Repeat("9", 100_000),
			`"message":"m","appid":"x"`, `"message":"a\u0000b"`, `"message":"m","title":"a\u0000b"`, "\"message\":\"a\xffb\"", "\"message\":\"m\",\"title\":\"\xc3\"",
		} {
			sender.Post("/message", Raw{"application/json", []byte("{" + fields + "}")}).Refused(400)
		}
		for _, form := range []string{
			"message=m&priority=x", "message=m&priority=1.5", "message=m&priority=99999999999999999999", "message=%ff", "message=a%00b", "message=m&title=%00", "message=m&title=%c3",
		} {
			sender.Post("/message", Raw{"application/x-www-form-urlencoded", []byte(form)}).Refused(400)
			sender.Post("/message?"+form, nil).Refused(400)
		}
		for _, appid := range []string{"-1", "9223372036854775808", "18446744073709551616", "1.5", `"x"`, "{}", "[1]"} {
			user.Loose().Post("/message", Raw{"application/json", []byte(`{"message":"m","appid":` + appid + `}`)}).Refused(400)
			user.Loose().Post("/message", url.Values{"message": {"m"}, "appid": {appid}}).Refused(400)
		}
		require.Empty(t, user.History())
	})
}

// Text that some database cannot hold is refused by all of them.
func TestTextThatCannotBeStored(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		admin := NewAdmin(t, s)
		for _, text := range []string{"a\x00b", "\xff", "a\xc3", "\xed\xa0\x80"} {
			quoted := strings.ReplaceAll(text, "\x00", `\u0000`)
			for _, target := range []string{
				`/application {"name":"%s"}`, `/application {"name":"x","description":"%s"}`, `/application {"name":"x","sortKey":"%s"}`,
				`/client {"name":"%s"}`, `/user {"name":"%s","pass":"x"}`, `/auth/local/login {"name":"%s"}`,
			} {
				path, body, _ := strings.Cut(fmt.Sprintf(target, quoted), " ")
				admin.Loose().Post(path, Raw{"application/json", []byte(body)}).Refused(400)
			}
			form := Raw{"application/x-www-form-urlencoded", []byte("name=" + url.QueryEscape(text))}
			admin.Loose().Post("/application", form).Refused(400)
			admin.Loose().Post("/client", form).Refused(400)
			Anonymous(t, s).Basic(text, text).Get("/current/user").Refused(401)
			Anonymous(t, s).Loose().Get("/current/user?token=" + url.QueryEscape(text)).Refused(401)
		}
		require.Empty(t, As[[]Application](admin.Get("/application")))
	})
}

func TestHugeNamesAndNumbers(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		c := user.Loose()
		for _, name := range []string{strings.Repeat("x", 181), strings.Repeat("🔔", 181), strings.Repeat("x", 500_000)} {
			c.Post("/application", object{"name": name}).Refused(400)
			c.Post("/client", object{"name": name}).Refused(400)
			c.Post("/auth/local/login", object{"name": name}).Refused(400)
		}
		longest := strings.Repeat("🔔", 180)
		require.Equal(t, longest, user.NewSender(longest).Name)
		require.Equal(t, longest, user.NewDevice(longest).Name)
		for _, number := range []json.Number{"9223372036854775808", "1e400", "1.5", json.Number(strings.Repeat("9", 100_000))} {
			c.Post("/application", object{"name": "x", "defaultPriority": number}).Refused(400)
			c.Post("/client", object{"name": "x", "expiresAfterInactivitySeconds": number}).Refused(400)
		}
		// The largest possible time must not wrap around into the past.
		answer := c.Post("/client", object{"name": "x", "expiresAfterInactivitySeconds": int64(9223372036854775807)})
		if answer.Status == 200 {
			c.Key(As[Client](answer).Token).Get("/current/user").Want(200)
		} else {
			answer.Refused(400)
		}
		require.EqualValues(t, -9223372036854775808, user.NewSenderWith(object{"name": "x", "defaultPriority": int64(-9223372036854775808)}).DefaultPriority)
	})
}

// Parts that nobody asked for are passed over, and do not fill memory or disk.
func TestMultipartWithStrangeParts(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("app")
		var body bytes.Buffer
		for i := range 3000 {
			fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"n%d\"\r\n\r\nx\r\n", i)
		}
		body.WriteString("--b--\r\n")
		sender.Loose().Post("/message", Raw{"multipart/form-data; boundary=b", body.Bytes()}).ClientError()
		sender.Send("and the next one passes")
	})
}
