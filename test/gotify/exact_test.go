package gotify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestLongAndForeignText(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSenderWith(object{"name": "Glocke 🔔 钟", "description": "𝕬𝖑𝖆𝖗𝖒 " + strings.Repeat("🛎", 200)})
		stream := user.NewDevice("phone")
		frames := stream.Stream("/stream?token=" + stream.Token)
		for _, text := range []string{
			"🔔 " + strings.Repeat("𝔸", 125_000), strings.Repeat("x", 500_000), strings.Repeat(`"\`, 100_000),
			"line\nline\r\n\ttab \u2028 \ufeff \u200d \x7f 'quote' \"double\" \\ %s %d {{.}} <script>",
		} {
			sent := As[Message](sender.Post("/message", object{"message": text, "title": "Ti🔔tel"}))
			require.True(t, text == sent.Message, "the answer differs from the text of %d bytes", len(text))
			require.Equal(t, "Ti🔔tel", sent.Title)
			require.Equal(t, sent, frames.NextMessage())
			require.Equal(t, sent, As[Page](user.Get("/message?limit=1")).Messages[0])
		}
		require.Equal(t, "Glocke 🔔 钟", sender.Send("m").Title)
		require.Equal(t, sender.Description, As[[]Application](user.Get("/application"))[0].Description)
	})
}

// Numbers in extras are text to us: no digit may get lost on the way.
func TestExtrasKeepEveryDigit(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("digits"), user.NewDevice("phone")
		stream := device.Stream("/stream?token=" + device.Token)
		for _, number := range []string{
			"9223372036854775807", "18446744073709551615", "12345678901234567890", "0.1000000000000000055511151231257827",
			"-9007199254740993", "1e300", strings.Repeat("9", 100), "1.50",
		} {
			extras := fmt.Sprintf(`{"x::y":{"n":%s,"list":[%s,{"deep":%s}]}}`, number, number, number)
			answer := sender.Post("/message", Raw{"application/json", []byte(`{"message":"m","extras":` + extras + `}`)}).Want(200)
			for where, got := range map[string][]byte{"answer": answer.Body, "stream": stream.Next(), "list": user.Get("/message?limit=1").Body} {
				require.Contains(t, compact(t, got), `"n":`+number+`,`, "%s in the %s", number, where)
				require.Contains(t, compact(t, got), `"deep":`+number+`}`, "%s in the %s", number, where)
			}
		}
	})
}

func TestWrongExtras(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender := user.NewSender("extras").Loose()
		for _, extras := range []string{
			`{"client::notification":"text"}`, `{"client::notification":{"click":5}}`, `{"client::display":[]}`,
			`{"a":1e400}`, `{"a":[-1e999]}`, `{"a":1,"a":2}`, `{"x":[{"a":1,"b":2,"a":3}]}`, // Gson and others cannot read these
			`[]`, `"text"`, `5`, `true`, `[{"a":1}]`, `{"a":}`, `{"a":1`, `{a:1}`, `{"a":01}`, `{"a":NaN}`, "{\"a\":\"\xff\"}",
			strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500),
			`{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		} {
			sender.Post("/message", Raw{"application/json", []byte(`{"message":"m","extras":` + extras + `}`)}).Refused(400)
		}
		require.Empty(t, user.History())
	})
}

// Whoever compares two sights of a message finds the same bytes.
func TestSameBytesEverywhere(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device := user.NewSender("bytes"), user.NewDevice("phone")
		streams := []*Stream{device.Stream("/stream?token=" + device.Token), user.Stream("/stream"), device.Stream("/stream")}
		for _, body := range []any{
			object{"message": "plain"},
			object{"message": "<a href='x'>&</a> \u2028", "title": "</script>", "priority": 10},
			object{"message": "extras", "extras": object{"z": 1, "a": object{"y": []any{1, "<", nil}, "b": 2.5}}},
			url.Values{"message": {"form 🔔"}},
		} {
			answer := sender.Post("/message", body).Want(http.StatusOK)
			for _, stream := range streams {
				require.Equal(t, trim(answer.Body), trim(stream.Next()))
			}
			sent := As[Message](answer)
			for _, path := range []string{"/message?limit=1", fmt.Sprintf("/application/%d/message?limit=1", sent.AppID)} {
				require.Equal(t, []Message{sent}, As[Page](user.Get(path)).Messages)
			}
		}
	})
}

func trim(data []byte) string { return strings.TrimRight(string(data), "\n") }

func compact(t *testing.T, data []byte) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, data))
	return out.String()
}
