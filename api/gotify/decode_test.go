package gotify

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// bodies makes one of each body that a request may have.
var bodies = map[string]func() fromForm{
	"message":     func() fromForm { return new(messageBody) },
	"application": func() fromForm { return new(applicationBody) },
	"security":    func() fromForm { return new(securityBody) },
	"client":      func() fromForm { return new(clientBody) },
	"elevation":   func() fromForm { return new(elevationBody) },
	"user":        func() fromForm { return new(userBody) },
	"password":    func() fromForm { return new(passwordBody) },
	"login":       func() fromForm { return new(loginBody) },
}

func FuzzDecode(f *testing.F) {
	const form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	for _, seed := range []struct{ kind, query, body string }{
		{"application/json", "", `{"message":"m","title":"t","priority":5,"appid":1,"extras":{"a":[1.50,{"b":null}]}}`},
		{"application/json; charset=utf-8", "message=q", `{"name":"n","defaultPriority":-1,"sortKey":"a0","admin":true,"pass":"p"} trailing`},
		{"application/json", "", `null`}, {"application/json", "", "[" + strings.Repeat("[", 11_000)}, {"application/json", "", `{"priority":` + strings.Repeat("9", 400) + `}`},
		{"application/json", "", "{\"name\":\"\xff\"}"}, {"application/json", "", `{"durationSeconds":1e3,"regenerateToken":"true"}`},
		{form, "token=x", "message=m&priority=5&appid=1&admin=TRUE"}, {form, "%zz", "a=%"}, {form, "a;b", "name=%ff"},
		{multipart, "", "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--\r\n"},
		{multipart, "", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--"},
		{"multipart/form-data", "", "--b--"}, {"text/plain", "message=m", "x"}, {";;;", "", ""}, {"", "durationSeconds=-1&regenerateToken=1", ""},
		{"APPLICATION/JSON", "", `{"NAME":"n","name":"last one wins"}`},
	} {
		f.Add(seed.kind, seed.query, seed.body)
	}
	f.Fuzz(func(t *testing.T, kind, query, body string) {
		for name, make := range bodies {
			into := make()
			err := decoded(t.Context(), kind, query, strings.NewReader(body), into)
			if err != nil {
				require.Contains(t, []model.Kind{model.Invalid, model.TooLarge}, model.KindOf(err), "%s: %v", name, err)
				continue
			}
			m, ok := into.(*messageBody)
			if !ok {
				continue
			}
			extras, err := extrasObject(m.Extras)
			if err != nil {
				require.Equal(t, model.Invalid, model.KindOf(err), "%v", err)
			} else if extras != "" {
				require.True(t, json.Valid([]byte(extras)) && extras[0] == '{', extras)
			}
		}
	})
}

func TestDecodeTakesJSONAndForms(t *testing.T) {
	const wanted = `{"title":"t","message":"m","priority":-5,"appid":7}`
	for _, c := range []struct{ kind, query, body string }{
		{"application/json", "", wanted},
		{"Application/JSON; charset=utf-8", "", wanted},
		{"application/json", "message=ignored", " \n" + wanted + " and what follows"},
		{"application/json", "", `{"TITLE":"no","message":"m","Title":"t","priority":-5,"appid":7,"unknown":{}}`},
		{"application/x-www-form-urlencoded", "", "title=t&message=m&priority=-5&appid=7"},
		{"application/x-www-form-urlencoded", "priority=-5&appid=7&title=no", "title=t&message=m"},
		{"", "title=t&message=m&priority=-5&appid=7", ""},
		{"text/plain", "title=t&message=m&priority=-5&appid=7", `{"message":"not read"}`},
		{"multipart/form-data; boundary=b", "priority=-5&appid=7", "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nt\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nm\r\n--b--\r\n"},
	} {
		var body messageBody
		require.NoError(t, decoded(t.Context(), c.kind, c.query, strings.NewReader(c.body), &body), "%+v", c)
		priority := -5
		require.Equal(t, messageBody{Title: "t", Message: "m", Priority: &priority, AppID: 7}, body, "%+v", c)
	}
}

func TestDecodeRefuses(t *testing.T) {
	long := strings.Repeat("9", 100_000)
	for _, c := range []struct{ kind, body, want string }{
		{"application/json", "", "the body is not complete JSON"},
		{"application/json", "  ", "the body is not complete JSON"},
		{"application/json", `{"message":"m"`, "the body is not complete JSON"},
		{"application/json", "null", "the body must be a JSON object, not null"},
		{"application/json", "\n null x", "the body must be a JSON object, not null"},
		{"application/json", "[]", "the body must be a JSON object, not array"},
		{"application/json", `"x"`, "the body must be a JSON object, not string"},
		{"application/json", long, "the body must be a JSON object, not number"},
		{"application/json", "{\"message\":\"\xff\"}", "the body is not valid UTF-8"},
		{"application/json", `{"message":1}`, "Field 'message' cannot be a JSON number"},
		{"application/json", `{"priority":"5"}`, "Field 'priority' cannot be a JSON string"},
		{"application/json", `{"priority":1.5}`, "Field 'priority' cannot be a JSON number 1.5"},
		{"application/json", `{"priority":` + long + `}`, "Field 'priority' cannot be a JSON number 99999"},
		{"application/json", `{"a" 1}`, "the body is not valid JSON: invalid character '1' after object key"},
		{"application/json", strings.Repeat(`{"a":`, 20_000), "exceeded max depth"},
		{"application/x-www-form-urlencoded", "message=%zz", "the body cannot be read"},
		{"application/x-www-form-urlencoded", "priority=x", "Field 'priority' must be a whole number"},
		{"application/x-www-form-urlencoded", "appid=9223372036854775808", "Field 'appid' must be a whole number"},
		{"multipart/form-data", "x", "the body cannot be read"},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nno end", "the body cannot be read"},
	} {
		err := decoded(t.Context(), c.kind, "", strings.NewReader(c.body), new(messageBody))
		require.ErrorContains(t, err, c.want, "%.80s", c.body)
		require.Equal(t, model.Invalid, model.KindOf(err))
		require.Less(t, len(err.Error()), 300, "an answer does not give back all that was sent")
	}
	for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"} {
		body := "--b\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n" + strings.Repeat("x", 2<<20)
		err := decoded(t.Context(), kind, "", strings.NewReader(body), new(messageBody))
		require.Equal(t, model.TooLarge, model.KindOf(err), "%s: %v", kind, err)
		require.EqualError(t, err, "the body must not be larger than 1048576 bytes")
	}
	err := decoded(t.Context(), "application/json", "", io.MultiReader(strings.NewReader("{"), brokenReader{}), new(messageBody))
	require.Equal(t, model.Invalid, model.KindOf(err))
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestForm(t *testing.T) {
	f := form{Values: url.Values{"n": {"5"}, "huge": {"1e3"}, "yes": {"TRUE"}, "no": {"0"}, "odd": {"perhaps"}}}
	require.EqualValues(t, 5, *f.integer("n"))
	require.Nil(t, f.integer("absent"))
	require.True(t, f.boolean("yes"))
	require.False(t, f.boolean("no"))
	require.False(t, f.boolean("absent"))
	require.NoError(t, f.err)
	require.Nil(t, f.integer("huge"))
	f.boolean("odd")
	require.EqualError(t, f.err, "Field 'huge' must be a whole number", "the first error counts")
}

// Numbers in extras are text: no digit, and no order, may get lost.
func TestExtrasObject(t *testing.T) {
	for raw, want := range map[string]string{
		"": "", "null": "", " null ": "", "{}": "", "{ \n}": "",
		` {"b" : 12345678901234567890 , "a":[1.50, 1e400, -0.0]} `:                `{"b":12345678901234567890,"a":[1.50,1e400,-0.0]}`,
		`{"n":0.1000000000000000055511151231257827,"text":"  <&> \u2028 \ud800"}`: `{"n":0.1000000000000000055511151231257827,"text":"  <&> \u2028 \ud800"}`,
	} {
		got, err := extrasObject(json.RawMessage(raw))
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
	}
	for _, raw := range []string{"[]", `"x"`, "5", "true", "{", `{"a":01}`} {
		_, err := extrasObject(json.RawMessage(raw))
		require.Equal(t, model.Invalid, model.KindOf(err), raw)
		require.Error(t, err)
	}
}

func TestPathID(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1, "007": 7, "9223372036854775807": 9223372036854775807} {
		got, err := pathID(&gin.Context{Params: gin.Params{{Key: "id", Value: text}}})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "x", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "1_000", "9223372036854775808", "18446744073709551616", "\x00", "\xff", "١"} {
		_, err := pathID(&gin.Context{Params: gin.Params{{Key: "id", Value: text}}})
		require.EqualError(t, err, "invalid id", text)
		require.Equal(t, model.Invalid, model.KindOf(err))
	}
}
