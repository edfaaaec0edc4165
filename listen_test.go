package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestServeOverASocket(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := newHouse(t, "SERVER_LISTENADDR=unix:c.sock", "LOGLEVEL=debug")
	// What a killed server leaves behind is in nobody's way.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: "c.sock", Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())

	p := h.start()
	require.Equal(t, "unix:c.sock", p.out.await(t, `listening on (\S+)`))
	p.out.await(t, `(curl -u admin -F name=hello --unix-socket c\.sock http://localhost/application)`)
	info, err := os.Stat("c.sock")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o660), info.Mode().Perm())
	status, _, _ := get(t, unixClient("c.sock"), "http://localhost/version", "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, 200, status)
	p.log.await(t, `path=/version.*(from=203\.0\.113\.7:0)`)
	require.NoError(t, h.run("", "health").err)

	// A server that runs is not pushed aside.
	second := h.run("")
	require.ErrorContains(t, second.err, "another server is listening there")
	status, _, _ = get(t, unixClient("c.sock"), "http://localhost/version")
	require.Equal(t, 200, status)
	p.end()
}

func TestOtherFilesAreNoSockets(t *testing.T) {
	newHouse(t)
	require.NoError(t, os.WriteFile("file", []byte("precious"), 0o600))
	_, err := listenOn(t.Context(), "unix:file", 0, 0)
	require.Error(t, err)
	kept, err := os.ReadFile("file")
	require.NoError(t, err)
	require.Equal(t, "precious", string(kept))
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, dir string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, certPEM, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(certPEM))
	return certFile, keyFile, pool
}

func TestServeOverTLS(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	h := newHouse(t)
	certFile, keyFile, pool := certificate(t, h.dir)
	h.set("SERVER_SSL_ENABLED=true", "SERVER_SSL_LISTENADDR=127.0.0.1", "SERVER_SSL_PORT=0",
		"SERVER_SSL_CERTFILE="+certFile, "SERVER_SSL_CERTKEY="+keyFile)
	for _, redirects := range []string{"true", "false"} {
		h.set("SERVER_SSL_REDIRECTTOHTTPS=" + redirects)
		p := h.start()
		secure, plain := p.out.await(t, `listening on (https://\S+)`), p.out.await(t, `listening on (http://\S+)`)
		client := plainClient()
		client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
		status, _, _ := get(t, client, secure+"/version")
		require.Equal(t, 200, status)

		status, _, headers := get(t, client, plain+"/message?limit=5")
		response, err := client.Post(plain+"/message", "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		response.Body.Close()
		if redirects == "true" {
			require.Equal(t, 302, status)
			require.Equal(t, secure+"/message?limit=5", headers.Get("Location"))
			require.Equal(t, 400, response.StatusCode)
		} else {
			require.Equal(t, 401, status)
			require.Equal(t, 401, response.StatusCode)
		}
		old := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		_, err = tls.Dial("tcp", strings.TrimPrefix(secure, "https://"), old)
		require.Error(t, err)
		p.end()
	}
}

func TestRedirect(t *testing.T) {
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{"push.example.com", 443, "https://push.example.com/a?b=c"},
		{"push.example.com:80", 443, "https://push.example.com/a?b=c"},
		{"push.example.com:8080", 8443, "https://push.example.com:8443/a?b=c"},
		{"[2001:db8::1]:80", 443, "https://[2001:db8::1]/a?b=c"},
		{"[2001:db8::1]", 443, "https://[2001:db8::1]/a?b=c"},
		{"[2001:db8::1]", 8443, "https://[2001:db8::1]:8443/a?b=c"},
		{"push.example.com", 0, "https://push.example.com/a?b=c"},
	} {
		r := httptest.NewRequest("GET", "/a?b=c", nil)
		r.Host = c.host
		answer := httptest.NewRecorder()
		redirect(c.port).ServeHTTP(answer, r)
		require.Equal(t, 302, answer.Code)
		require.Equal(t, c.want, answer.Header().Get("Location"), "%s to %d", c.host, c.port)
		r.Method = "POST"
		answer = httptest.NewRecorder()
		redirect(c.port).ServeHTTP(answer, r)
		require.Equal(t, 400, answer.Code)
		require.Equal(t, "Use HTTPS\n", answer.Body.String())
	}
}

func TestNetworks(t *testing.T) {
	exempt, err := networks([]string{"192.0.2.0/24", "2001:db8::1"})
	require.NoError(t, err)
	require.True(t, exempt(netip.MustParseAddr("192.0.2.7")))
	require.True(t, exempt(netip.MustParseAddr("2001:db8::1")))
	require.False(t, exempt(netip.MustParseAddr("2001:db8::2")))
	_, err = networks([]string{"x"})
	require.Error(t, err)
}
