package config

import "time"

// Server is how the server listens and answers.
type Server struct {
	// KeepAlivePeriodSeconds is the seconds between TCP keep-alive probes; 0 is
	// Go's default of 15, -1 turns them off.
	KeepAlivePeriodSeconds int `yaml:"keepaliveperiodseconds"`
	// ListenAddr is the address to listen on, without a port: "" is all
	// addresses, "unix:/path" a Unix socket.
	ListenAddr string `yaml:"listenaddr"`
	// Port is the TCP port for HTTP; 0 takes any free one.
	Port int `yaml:"port"`
	// BaseURL is the address under which clients reach the server, "" when it is
	// to be taken from each request. It has no slash at its end.
	BaseURL string `yaml:"baseurl"`
	// SSL is HTTPS.
	SSL SSL `yaml:"ssl"`
	// ResponseHeaders are added to every answer.
	ResponseHeaders map[string]string `yaml:"responseheaders"`
	// Stream is how messages are delivered.
	Stream Stream `yaml:"stream"`
	// CORS is which web pages of other origins may call the server.
	CORS CORS `yaml:"cors"`
	// TrustedProxies are the addresses and networks whose X-Forwarded headers
	// are believed.
	TrustedProxies []string `yaml:"trustedproxies"`
	// SecureCookie keeps the cookie of a web session from plain HTTP.
	SecureCookie bool `yaml:"securecookie"`
	// Timeouts bounds how long a connection may take.
	Timeouts Timeouts `yaml:"timeouts"`
}

// SSL is HTTPS. It needs a certificate from two files or from Let's Encrypt.
type SSL struct {
	// Enabled turns HTTPS on.
	Enabled bool `yaml:"enabled"`
	// RedirectToHTTPS sends those who come by HTTP to HTTPS.
	RedirectToHTTPS bool `yaml:"redirecttohttps"`
	// ListenAddr is the address to listen on, as Server.ListenAddr.
	ListenAddr string `yaml:"listenaddr"`
	// Port is the TCP port for HTTPS; 0 takes any free one.
	Port int `yaml:"port"`
	// CertFile is the file with the certificate chain, PEM.
	CertFile string `yaml:"certfile"`
	// CertKey is the file with the certificate's private key, PEM.
	CertKey string `yaml:"certkey"`
	// LetsEncrypt gets certificates by itself and wins over the files.
	LetsEncrypt LetsEncrypt `yaml:"letsencrypt"`
}

// LetsEncrypt gets certificates from Let's Encrypt or another ACME authority.
type LetsEncrypt struct {
	// Enabled turns it on.
	Enabled bool `yaml:"enabled"`
	// AcceptTOS says that the authority's terms of service are accepted.
	AcceptTOS bool `yaml:"accepttos"`
	// Cache is the folder in which certificates are kept.
	Cache string `yaml:"cache"`
	// DirectoryURL is the authority's directory, "" for Let's Encrypt.
	DirectoryURL string `yaml:"directoryurl"`
	// Hosts are the names to get certificates for.
	Hosts []string `yaml:"hosts"`
}

// Stream is how messages are delivered.
type Stream struct {
	// PingPeriodSeconds is the seconds between two pings on a quiet stream.
	PingPeriodSeconds int `yaml:"pingperiodseconds"`
	// AllowedOrigins are regular expressions; a web page whose whole host name or
	// whole origin matches one may open a stream. The server's own origin always
	// may.
	AllowedOrigins []string `yaml:"allowedorigins"`
}

// CORS is which web pages of other origins may call the server.
type CORS struct {
	// AllowOrigins are regular expressions for whole origins.
	AllowOrigins []string `yaml:"alloworigins"`
	// AllowMethods are the methods they may use.
	AllowMethods []string `yaml:"allowmethods"`
	// AllowHeaders are the headers they may send.
	AllowHeaders []string `yaml:"allowheaders"`
}

// Timeouts bounds how long a connection may take.
type Timeouts struct {
	// ReadHeader is for a request's headers.
	ReadHeader time.Duration `yaml:"readheader"`
	// Read is for a whole request, at most a minute.
	Read time.Duration `yaml:"read"`
	// Write is for an answer. Streams set their own deadlines.
	Write time.Duration `yaml:"write"`
	// Idle is between two requests of one connection.
	Idle time.Duration `yaml:"idle"`
	// Shutdown is for finishing what is under way when the server stops.
	Shutdown time.Duration `yaml:"shutdown"`
}
