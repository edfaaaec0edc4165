package ntfy

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func basicValue(name, pass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+pass))
}

func shownBy(query string, headers ...string) credentials {
	r := httptest.NewRequest(http.MethodGet, "/t/json", nil)
	r.URL.RawQuery = query
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return readCredentials(r)
}

func TestReadCredentials(t *testing.T) {
	stranger := credentials{}
	phil := credentials{name: "phil", pass: "my:pass", basic: true}
	token := credentials{token: "tk_x"}
	broken := credentials{broken: true}
	raw := base64.RawURLEncoding.EncodeToString([]byte(basicValue("phil", "my:pass")))
	padded := base64.URLEncoding.EncodeToString([]byte("Bearer tk_x"))
	require.Contains(t, padded, "=")

	require.Equal(t, stranger, shownBy(""))
	require.Equal(t, phil, shownBy("", "Authorization", basicValue("phil", "my:pass")))
	require.Equal(t, phil, shownBy("", "Authorization", "bASIC   "+basicValue("phil", "my:pass")[6:]))
	require.Equal(t, credentials{pass: "tk_x", basic: true}, shownBy("", "Authorization", basicValue("", "tk_x")))
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		require.Equal(t, token, shownBy("", "Authorization", scheme+" tk_x"))
	}
	for _, foreign := range []string{"WebPush eyJ0eXAi", "vapid t=a,k=b", "Digest username=a", "tk_x", "Basicx YTpi", ","} {
		require.Equal(t, stranger, shownBy("", "Authorization", foreign), foreign)
	}
	for _, bad := range []string{"Basic", "Basic !!!", "Basic " + base64.StdEncoding.EncodeToString([]byte("no colon")), "Bearer", "Bearer "} {
		require.Equal(t, broken, shownBy("", "Authorization", bad), bad)
	}
	require.Equal(t, stranger, shownBy("", "Cookie", "gotify-client-token=Cabc; token=Cabc"))

	// The query wins over the header, under both names and in any case.
	other := basicValue("other", "other")
	for _, query := range []string{"auth=" + raw, "authorization=" + raw, "AUTH=" + raw, "Authorization=" + raw} {
		require.Equal(t, phil, shownBy(query, "Authorization", other), query)
	}
	require.Equal(t, token, shownBy("auth="+padded))
	require.Equal(t, token, shownBy("auth="+url.QueryEscape(padded), "Authorization", other))
	require.Equal(t, phil, shownBy("auth=", "Authorization", basicValue("phil", "my:pass")))
	for _, bad := range []string{"auth=!!!", "auth=a", "auth=YWJj", "auth=" + base64.RawURLEncoding.EncodeToString([]byte("WebPush x"))} {
		require.Equal(t, broken, shownBy(bad, "Authorization", other), bad)
	}

	// Gotify's places.
	require.Equal(t, credentials{key: "Ax"}, shownBy("token=Ax", "X-Gotify-Key", "Ay"))
	require.Equal(t, credentials{key: "Ay"}, shownBy("", "X-Gotify-Key", "Ay"))
	require.Equal(t, credentials{key: "Ay", name: "phil", pass: "my:pass", basic: true}, shownBy("auth="+raw, "X-Gotify-Key", "Ay"))
}

func TestUnwrap(t *testing.T) {
	// In this text the alphabets of base64 and base64url differ.
	text := "Basic >>>???"
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		require.Equal(t, text, unwrap(encoding.EncodeToString([]byte(text))))
	}
	unescaped, err := url.QueryUnescape(base64.StdEncoding.EncodeToString([]byte(text))) // a plus sign becomes a space
	require.NoError(t, err)
	require.Contains(t, unescaped, " ")
	require.Equal(t, text, unwrap(unescaped))
	for _, bad := range []string{"", "=", "a", "%%%", "é"} {
		require.Empty(t, unwrap(bad))
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add("auth=QmFzaWMgZTpy", "Basic YTpi", "")
	f.Add("token=A", "bearer x", "C")
	f.Add("auth=%00&authorization=;", "Basic", "é")
	f.Fuzz(func(t *testing.T, query, authorization, key string) {
		c := shownBy(query, "Authorization", authorization, "X-Gotify-Key", key)
		if c.broken {
			require.False(t, c.basic)
			require.Empty(t, c.token)
		}
		require.False(t, c.basic && c.token != "")
		require.False(t, !c.basic && (c.name != "" || c.pass != ""))
	})
}
