package router

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
)

func TestForwarded(t *testing.T) {
	const own = "192.0.2.9:5555"
	type seen struct{ remote, scheme, host string }
	for _, c := range []struct {
		what, peer       string
		trusted          []string
		addresses        []string // X-Forwarded-For
		proto, forwarded string
		want             seen
	}{
		{"nobody is trusted", own, nil, []string{"203.0.113.7"}, "https", "push.example.com", seen{own, "", "inside"}},
		{"another one is trusted", own, []string{"192.0.2.0/29"}, []string{"203.0.113.7"}, "https", "push.example.com", seen{own, "", "inside"}},
		{"trusted", own, []string{"192.0.2.9/32"}, []string{"203.0.113.7"}, "https", "push.example.com", seen{"203.0.113.7:0", "https", "push.example.com"}},
		{"trusted, with nothing to tell", own, []string{"192.0.2.0/24"}, nil, "", "", seen{own, "", "inside"}},
		{"IPv4 as IPv6", "[::ffff:192.0.2.9]:1", []string{"192.0.2.0/24"}, []string{"::ffff:203.0.113.7"}, "http", "", seen{"203.0.113.7:0", "http", "inside"}},
		{"IPv6", "[2001:db8::1]:1", []string{"2001:db8::/32"}, []string{"2001:dba::7"}, "", "", seen{"[2001:dba::7]:0", "", "inside"}},
		{"link-local", "[fe80::1%eth0]:1", []string{"fe80::/10"}, []string{"203.0.113.7"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"the last one that is not trusted", own, []string{"192.0.2.0/24", "10.0.0.0/8"}, []string{"1.1.1.1, 203.0.113.7, 10.0.0.3"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"in several headers", own, []string{"192.0.2.0/24", "10.0.0.0/8"}, []string{"1.1.1.1", "203.0.113.7 ,10.0.0.3"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"the first of those that all are", own, []string{"192.0.2.0/24", "10.0.0.0/8"}, []string{"10.0.0.5, 10.0.0.3"}, "", "", seen{"10.0.0.5:0", "", "inside"}},
		{"with a port", own, []string{"192.0.2.0/24"}, []string{"203.0.113.7:4711"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"with a port, IPv6", own, []string{"192.0.2.0/24"}, []string{"[2001:db8::7]:4711"}, "", "", seen{"[2001:db8::7]:0", "", "inside"}},
		{"with a zone", own, []string{"192.0.2.0/24"}, []string{"fe80::7%evil"}, "", "", seen{"[fe80::7]:0", "", "inside"}},
		{"no address", own, []string{"192.0.2.0/24"}, []string{"unknown"}, "", "", seen{own, "", "inside"}},
		{"no address before the proxies", own, []string{"192.0.2.0/24"}, []string{"unknown, 192.0.2.3"}, "", "", seen{"192.0.2.3:0", "", "inside"}},
		{"empty", own, []string{"192.0.2.0/24"}, []string{""}, "", "", seen{own, "", "inside"}},
		{"a WebSocket's scheme", own, []string{"192.0.2.0/24"}, nil, "WSS", "", seen{own, "https", "inside"}},
		{"a WebSocket's scheme in the clear", own, []string{"192.0.2.0/24"}, nil, "ws", "", seen{own, "http", "inside"}},
		{"no scheme", own, []string{"192.0.2.0/24"}, nil, "javascript", "", seen{own, "", "inside"}},
		{"what the nearest proxy says", own, []string{"192.0.2.0/24"}, nil, "http, https", "evil.example.net, push.example.com", seen{own, "https", "push.example.com"}},

		// Over a Unix socket come proxies only, and the file system lets them in.
		{"Unix socket", "@", nil, []string{"1.1.1.1, 203.0.113.7"}, "https", "push.example.com", seen{"203.0.113.7:0", "https", "push.example.com"}},
		{"Unix socket without a name", "", nil, []string{"203.0.113.7"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"Unix socket with a name", "/run/proxy.sock", nil, []string{"203.0.113.7"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
		{"Unix socket, with nothing to tell", "@", nil, nil, "", "", seen{"@", "", "inside"}},
		{"Unix socket, behind another proxy", "@", []string{"10.0.0.0/8"}, []string{"203.0.113.7, 10.0.0.3"}, "", "", seen{"203.0.113.7:0", "", "inside"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			var got seen
			h := around(t, Options{TrustedProxies: prefixes(c.trusted...)}, func(c *gin.Context) {
				got = seen{c.Request.RemoteAddr, c.Request.URL.Scheme, c.Request.Host}
			})
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Host = c.peer, "inside"
			for _, a := range c.addresses {
				r.Header.Add("X-Forwarded-For", a)
			}
			if c.proto != "" {
				r.Header.Set("X-Forwarded-Proto", c.proto)
			}
			if c.forwarded != "" {
				r.Header.Set("X-Forwarded-Host", c.forwarded)
			}
			h.serve(r)
			require.Equal(t, c.want, got)
		})
	}
}

func TestBasePath(t *testing.T) {
	for _, base := range []string{"/push", "/a/b", "/push/"} {
		h := newHouse(t, Options{BasePath: base})
		trimmed := map[string]string{"/push": "/push", "/a/b": "/a/b", "/push/": "/push"}[base]
		for _, path := range []string{"/version", "/", "/static/defaultapp.png", "//version"} {
			require.Equal(t, 200, h.do("GET", path).Code, "stripped %s", path)
			require.Equal(t, 200, h.do("GET", trimmed+path).Code, "with its base: %s", path)
		}
		redirected := h.do("GET", trimmed)
		require.Equal(t, 301, redirected.Code)
		require.Equal(t, trimmed+"/", redirected.Header().Get("Location"))
		for _, path := range []string{trimmed + "x/version", trimmed + trimmed + "/version", "/x" + trimmed + "/version"} {
			refused(t, h.do("GET", path), 404)
		}
	}
	h := newHouse(t, Options{})
	require.Equal(t, 200, h.do("GET", "/version").Code)
	refused(t, h.do("GET", "/push/version"), 404)
}
