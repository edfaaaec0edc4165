package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/carillon-push/carillon/config"
)

// server is an HTTP server with the listener it serves.
type server struct {
	http     *http.Server
	listener net.Listener
	tls      bool
}

// listen opens the plain listener and, when it is configured, the one for TLS.
// The first one is where people should go.
func listen(ctx context.Context, c *config.Config, handler http.Handler, log *slog.Logger) ([]server, error) {
	s, ssl := c.Server, c.Server.SSL
	if !ssl.Enabled {
		listener, err := listenOn(ctx, s.ListenAddr, s.Port, s.KeepAlivePeriodSeconds)
		return []server{{http: newServer(c, handler, log), listener: listener}}, err
	}
	secureListener, err := listenOn(ctx, ssl.ListenAddr, ssl.Port, s.KeepAlivePeriodSeconds)
	if err != nil {
		return nil, err
	}
	plainListener, err := listenOn(ctx, s.ListenAddr, s.Port, s.KeepAlivePeriodSeconds)
	if err != nil {
		return nil, errors.Join(err, secureListener.Close())
	}
	secure := newServer(c, handler, log)
	plain := handler
	if ssl.RedirectToHTTPS {
		plain = redirect(portOf(secureListener))
	}
	if ssl.LetsEncrypt.Enabled {
		manager := certificates(ssl.LetsEncrypt)
		secure.TLSConfig = manager.TLSConfig()
		plain = manager.HTTPHandler(plain)
	} else {
		certificate, err := tls.LoadX509KeyPair(ssl.CertFile, ssl.CertKey)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("server.ssl.certfile: %w", err), secureListener.Close(), plainListener.Close())
		}
		secure.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return []server{
		{http: secure, listener: secureListener, tls: true},
		{http: newServer(c, plain, log), listener: plainListener},
	}, nil
}

func newServer(c *config.Config, handler http.Handler, log *slog.Logger) *http.Server {
	t := c.Server.Timeouts
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: t.ReadHeader, ReadTimeout: t.Read, WriteTimeout: t.Write, IdleTimeout: t.Idle,
		// The limits of the middleware answer in a client's language; this one
		// only keeps what it would refuse from growing without end.
		MaxHeaderBytes: 2 * (c.Limits.Headers + c.Limits.URL),
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// listenOn opens a TCP listener, or a Unix socket for "unix:/path". keepAlive is
// in seconds; 0 is Go's default and a negative one switches it off.
func listenOn(ctx context.Context, address string, port, keepAlive int) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(ctx, path)
	}
	lc := net.ListenConfig{KeepAlive: time.Duration(keepAlive) * time.Second}
	return lc.Listen(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
}

// listenUnix replaces a socket that a killed server left behind, and lets its
// own group in: a reverse proxy's.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if conn, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("listen unix %s: another server is listening there", path), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil { //nolint:gosec // the proxy's group must be able to connect
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func (s server) serve() error {
	var err error
	if s.tls {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// address is where to reach the server from this machine.
func (s server) address() string {
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok {
		return "unix:" + s.listener.Addr().String()
	}
	host := address.IP.String()
	if address.IP.IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if s.tls {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(address.Port))
}

// portOf returns the TCP port that a listener has, 0 for a Unix socket.
func portOf(listener net.Listener) int {
	if address, ok := listener.Addr().(*net.TCPAddr); ok {
		return address.Port
	}
	return 0
}

// redirect sends readers to HTTPS. Whoever sends something is refused, because
// it has crossed the network in the clear already and should not do so again.
func redirect(port int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Use HTTPS", http.StatusBadRequest)
			return
		}
		host := net.JoinHostPort((&url.URL{Host: r.Host}).Hostname(), strconv.Itoa(port))
		if port == 443 || port == 0 {
			host = host[:strings.LastIndexByte(host, ':')]
		}
		//nolint:gosec // to the host that the caller asked for itself
		http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusFound)
	})
}

func certificates(c config.LetsEncrypt) *autocert.Manager {
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(c.Cache), HostPolicy: autocert.HostWhitelist(c.Hosts...),
	}
	if c.DirectoryURL != "" {
		m.Client = &acme.Client{DirectoryURL: c.DirectoryURL}
	}
	return m
}
