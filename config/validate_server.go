package config

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxPingPeriod is in seconds. An hour is longer than any proxy waits.
const maxPingPeriod = 3600

func (s *Server) validate(p *problems) {
	p.when(s.KeepAlivePeriodSeconds < -1, "server.keepaliveperiodseconds", "must be -1 or more")
	p.listenAddr("server.listenaddr", s.ListenAddr)
	p.port("server.port", s.Port)
	if s.BaseURL != "" {
		p.address("server.baseurl", s.BaseURL)
	}
	s.SSL.validate(p)
	p.when(s.SSL.Enabled && s.SSL.Port != 0 && s.SSL.Port == s.Port && s.SSL.ListenAddr == s.ListenAddr,
		"server.ssl.port", "must differ from server.port")
	s.validateHeaders(p)
	p.when(s.Stream.PingPeriodSeconds < 1 || s.Stream.PingPeriodSeconds > maxPingPeriod,
		"server.stream.pingperiodseconds", "must be between 1 and %d", maxPingPeriod)
	p.patterns("server.stream.allowedorigins", s.Stream.AllowedOrigins)
	p.patterns("server.cors.alloworigins", s.CORS.AllowOrigins)
	p.tokens("server.cors.allowmethods", s.CORS.AllowMethods)
	p.tokens("server.cors.allowheaders", s.CORS.AllowHeaders)
	p.networks("server.trustedproxies", s.TrustedProxies)
	for _, timeout := range []struct {
		key   string
		value time.Duration
	}{
		{"server.timeouts.readheader", s.Timeouts.ReadHeader},
		{"server.timeouts.read", s.Timeouts.Read},
		{"server.timeouts.write", s.Timeouts.Write},
		{"server.timeouts.idle", s.Timeouts.Idle},
		{"server.timeouts.shutdown", s.Timeouts.Shutdown},
	} {
		p.when(timeout.value <= 0, timeout.key, "must be more than 0")
	}
	p.when(s.Timeouts.Read > maxReadTime, "server.timeouts.read", "must be at most %s", maxReadTime)
}

func (s *SSL) validate(p *problems) {
	p.listenAddr("server.ssl.listenaddr", s.ListenAddr)
	p.port("server.ssl.port", s.Port)
	if s.LetsEncrypt.DirectoryURL != "" {
		p.address("server.ssl.letsencrypt.directoryurl", s.LetsEncrypt.DirectoryURL)
	}
	for _, host := range s.LetsEncrypt.Hosts {
		p.when(host == "" || strings.ContainsAny(host, ":/ *"), "server.ssl.letsencrypt.hosts",
			"%s is no host name", shown(host))
	}
	switch {
	case !s.Enabled:
	case s.LetsEncrypt.Enabled:
		p.when(!s.LetsEncrypt.AcceptTOS, "server.ssl.letsencrypt.accepttos",
			"must be true: a certificate is given out only to those who accept the terms of service")
		p.when(len(s.LetsEncrypt.Hosts) == 0, "server.ssl.letsencrypt.hosts", "must name the hosts to get certificates for")
		p.when(s.LetsEncrypt.Cache == "", "server.ssl.letsencrypt.cache", "must name a folder")
	default:
		const need = "must name a file when server.ssl.enabled is true and server.ssl.letsencrypt.enabled is not"
		p.when(s.CertFile == "", "server.ssl.certfile", need)
		p.when(s.CertKey == "", "server.ssl.certkey", need)
	}
}

// framing are the headers that say where an answer ends: the server sets them.
var framing = []string{"connection", "content-length", "transfer-encoding", "trailer", "upgrade"}

func (s *Server) validateHeaders(p *problems) {
	const key = "server.responseheaders"
	for _, name := range slices.Sorted(maps.Keys(s.ResponseHeaders)) {
		p.when(!isToken(name), key, "%s is no name of a header", shown(name))
		p.when(slices.Contains(framing, strings.ToLower(name)), key, "%s is set by the server itself", name)
		// Not even a part of the value is shown: a header may hold a secret.
		p.when(strings.ContainsFunc(s.ResponseHeaders[name], isControl), key, "the value of %s holds a line break or another control character", shown(name))
	}
}

// listenAddr checks an address to listen on: "", an IP address, a host name, or
// unix: and a path.
func (p *problems) listenAddr(key, value string) {
	if path, unix := strings.CutPrefix(value, "unix:"); unix {
		p.when(path == "", key, "must name a path after unix:")
		return
	}
	if _, err := netip.ParseAddr(value); err == nil {
		return
	}
	p.when(strings.ContainsAny(value, ":/ "), key, "must be an address without a port, or unix:/path, not %s", shown(value))
}

// address checks an absolute HTTP address that others are built upon.
func (p *problems) address(key, value string) {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		p.add(key, "is no URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Opaque != "":
		p.add(key, "must begin with http:// or https:// and a host")
	case u.User != nil:
		p.add(key, "must not hold a user or a password")
	case u.RawQuery != "", u.ForceQuery, strings.Contains(value, "#"):
		p.add(key, "must not have a query or a fragment")
	case u.Port() != "":
		port, err := strconv.Atoi(u.Port())
		p.when(err != nil || port < 1 || port > 65535, key, "has no valid port")
	}
}

func (p *problems) tokens(key string, entries []string) {
	for _, entry := range entries {
		p.when(!isToken(entry), key, "%s holds what may not stand in a method or the name of a header", shown(entry))
	}
}

// isToken reports whether text is a token: the name of a header or a method.
// Source: RFC 9110, section 5.6.2.
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func isControl(r rune) bool { return r != '\t' && r < ' ' || r == 0x7f }
