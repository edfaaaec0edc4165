package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// upstream sets an upstream at a server that knows its own address.
func upstream(c *Config, address string) {
	c.Server.BaseURL, c.Ntfy.Upstream.BaseURL = "https://push.example.com", address
}

func TestValidateRefuses(t *testing.T) {
	certificate := func(c *Config) {
		c.Server.SSL.Enabled = true
		c.Server.SSL.CertFile, c.Server.SSL.CertKey = "cert.pem", "key.pem"
	}
	letsEncrypt := func(c *Config) {
		c.Server.SSL.Enabled = true
		c.Server.SSL.LetsEncrypt = LetsEncrypt{Enabled: true, AcceptTOS: true, Cache: "certs", Hosts: []string{"a.example.com"}}
	}
	type change = func(c *Config)
	for _, c := range []struct {
		key     string
		changes []change
	}{
		{"server.keepaliveperiodseconds", []change{func(c *Config) { c.Server.KeepAlivePeriodSeconds = -2 }}},
		{"server.listenaddr", []change{
			func(c *Config) { c.Server.ListenAddr = "127.0.0.1:80" },
			func(c *Config) { c.Server.ListenAddr = "[::1]:80" },
			func(c *Config) { c.Server.ListenAddr = ":80" },
			func(c *Config) { c.Server.ListenAddr = "unix:" },
			func(c *Config) { c.Server.ListenAddr = "http://localhost" },
			func(c *Config) { c.Server.ListenAddr = "/run/carillon.sock" },
		}},
		{"server.port", []change{
			func(c *Config) { c.Server.Port = -1 },
			func(c *Config) { c.Server.Port = 65536 },
		}},
		{"server.baseurl", []change{
			func(c *Config) { c.Server.BaseURL = "example.com" },
			func(c *Config) { c.Server.BaseURL = "/push" },
			func(c *Config) { c.Server.BaseURL = "//example.com" },
			func(c *Config) { c.Server.BaseURL = "ftp://example.com" },
			func(c *Config) { c.Server.BaseURL = "https:example.com" },
			func(c *Config) { c.Server.BaseURL = "https://" },
			func(c *Config) { c.Server.BaseURL = "https://:80" },
			func(c *Config) { c.Server.BaseURL = "https://example.com:0" },
			func(c *Config) { c.Server.BaseURL = "https://example.com:99999" },
			func(c *Config) { c.Server.BaseURL = "https://example.com?x=1" },
			func(c *Config) { c.Server.BaseURL = "https://example.com?" },
			func(c *Config) { c.Server.BaseURL = "https://example.com#x" },
			func(c *Config) { c.Server.BaseURL = "https://example.com#" },
			func(c *Config) { c.Server.BaseURL = "https://me:secret@example.com" },
			func(c *Config) { c.Server.BaseURL = "https://exa mple.com" },
			func(c *Config) { c.Server.BaseURL = "https://example.com/%zz" },
		}},
		{"server.ssl.listenaddr", []change{func(c *Config) { c.Server.SSL.ListenAddr = "0.0.0.0:443" }}},
		{"server.ssl.port", []change{
			func(c *Config) { c.Server.SSL.Port = 65536 },
			func(c *Config) { certificate(c); c.Server.SSL.Port = c.Server.Port },
		}},
		{"server.ssl.certfile", []change{func(c *Config) { certificate(c); c.Server.SSL.CertFile = "" }}},
		{"server.ssl.certkey", []change{func(c *Config) { certificate(c); c.Server.SSL.CertKey = "" }}},
		{"server.ssl.letsencrypt.accepttos", []change{func(c *Config) { letsEncrypt(c); c.Server.SSL.LetsEncrypt.AcceptTOS = false }}},
		{"server.ssl.letsencrypt.cache", []change{func(c *Config) { letsEncrypt(c); c.Server.SSL.LetsEncrypt.Cache = "" }}},
		{"server.ssl.letsencrypt.directoryurl", []change{func(c *Config) { c.Server.SSL.LetsEncrypt.DirectoryURL = "acme" }}},
		{"server.ssl.letsencrypt.hosts", []change{
			func(c *Config) { letsEncrypt(c); c.Server.SSL.LetsEncrypt.Hosts = nil },
			func(c *Config) { c.Server.SSL.LetsEncrypt.Hosts = []string{"https://example.com"} },
			func(c *Config) { c.Server.SSL.LetsEncrypt.Hosts = []string{"*.example.com"} },
			func(c *Config) { c.Server.SSL.LetsEncrypt.Hosts = []string{""} },
		}},
		{"server.responseheaders", []change{
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"": "x"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X Y": "x"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X:": "x"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X-é": "x"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X": "a\r\nSet-Cookie: b"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X": "a\x00"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X": "a\x7f"} },
			func(c *Config) { c.Server.ResponseHeaders = map[string]string{"content-Length": "0"} },
		}},
		{"server.stream.pingperiodseconds", []change{
			func(c *Config) { c.Server.Stream.PingPeriodSeconds = 0 },
			func(c *Config) { c.Server.Stream.PingPeriodSeconds = -5 },
		}},
		{"server.stream.allowedorigins", []change{func(c *Config) { c.Server.Stream.AllowedOrigins = []string{"ok", "(["} }}},
		{"server.cors.alloworigins", []change{func(c *Config) { c.Server.CORS.AllowOrigins = []string{"*"} }}},
		{"server.cors.allowmethods", []change{func(c *Config) { c.Server.CORS.AllowMethods = []string{"GET POST"} }}},
		{"server.cors.allowheaders", []change{func(c *Config) { c.Server.CORS.AllowHeaders = []string{""} }}},
		{"server.trustedproxies", []change{
			func(c *Config) { c.Server.TrustedProxies = []string{"proxy"} },
			func(c *Config) { c.Server.TrustedProxies = []string{"10.0.0.0/33"} },
		}},
		{"server.timeouts.readheader", []change{func(c *Config) { c.Server.Timeouts.ReadHeader = 0 }}},
		{"server.timeouts.read", []change{
			func(c *Config) { c.Server.Timeouts.Read = -time.Second },
			func(c *Config) { c.Server.Timeouts.Read = time.Minute + 1 },
		}},
		{"server.timeouts.write", []change{func(c *Config) { c.Server.Timeouts.Write = 0 }}},
		{"server.timeouts.idle", []change{func(c *Config) { c.Server.Timeouts.Idle = 0 }}},
		{"server.timeouts.shutdown", []change{func(c *Config) { c.Server.Timeouts.Shutdown = 0 }}},
		{"database.dialect", []change{
			func(c *Config) { c.Database.Dialect = "oracle" },
			func(c *Config) { c.Database.Dialect = "" },
		}},
		{"database.connection", []change{func(c *Config) { c.Database.Connection = " " }}},
		{"database.maxconnections", []change{func(c *Config) { c.Database.MaxConnections = 1 }}},
		{"defaultuser.name", []change{func(c *Config) { c.DefaultUser.Name = " " }}},
		{"oidc.enabled", []change{func(c *Config) { c.OIDC.Enabled = true }}},
		{"secretkey", []change{
			func(c *Config) { c.SecretKey = strings.Repeat("x", 15) },
			func(c *Config) { c.SecretKey = strings.Repeat("é", 15) },
		}},
		{"auth.elevation", []change{func(c *Config) { c.Auth.Elevation = "on" }}},
		{"access.default", []change{
			func(c *Config) { c.Access.Default = "" },
			func(c *Config) { c.Access.Default = "rw" }, // Load knows it
		}},
		{"topics.autocreate", []change{func(c *Config) { c.Topics.AutoCreate = "on" }}},
		{"topics.limit", []change{
			func(c *Config) { c.Topics.Limit = -1 },
			func(c *Config) { c.Topics.Limit = 1<<30 + 1 },
		}},
		{"topics.user", []change{
			func(c *Config) { c.Topics.User = -1 },
			func(c *Config) { c.Topics.User = 1<<30 + 1 },
		}},
		{"attachments.folder", []change{func(c *Config) { c.Attachments.Folder = " " }}},
		{"attachments.file", []change{
			func(c *Config) { c.Attachments.File = 0 },
			func(c *Config) { c.Attachments.File = 1<<63 - 1 },
		}},
		{"attachments.visitor", []change{func(c *Config) { c.Attachments.Visitor = 0 }}},
		{"attachments.total", []change{func(c *Config) { c.Attachments.Total = -1 }}},
		{"attachments.expiry", []change{func(c *Config) { c.Attachments.Expiry = 0 }}},
		{"ntfy.keepalive", []change{
			func(c *Config) { c.Ntfy.KeepAlive = 0 },
			func(c *Config) { c.Ntfy.KeepAlive = -1 },
		}},
		{"ntfy.message", []change{
			func(c *Config) { c.Ntfy.Message = 0 },
			func(c *Config) { c.Ntfy.Message = 32769 },
		}},
		{"ntfy.templates", []change{func(c *Config) { c.Ntfy.Templates = "\t" }}},
		{"ntfy.upstream.baseurl", []change{
			func(c *Config) { c.Ntfy.Upstream.BaseURL = "https://ntfy.sh" },
			func(c *Config) { upstream(c, "ntfy.sh") },
			func(c *Config) { upstream(c, "https://me:secret@ntfy.sh") },
			func(c *Config) { upstream(c, "https://push.example.com") },
		}},
		{"ntfy.upstream.token", []change{func(c *Config) { c.Ntfy.Upstream.Token = "secret@\r\n" }}},
		{"loglevel", []change{func(c *Config) { c.LogLevel = "" }}},
		{"logformat", []change{func(c *Config) { c.LogFormat = "xml" }}},
		{"limits.exempthosts", []change{func(c *Config) { c.Limits.ExemptHosts = []string{"fe80::1%eth0"} }}},
		{"limits.body", []change{func(c *Config) { c.Limits.Body = 1023 }}},
		{"limits.image", []change{func(c *Config) { c.Limits.Image = -1 }}},
		{"limits.imagepixels", []change{func(c *Config) { c.Limits.ImagePixels = 0 }}},
		{"limits.url", []change{func(c *Config) { c.Limits.URL = 1023 }}},
		{"limits.headers", []change{func(c *Config) { c.Limits.Headers = 0 }}},
		{"limits.extrasdepth", []change{func(c *Config) { c.Limits.ExtrasDepth = 0 }}},
		{"limits.extras", []change{func(c *Config) { c.Limits.Extras = -1 }}},
		{"limits.message", []change{func(c *Config) { c.Limits.Message = -1 }}},
		{"limits.logins.burst", []change{func(c *Config) { c.Limits.Logins.Burst = 0 }}},
		{"limits.logins.perminute", []change{func(c *Config) { c.Limits.Logins.PerMinute = 0 }}},
		{"limits.requests.burst", []change{
			func(c *Config) { c.Limits.Requests.Burst = -1 },
			func(c *Config) { c.Limits.Requests.PerSecond = 1 },
		}},
		{"limits.requests.persecond", []change{
			func(c *Config) { c.Limits.Requests.PerSecond = -1 },
			func(c *Config) { c.Limits.Requests.Burst = 1 },
		}},
		{"limits.streams", []change{func(c *Config) { c.Limits.Streams = -1 }}},
		{"limits.visitor.requests.burst", []change{
			func(c *Config) { c.Limits.Visitor.Requests.Burst = 0 },
			func(c *Config) { c.Limits.Visitor.Requests.Burst = -1 },
		}},
		{"limits.visitor.requests.persecond", []change{
			func(c *Config) { c.Limits.Visitor.Requests.PerSecond = 0 },
			func(c *Config) { c.Limits.Visitor.Requests.PerSecond = -1 },
		}},
		{"limits.visitor.messages", []change{func(c *Config) { c.Limits.Visitor.Messages = -1 }}},
		{"limits.visitor.subscriptions", []change{func(c *Config) { c.Limits.Visitor.Subscriptions = -1 }}},
		{"limits.visitor.bandwidth", []change{
			func(c *Config) { c.Limits.Visitor.Bandwidth = -1 },
			func(c *Config) { c.Limits.Visitor.Bandwidth = 1<<63 - 1 },
		}},
		{"limits.hashing", []change{
			func(c *Config) { c.Limits.Hashing = -1 },
			func(c *Config) { c.Limits.Hashing = 1025 },
		}},
		{"limits.image", []change{func(c *Config) { c.Limits.Image = 1<<63 - 1 }}}, // what is added to it must not wrap around
		{"server.stream.pingperiodseconds", []change{func(c *Config) { c.Server.Stream.PingPeriodSeconds = 18446744074 }}},
	} {
		for i, change := range c.changes {
			config := Default()
			change(config)
			err := config.Validate()
			require.Error(t, err, "%s, change %d", c.key, i)
			require.True(t, strings.HasPrefix(err.Error(), c.key+": "), "change %d: %v", i, err)
			require.NotContains(t, err.Error(), "\n", "change %d", i)
			require.NotContains(t, err.Error(), "secret@", "change %d", i)
		}
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(c *Config){
		"unix socket":        func(c *Config) { c.Server.ListenAddr = "unix:/run/carillon.sock" },
		"IPv6":               func(c *Config) { c.Server.ListenAddr = "::1" },
		"host name":          func(c *Config) { c.Server.ListenAddr = "localhost" },
		"any port":           func(c *Config) { c.Server.Port = 0 },
		"last port":          func(c *Config) { c.Server.Port = 65535 },
		"no keep-alive":      func(c *Config) { c.Server.KeepAlivePeriodSeconds = -1 },
		"base":               func(c *Config) { c.Server.BaseURL = "http://[::1]:8080" },
		"base with a path":   func(c *Config) { c.Server.BaseURL = "https://example.com/a/b" },
		"no images, plugins": func(c *Config) { c.UploadedImagesDir, c.PluginsDir = "", "" },
		"any bcrypt cost":    func(c *Config) { c.PassStrength = 0 },
		"secret key":         func(c *Config) { c.SecretKey = strings.Repeat("é", 16) },
		"read for a minute":  func(c *Config) { c.Server.Timeouts.Read = time.Minute },
		"requests":           func(c *Config) { c.Limits.Requests = RequestLimits{Burst: 5, PerSecond: 0.5} },
		"any keepalive":      func(c *Config) { c.Ntfy.KeepAlive = 1 },
		"short texts":        func(c *Config) { c.Ntfy.Message = 1 },
		"long texts":         func(c *Config) { c.Ntfy.Message = 32768 },
		"no attachments":     func(c *Config) { c.Attachments.Folder = "" },
		"upstream":           func(c *Config) { upstream(c, "https://ntfy.sh"); c.Ntfy.Upstream.Token = "tk_x" },
		"unused token":       func(c *Config) { c.Ntfy.Upstream.Token = "tk_x" },
		"no visitor limits":  func(c *Config) { c.Limits.Visitor = VisitorLimits{} },
		"any topics":         func(c *Config) { c.Topics = Topics{AutoCreate: "off"} },
		"few connections":    func(c *Config) { c.Database.MaxConnections = 2 },
		"no limits":          func(c *Config) { c.Limits.Streams, c.Limits.Message, c.Limits.Extras = 0, 0, 0 },
		"headers":            func(c *Config) { c.Server.ResponseHeaders = map[string]string{"X-A": "a\tb é", "X-B": ""} },
		"any header":         func(c *Config) { c.Server.CORS.AllowHeaders = []string{"*"} },
		"networks": func(c *Config) {
			c.Server.TrustedProxies = []string{"127.0.0.1", "10.0.0.0/8", "::/0", "::ffff:1.2.3.4"}
		},
		"unused hosts":         func(c *Config) { c.Server.SSL.LetsEncrypt.Hosts = []string{"mydomain.tld"} },
		"unused Let's Encrypt": func(c *Config) { c.Server.SSL.LetsEncrypt.Enabled = true },
		"certificate": func(c *Config) {
			c.Server.SSL.Enabled = true
			c.Server.SSL.CertFile, c.Server.SSL.CertKey = "a", "b"
		},
		"Let's Encrypt": func(c *Config) {
			c.Server.SSL.Enabled = true
			c.Server.SSL.LetsEncrypt = LetsEncrypt{
				Enabled: true, AcceptTOS: true, Cache: "certs",
				DirectoryURL: "https://acme.example.com/directory", Hosts: []string{"a.example.com", "b.example.com"},
			}
		},
		"same port elsewhere": func(c *Config) {
			c.Server.SSL = SSL{Enabled: true, CertFile: "a", CertKey: "b", ListenAddr: "127.0.0.2", Port: 8080}
		},
		"any two ports": func(c *Config) {
			c.Server.SSL = SSL{Enabled: true, CertFile: "a", CertKey: "b"}
			c.Server.Port = 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := Default()
			change(c)
			require.NoError(t, c.Validate())
		})
	}
	for _, level := range []string{"debug", "info", "warn", "error"} {
		for _, format := range []string{"text", "json"} {
			for _, elevation := range []string{"sessions", "all", "off"} {
				c := Default()
				c.LogLevel, c.LogFormat, c.Auth.Elevation = level, format, elevation
				require.NoError(t, c.Validate())
			}
		}
	}
}

