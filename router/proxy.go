package router

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded puts what a trusted proxy tells of the client into the request: its
// address into RemoteAddr, the scheme into URL.Scheme and the host into Host. So
// nobody behind it needs to know about proxies. What others send is ignored.
func (m *middleware) forwarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		// A peer without an address came over a Unix socket: the file system has
		// let it in, and nobody but a proxy connects that way.
		if err != nil || m.trusts(peer.Addr()) {
			m.believe(r)
		}
		next.ServeHTTP(w, r)
	})
}

func (m *middleware) trusts(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(m.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

func (m *middleware) believe(r *http.Request) {
	if client, ok := m.client(r.Header.Values("X-Forwarded-For")); ok {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	}
	switch scheme := strings.ToLower(lastOf(r.Header.Values("X-Forwarded-Proto"))); scheme {
	case "http", "https":
		r.URL.Scheme = scheme
	case "ws", "wss":
		r.URL.Scheme = "http" + strings.TrimPrefix(scheme, "ws")
	}
	if host := lastOf(r.Header.Values("X-Forwarded-Host")); host != "" {
		r.Host = host
	}
}

// client returns the last address that is not a trusted proxy's, or the first
// one when all are: what stands before it, anybody could have written.
func (m *middleware) client(headers []string) (client netip.Addr, found bool) {
	entries := strings.Split(strings.Join(headers, ","), ",")
	for _, entry := range slices.Backward(entries) {
		address, ok := parseHop(strings.TrimSpace(entry))
		if !ok {
			break
		}
		client, found = address, true
		if !m.trusts(address) {
			break
		}
	}
	return client, found
}

// parseHop reads an address with or without a port.
func parseHop(entry string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(entry)
	if err != nil {
		withPort, err := netip.ParseAddrPort(entry)
		if err != nil {
			return netip.Addr{}, false
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone(""), true
}

// lastOf returns the last entry of a list header: the one that the nearest, and
// trusted, proxy wrote.
func lastOf(headers []string) string {
	list := strings.Join(headers, ",")
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}

// stripBase takes the configured base path off, for proxies that leave it on.
func (m *middleware) stripBase(next http.Handler) http.Handler {
	base := strings.TrimRight(m.BasePath, "/")
	if base == "" {
		return next
	}
	stripped := http.StripPrefix(base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == base:
			http.Redirect(w, r, base+"/", http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, base+"/"):
			stripped.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
