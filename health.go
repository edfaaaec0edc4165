package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// askHealth is for the health checks of containers: it fails unless the server
// of these settings says that it is well.
func askHealth(ctx context.Context, e environment) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := e.config.Server
	scheme, host, port := "http", s.ListenAddr, s.Port
	transport := &http.Transport{
		// It asks this machine, under a name the certificate was not made for.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}
	if s.SSL.Enabled {
		scheme, host, port = "https", s.SSL.ListenAddr, s.SSL.Port
		if s.SSL.LetsEncrypt.Enabled { // there is no certificate for any other name
			transport.TLSClientConfig.ServerName = s.SSL.LetsEncrypt.Hosts[0]
		}
	}
	if path, ok := strings.CutPrefix(host, "unix:"); ok {
		host = "localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, strconv.Itoa(port))+"/health", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, string(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	return nil
}
