package router

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrailingSlash(t *testing.T) {
	h := newHouse(t, Options{BasePath: "/push", TrustedProxies: prefixes("192.0.2.0/24")})
	for asked, want := range map[string]string{
		"/version/":                    "/version",
		"/version/?a=b&c=%20":          "/version?a=b&c=%20",
		"/current/user/":               "/current/user",
		"/application/5/message/":      "/application/5/message",
		"/docs/docs.css/":              "/docs/docs.css",
		"/push/version/":               "/push/version",
		"/push/application/5/message/": "/push/application/5/message",
		"/image/a%2Fb/":                "",
		"/image/a%20b.png/":            "/image/a%20b.png",
		"/version//":                   "/version",
	} {
		// Behind a proxy that tells the scheme it is no different.
		for _, headers := range [][]string{nil, {"X-Forwarded-Proto", "https", "X-Forwarded-Host", "push.example.com"}} {
			answer := h.do("GET", asked, headers...)
			if want == "" {
				refused(t, answer, 404)
				continue
			}
			require.Equal(t, 301, answer.Code, asked)
			from, err := url.Parse("https://push.example.com" + asked)
			require.NoError(t, err)
			to, err := from.Parse(answer.Header().Get("Location"))
			require.NoError(t, err)
			require.Equal(t, "https://push.example.com"+want, to.String(), asked)
			require.NotEmpty(t, answer.Header().Get(requestIDHeader), "the middleware has seen it")
		}
	}
}

func TestTrailingSlashOfNothing(t *testing.T) {
	h := newHouse(t, Options{})
	for _, request := range [][2]string{
		{"GET", "/nothing/"}, {"GET", "/message/5/"}, {"POST", "/message/"}, {"DELETE", "/application/1/"}, {"PUT", "/version/"}, {"GET", "/image/"}, {"GET", "/application/1/image/"},
		{"GET", "/version%2F"}, {"GET", "/docs%2F"}, // a redirect would lead to the same address again
	} {
		refused(t, h.do(request[0], request[1]), 404)
	}
	require.Equal(t, 200, h.do("GET", "/").Code)
	require.Equal(t, 200, h.do("GET", "//").Code)
}

// No spelling of a path leads to another host.
func TestTrailingSlashStaysHere(t *testing.T) {
	h := newHouse(t, Options{})
	for _, path := range []string{"//evil.example.net/../version/", "//evil.example.net/version/", "/\\evil.example.net/../version/", "//version/", "/https:/evil.example.net/../../version/"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.RequestURI = path, path
		answer := h.serve(r)
		if answer.Code == 404 || answer.Code == 200 {
			continue
		}
		require.Equal(t, 301, answer.Code, path)
		require.Regexp(t, `^(\.\./)+[a-z]`, answer.Header().Get("Location"), path)
	}
}
