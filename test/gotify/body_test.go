package gotify

import (
	"bytes"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

func TestFormsAndQueries(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("forms")
		fields := url.Values{"message": {"a & b = ü"}, "title": {"T"}, "priority": {"5"}}
		for what, answer := range map[string]*Answer{
			"form":      sender.Post("/message", fields),
			"multipart": sender.Post("/message", multipartForm(t, map[string]string{"message": "a & b = ü", "title": "T", "priority": "5"})),
			"query":     sender.Post("/message?"+fields.Encode(), nil),
			"both":      sender.Post("/message?priority=5", url.Values{"message": {"a & b = ü"}, "title": {"T"}}),
		} {
			sent := As[Message](answer)
			require.Equal(t, "a & b = ü", sent.Message, what)
			require.Equal(t, "T", sent.Title, what)
			require.EqualValues(t, 5, sent.Priority, what)
			require.Empty(t, sent.Extras, what)
		}
		// A body of plain text is not the message.
		sender.Loose().Post("/message", Raw{"text/plain", []byte("hello")}).Refused(400, "Field 'message' is required")
		// Nothing is read from the query when the body is JSON.
		sender.Loose().Post("/message?message=m", Raw{"application/json", []byte(`{}`)}).Refused(400, "Field 'message' is required")
	})
}

func TestJSONIsReadLikeGotifyReadsIt(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("json").Loose()
		for body, want := range map[string]string{
			`{"MESSAGE":"upper"}`:                     "upper",
			`{"message":"one","message":"two"}`:       "two",
			`{"message":"m","unknown":{"a":[1,2,3]}}`: "m",
			`{"message":"   "}`:                       "   ",
			"\n\t {\"message\":\"<b>&amp;\"}":         "<b>&amp;",
		} {
			require.Equal(t, want, As[Message](sender.Post("/message", Raw{"application/json", []byte(body)})).Message)
		}
		require.Equal(t, "m", As[Message](sender.Post("/message", Raw{"application/json; charset=utf-8", []byte(`{"message":"m"}`)})).Message)
	})
}

func TestPostWithoutMessage(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		sender := NewPerson(t, s).NewSender("empty").Loose()
		for _, body := range []string{`{}`, `{"message":""}`, `{"message":null}`, `{"title":"t","priority":1}`} {
			sender.Post("/message", Raw{"application/json", []byte(body)}).Refused(400, "Field 'message' is required")
		}
		sender.Post("/message", url.Values{"title": {"t"}}).Refused(400, "Field 'message' is required")
		sender.Post("/message", nil).Refused(400, "Field 'message' is required")
	})
}

// All the places where clients put a token.
func TestWhereTheTokenStands(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, device, nobody := user.NewSender("places"), user.NewDevice("places"), Anonymous(t, s)
		body := object{"message": "hello"}
		for _, c := range []*Caller{
			nobody.Key(sender.Token),
			nobody.With("Authorization", "Bearer "+sender.Token),
			nobody.With("Authorization", "bearer "+sender.Token),
			nobody.With("Authorization", "BEARER "+sender.Token),
			nobody.Basic("any name", sender.Token),
			nobody.Basic("", sender.Token),
		} {
			c.Post("/message", body).Want(http.StatusOK)
		}
		nobody.Post("/message?token="+sender.Token, body).Want(http.StatusOK)
		wrapped := base64.RawURLEncoding.EncodeToString([]byte("Bearer " + sender.Token)) // as ntfy's clients do
		nobody.Post("/message?auth="+wrapped, body).Want(http.StatusOK)
		for _, c := range []*Caller{
			nobody.Key(device.Token),
			nobody.With("Authorization", "Bearer "+device.Token),
			nobody.With("Authorization", "beaRer "+device.Token),
			nobody.With("Cookie", "gotify-client-token="+device.Token),
		} {
			c.Get("/current/user").Want(http.StatusOK)
		}
		nobody.Get("/current/user?token=" + device.Token).Want(http.StatusOK)
	})
}

// The first place that holds a token counts, right or wrong.
func TestQueryTokenBeatsHeader(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		one, two := user.NewSender("one"), user.NewSender("two")
		sent := As[Message](one.Post("/message?token="+two.Token, object{"message": "m"}))
		require.Equal(t, two.ID, sent.AppID)
		one.Post("/message?token=Awrongwrongwron", object{"message": "m"}).Refused(http.StatusUnauthorized)
	})
}

// multipartForm returns a multipart body with these fields.
func multipartForm(t *testing.T, fields map[string]string) Raw {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	for name, value := range fields {
		require.NoError(t, form.WriteField(name, value))
	}
	require.NoError(t, form.Close())
	return Raw{form.FormDataContentType(), out.Bytes()}
}