func TestValidateTellsEverythingAtOnce(t *testing.T) {
	c := Default()
	c.Server.Port = -1
	c.Database.Dialect = "x"
	c.Limits.Body = 0
	err := c.Validate()
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

func TestParseNetworks(t *testing.T) {
	got, err := ParseNetworks([]string{"192.0.2.1", "10.1.2.3/8", "2001:db8::1", "::ffff:192.0.2.1", "::ffff:10.0.0.0/104", "0.0.0.0/0"})
	require.NoError(t, err)
	var want []netip.Prefix
	for _, network := range []string{"192.0.2.1/32", "10.0.0.0/8", "2001:db8::1/128", "192.0.2.1/32", "10.0.0.0/8", "0.0.0.0/0"} {
		want = append(want, netip.MustParsePrefix(network))
	}
	require.Equal(t, want, got)

	got, err = ParseNetworks([]string{"10.0.0.1", "", "example.com", "10.0.0.1/", "10.0.0", "fe80::1%eth0", "10.0.0.1:80"})
	require.EqualError(t, err, `"", "example.com", "10.0.0.1/", "10.0.0", "fe80::1%eth0", "10.0.0.1:80": no address and no network such as 10.0.0.0/8`)
	require.Nil(t, got)
}

func TestParsePatterns(t *testing.T) {
	got, err := ParsePatterns([]string{`example\.com`, `a|b\.net`, `(?i)c`, ``})
	require.NoError(t, err)
	for i, texts := range []struct{ match, differ []string }{
		{[]string{"example.com"}, []string{"example.com.evil.net", "an-example.com", "example-com", "example.com\n"}},
		{[]string{"a", "b.net"}, []string{"a.net", "ab.net", "ba", "b.net.evil.net"}},
		{[]string{"c", "C"}, []string{"cc"}},
		{[]string{""}, []string{"x"}},
	} {
		for _, text := range texts.match {
			require.True(t, got[i].MatchString(text), "%s, %q", got[i], text)
		}
		for _, text := range texts.differ {
			require.False(t, got[i].MatchString(text), "%s, %q", got[i], text)
		}
	}

	got, err = ParsePatterns([]string{"ok", "([", "a)|(?:b", "*"})
	require.EqualError(t, err, `"([" is no regular expression: error parsing regexp: missing closing ]: `+"`[`"+
		`; "a)|(?:b" is no regular expression: error parsing regexp: unexpected ): `+"`a)|(?:b`"+
		`; "*" is no regular expression: error parsing regexp: missing argument to repetition operator: `+"`*`")
	require.Nil(t, got)
}

func TestNearest(t *testing.T) {
	known := []string{"server", "server.port", "server.ssl.port", "limits.body"}
	for name, want := range map[string]string{
		"server.prt": "server.port", "sever": "server", "port": "server.port", "limit.body": "limits.body",
		"SERVER.PORT": "server.port", "database": "", "x": "", "": "", strings.Repeat("server.port", 20): "",
	} {
		require.Equal(t, want, nearest(name, known), name)
	}
	require.Equal(t, 3, distance("kitten", "sitting"))
	require.Equal(t, 4, distance("", "abcd"))
	require.Equal(t, 4, distance("abcd", ""))
}
