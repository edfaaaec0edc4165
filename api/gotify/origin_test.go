package gotify

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrigins(t *testing.T) {
	patterns := func(texts ...string) (all []*regexp.Regexp) {
		for _, text := range texts {
			all = append(all, regexp.MustCompile("^(?:"+text+")$"))
		}
		return all
	}
	for _, c := range []struct {
		what           string
		origin, host   string
		base           string
		site           string
		allow, streams []*regexp.Regexp
		api, stream    bool
	}{
		{what: "no browser", host: "push.example.com", api: true, stream: true},
		{what: "same host", origin: "https://push.example.com", host: "push.example.com", api: true, stream: true},
		{what: "same host in other letters", origin: "https://Push.Example.com", host: "push.EXAMPLE.com", api: true, stream: true},
		{what: "same host and port", origin: "http://push.example.com:8080", host: "push.example.com:8080", api: true, stream: true},
		{what: "the port that the scheme has", origin: "https://push.example.com", host: "push.example.com:443", api: true, stream: true},
		{what: "the other scheme's port", origin: "https://push.example.com", host: "push.example.com:80"},
		{what: "another port", origin: "http://push.example.com:8081", host: "push.example.com:8080"},
		{what: "IPv6", origin: "http://[::1]:8080", host: "[::1]:8080", api: true, stream: true},
		{what: "IPv6 and the port that the scheme has", origin: "http://[::1]", host: "[::1]:80", api: true, stream: true},
		{what: "foreign", origin: "https://evil.example.net", host: "push.example.com"},
		{what: "a subdomain", origin: "https://a.push.example.com", host: "push.example.com"},
		{what: "a longer name", origin: "https://push.example.com.evil.net", host: "push.example.com"},
		{what: "null", origin: "null", host: "push.example.com"},
		{what: "garbage", origin: "http://[", host: "push.example.com"},
		{what: "no host", origin: "file://", host: ""},
		{what: "an extension", origin: "moz-extension://f00", host: "push.example.com"},
		{what: "our own page, says the browser", origin: "https://push.example.com", host: "inside:8080", site: "same-origin", api: true, stream: true},
		{what: "our own page without an origin", origin: "null", host: "push.example.com", site: "same-origin", api: true, stream: true},
		{what: "foreign, says the browser", origin: "https://evil.example.net", host: "push.example.com", site: "cross-site"},
		{what: "base", origin: "https://push.example.com", host: "inside:8080", base: "https://push.example.com/path", api: true, stream: true},
		{what: "base with its port", origin: "https://push.example.com", host: "inside:8080", base: "https://push.example.com:443", api: true, stream: true},
		{what: "base, other scheme", origin: "http://push.example.com", host: "inside:8080", base: "https://push.example.com"},
		{what: "base, but by its host", origin: "http://inside:8080", host: "inside:8080", base: "https://push.example.com", api: true, stream: true},
		{what: "base, foreign", origin: "https://evil.example.net", host: "inside:8080", base: "https://push.example.com"},
		{what: "allowed", origin: "https://ui.example.com", host: "x", allow: patterns(`https://ui\.example\.com`), api: true, stream: true},
		{what: "allowed in other letters", origin: "HTTPS://UI.example.com", host: "x", allow: patterns(`https://ui\.example\.com`), api: true, stream: true},
		{what: "an allowed extension", origin: "moz-extension://f00", host: "x", allow: patterns(`moz-extension://.*`), api: true, stream: true},
		{what: "allowed, but for a part", origin: "https://ui.example.com.evil.net", host: "x", allow: patterns(`https://ui\.example\.com`)},
		{what: "stream by name", origin: "https://ui.example.com:1234", host: "x", streams: patterns(`ui\.example\.com`), stream: true},
		{what: "stream by origin", origin: "https://ui.example.com", host: "x", streams: patterns(`https://ui\.example\.com`), stream: true},
		{what: "stream, but for a part", origin: "https://ui.example.com.evil.net", host: "x", streams: patterns(`ui\.example\.com`, `https://ui\.example\.com`)},
	} {
		o := Options{AllowOrigins: c.allow, StreamOrigins: c.streams}
		if c.base != "" {
			o.BaseURL, _ = url.Parse(c.base)
		}
		h := newFrame(t, o)
		for path, want := range map[string]bool{"/version": c.api, "/stream": c.stream} {
			t.Run(c.what+" "+path, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = c.host
				for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				answer := h.serve1(r)
				require.Contains(t, answer.Header().Values("Vary"), "Origin")
				allowed := len(c.allow) > 0 && want
				if allowed {
					require.Equal(t, c.origin, answer.Header().Get("Access-Control-Allow-Origin"))
				} else {
					require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
				}
				if want {
					require.NotEqual(t, http.StatusForbidden, answer.Code, "%s", answer.Body)
					return
				}
				text := refused(t, answer, http.StatusForbidden)
				require.Contains(t, text, strings.ToLower(c.origin), "it says what was seen")
				require.Contains(t, text, c.host, "and what was expected")
				require.Contains(t, text, strings.TrimSuffix(c.base, "/path"))
				require.Contains(t, text, "server.baseurl")
			})
		}
	}
}

