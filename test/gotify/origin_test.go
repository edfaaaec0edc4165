package gotify

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

const foreign = "https://evil.example.net"

// A page of another origin gets nothing, and the refusal says what was seen and
// what was expected: behind a proxy that is all an administrator has to go by.
func TestForeignOrigin(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		sender, browser := user.NewSender("app"), user.Login()
		host := strings.TrimPrefix(s.URL(), "http://")
		for _, c := range []*Caller{browser, user.Caller, Anonymous(t, s)} {
			c.With("Origin", foreign).Post("/auth/local/login", object{"name": "b"}).Refused(403, foreign, host)
		}
		browser.With("Origin", foreign).Post("/application", object{"name": "x"}).Refused(403, foreign, host)
		browser.With("Origin", foreign).Delete("/message").Refused(403, foreign, host)
		browser.With("Origin", foreign).RefusedStream("/stream").Refused(403, foreign, host)
		browser.With("Origin", "null").Post("/application", object{"name": "x"}).Refused(403)
		user.With("Origin", foreign).RefusedStream("/stream").Refused(403, foreign, host)
		// Gotify refuses a web page even when it has a token.
		sender.With("Origin", foreign).Post("/message", object{"message": "m"}).Refused(403, foreign, host)
		require.Empty(t, user.History())
		require.Len(t, As[[]Application](user.Get("/application")), 1)

		browser.With("Origin", s.URL()).Post("/application", object{"name": "same"}).Want(200)
		browser.With("Origin", s.URL()).Stream("/stream")
		user.With("Origin", s.URL()).Post("/auth/local/login", object{"name": "b"}).Want(200)
	})
}

// The browser itself says that another site sent the request.
func TestCrossSiteRequest(t *testing.T) {
	each(t, func(t *testing.T, s *server.Server) {
		browser := NewPerson(t, s).Login()
		for _, site := range []string{"cross-site", "same-site"} {
			browser.With("Sec-Fetch-Site", site).Post("/application", object{"name": "x"}).Refused(403, "cross-origin request detected")
		}
		for _, site := range []string{"same-origin", "none"} {
			browser.With("Sec-Fetch-Site", site).Post("/application", object{"name": "x"}).Want(200)
		}
		// Without a cookie there is nothing that another site could abuse.
		NewPerson(t, s).With("Sec-Fetch-Site", "cross-site").Post("/application", object{"name": "x"}).Want(200)
	})
}

// A proxy that rewrites Host must not lock browsers out.
func TestBrowserBehindProxy(t *testing.T) {
	const origin = "https://push.example.com"
	use := func(t *testing.T, s *server.Server, c *Caller) {
		t.Helper()
		user := NewPerson(t, s)
		c.Browser().Basic(user.Name, user.Password).Post("/auth/local/login", object{"name": "b"}).Want(200)
		cookie := session(t, c.Basic(user.Name, user.Password).Post("/auth/local/login", object{"name": "b"}).Want(200))
		browser := c.With("Cookie", cookie.Name+"="+cookie.Value)
		browser.Post("/application", object{"name": "x"}).Want(200)
		browser.Stream("/stream")
		browser.With("Origin", foreign).Post("/application", object{"name": "x"}).Refused(403, foreign, "push.example.com")
		browser.With("Origin", foreign).RefusedStream("/stream").Refused(403, foreign, "push.example.com")
	}
	t.Run("baseurl", func(t *testing.T) {
		own(t, map[string]string{"server.baseurl": origin}, func(t *testing.T, s *server.Server) {
			use(t, s, Anonymous(t, s).With("Origin", origin))
		})
	})
	t.Run("baseurl with a path", func(t *testing.T) {
		own(t, map[string]string{"server.baseurl": origin + "/carillon/"}, func(t *testing.T, s *server.Server) {
			use(t, s, Anonymous(t, s).With("Origin", origin))
		})
	})
	t.Run("trusted proxy", func(t *testing.T) {
		own(t, map[string]string{"server.trustedproxies": "127.0.0.1"}, func(t *testing.T, s *server.Server) {
			use(t, s, Anonymous(t, s).With("Origin", origin).
				With("X-Forwarded-Host", "push.example.com").With("X-Forwarded-Proto", "https"))
		})
	})
	t.Run("unknown proxy", func(t *testing.T) {
		each(t, func(t *testing.T, s *server.Server) {
			user := NewPerson(t, s)
			user.With("Origin", origin).With("X-Forwarded-Host", "push.example.com").With("X-Forwarded-Proto", "https").
				Post("/auth/local/login", object{"name": "b"}).Refused(403, origin)
		})
	})
	t.Run("Host as the browser sent it", func(t *testing.T) {
		each(t, func(t *testing.T, s *server.Server) {
			user := NewPerson(t, s)
			user.With("Origin", "http://push.example.com").With("Host", "push.example.com").
				Post("/auth/local/login", object{"name": "b"}).Want(200)
			user.With("Origin", "http://Push.Example.com").With("Host", "push.example.COM").Stream("/stream")
		})
	})
}

func TestAllowedOrigins(t *testing.T) {
	const friend = "https://ui.example.com"
	settings := map[string]string{
		"server.cors.alloworigins": `https://ui\.example\.com`,
		"server.cors.allowmethods": "GET,POST", "server.cors.allowheaders": "X-Gotify-Key,Content-Type",
	}
	own(t, settings, func(t *testing.T, s *server.Server) {
		user := NewPerson(t, s)
		preflight := Anonymous(t, s).With("Origin", friend).With("Access-Control-Request-Method", "POST").
			With("Access-Control-Request-Headers", "X-Gotify-Key,Content-Type").Do("OPTIONS", "/message", nil).Empty(http.StatusNoContent)
		require.Equal(t, friend, preflight.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, preflight.Header.Get("Access-Control-Allow-Methods"), "POST")
		require.Contains(t, strings.ToLower(preflight.Header.Get("Access-Control-Allow-Headers")), "x-gotify-key")

		answer := user.With("Origin", friend).Get("/message").Want(200)
		require.Equal(t, friend, answer.Header.Get("Access-Control-Allow-Origin"))
		user.NewSender("app").With("Origin", friend).Post("/message", url.Values{"message": {"m"}}).Want(200)
		for _, other := range []string{foreign, "https://ui.example.com.evil.net", "http://ui.example.com", "https://ui-example.com"} {
			Anonymous(t, s).With("Origin", other).With("Access-Control-Request-Method", "POST").
				Do("OPTIONS", "/message", nil).Refused(403, other)
			answer := user.With("Origin", other).Get("/message")
			answer.Refused(403, other)
			require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
		}
	})
}

// The list for streams works by itself; in Gotify it does not.
func TestAllowedStreamOrigins(t *testing.T) {
	own(t, map[string]string{"server.stream.allowedorigins": `ui\.example\.com`}, func(t *testing.T, s *server.Server) {
		device := NewPerson(t, s).NewDevice("page")
		device.With("Origin", "https://ui.example.com").Stream("/stream?token=" + device.Token)
		device.With("Origin", "https://UI.example.com:8443").Stream("/stream?token=" + device.Token)
		device.With("Origin", foreign).RefusedStream("/stream?token="+device.Token).Refused(403, foreign)
		device.With("Origin", "https://ui-example.com").RefusedStream("/stream?token=" + device.Token).Refused(403)
		device.With("Origin", "https://ui.example.com").Post("/application", object{"name": "x"}).Refused(403)
	})
}