// A cookie counts only where the browser says that our own page used it.
func TestCookiesOfOtherSites(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	_, token := ada.newSession()
	for site, status := range map[string]int{"": 200, "same-origin": 200, "none": 200, "same-site": 403, "cross-site": 403, "odd": 403} {
		headers := []string{"Cookie", cookieName + "=" + token}
		if site != "" {
			headers = append(headers, "Sec-Fetch-Site", site)
		}
		answer := h.do("POST", "/application", `{"name":"x"}`, headers...)
		require.Equal(t, status, answer.Code, "%s: %s", site, answer.Body)
		require.Equal(t, 200, h.do("GET", "/application", "", headers...).Code, "%s: reading changes nothing", site)
		headers[0], headers[1] = "X-Gotify-Key", token
		require.Equal(t, 200, h.do("POST", "/application", `{"name":"x"}`, headers...).Code, "%s: no cookie", site)
	}
	text := refused(t, h.do("POST", "/user", `{"name":"x","pass":"x"}`, "Cookie", cookieName+"="+token, "Sec-Fetch-Site", "cross-site"), 403)
	require.Contains(t, text, "cross-origin request detected")
}

func TestPreflight(t *testing.T) {
	const friend = "https://ui.example.com"
	for name, c := range map[string]struct{ methods, headers, wantMethods, wantHeaders string }{
		"default": {"", "", "GET, POST, PUT, DELETE, HEAD, OPTIONS", "Authorization, Content-Type, X-Gotify-Key"},
		"set":     {"GET,POST", "X-A", "GET, POST", "X-A"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{AllowOrigins: []*regexp.Regexp{regexp.MustCompile("^" + friend + "$")}}
			if c.methods != "" {
				o.AllowMethods, o.AllowHeaders = strings.Split(c.methods, ","), strings.Split(c.headers, ",")
			}
			h := newFrame(t, o)
			answer := h.do("OPTIONS", "/message", "", "Origin", friend, "Access-Control-Request-Method", "PUT")
			require.Equal(t, http.StatusNoContent, answer.Code)
			require.Equal(t, friend, answer.Header().Get("Access-Control-Allow-Origin"))
			require.Equal(t, c.wantMethods, answer.Header().Get("Access-Control-Allow-Methods"))
			require.Equal(t, c.wantHeaders, answer.Header().Get("Access-Control-Allow-Headers"))
			require.NotEmpty(t, answer.Header().Get("Access-Control-Max-Age"))
			require.Empty(t, answer.Header().Get("Access-Control-Allow-Credentials"))
			require.Empty(t, answer.Body.String())

			refused(t, h.do("OPTIONS", "/message", "", "Origin", "https://evil.example.net", "Access-Control-Request-Method", "PUT"), 403)
			for _, headers := range [][]string{nil, {"Origin", friend}, {"Origin", "http://example.com"}} {
				for _, path := range []string{"/", "/message", "/client/1/elevate", "/nothing/here"} {
					answer := h.do("OPTIONS", path, "", headers...)
					require.Equal(t, http.StatusOK, answer.Code)
					require.Empty(t, answer.Body.String())
					require.Empty(t, answer.Header().Get("Access-Control-Allow-Methods"))
				}
			}
		})
	}
}
