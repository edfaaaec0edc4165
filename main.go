// Command carillon is a self-hosted push-message server.
//
// This file tells the story: settings, then the database, the hub, auth, the
// broker, the faces, the router, and then it serves. Everything is stopped in
// reverse. The other files of this package hold the sub-commands and the
// listeners.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/config"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/router"
)

// Set by the linker (Makefile). The version stays below 3, because clients that
// find a newer one post with client tokens.
var (
	version   = "0.1.0-dev"
	commit    = "unknown"
	buildDate = "unknown"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "carillon:", err)
		os.Exit(1)
	}
}

// node is a server process with everything it is made of.
type node struct {
	config *config.Config
	log    *slog.Logger
	db     *database.DB
	hub    *hub.Hub
	auth   *auth.Auth
	broker *broker.Broker
	pumps  *stream.Pumps
}

// open builds a node up to its auth: what commands that work on the database
// need too.
func open(ctx context.Context, c *config.Config, log *slog.Logger) (*node, error) {
	n := &node{config: c, log: log, hub: hub.New(hub.Options{})}
	secret, err := auth.Secret(c.SecretKey, secretPath(c))
	if err != nil {
		return nil, err
	}
	n.db, err = openDatabase(ctx, database.Options{
		Dialect: c.Database.Dialect, Connection: c.Database.Connection, MaxConnections: c.Database.MaxConnections,
		Committed: broker.Announce(n.hub), Log: log,
	})
	if err != nil {
		return nil, err
	}
	n.auth = auth.New(auth.Options{
		DB: n.db, Passwords: auth.NewPasswords(c.Limits.Hashing), Sealer: auth.NewSealer(secret),
		Throttle:  auth.NewThrottle(c.Limits.Logins.Burst, c.Limits.Logins.PerMinute, time.Now),
		Elevation: auth.Elevation(c.Auth.Elevation), Registration: c.Registration,
		Revoked: n.revoked, Streaming: n.hub.Clients, Now: model.Now, Log: log,
	})
	return n, nil
}

// openDatabase waits for a database server that is still starting, as happens
// when both start together.
func openDatabase(ctx context.Context, o database.Options) (*database.DB, error) {
	const patience = 30 * time.Second
	for started := time.Now(); ; {
		db, err := database.Open(ctx, o)
		if model.KindOf(err) != model.Unavailable || time.Since(started) > patience {
			return db, err
		}
		o.Log.Warn("the database is not available yet, trying again", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// secretPath is beside an SQLite database, so that a copy of the folder is a
// whole backup.
func secretPath(c *config.Config) string {
	folder := "data"
	if c.Database.Dialect == database.DialectSQLite {
		file, _, _ := strings.Cut(strings.TrimPrefix(c.Database.Connection, "file:"), "?")
		folder = filepath.Dir(file)
	}
	return filepath.Join(folder, "secret.key")
}

func (n *node) revoked(user, client int64) {
	if client != 0 {
		n.hub.EndClient(client, hub.ReasonRevoked)
		return
	}
	n.hub.EndUser(user, hub.ReasonRevoked)
}

// handler builds the rest of the node: the broker, the pumps, the faces and the
// router around them.
func (n *node) handler() (http.Handler, error) {
	c := n.config
	n.broker = broker.New(broker.Options{
		DB: n.db, Hub: n.hub, Auth: n.auth, Now: model.Now, Log: n.log,
		Limits: broker.Limits{
			Message: int(c.Limits.Message), Extras: int(c.Limits.Extras), ExtrasDepth: c.Limits.ExtrasDepth, Streams: c.Limits.Streams,
			Image: broker.ImageLimits{Bytes: c.Limits.Image, Pixels: c.Limits.ImagePixels},
		},
	})
	n.pumps = stream.New(stream.Options{Ping: time.Duration(c.Server.Stream.PingPeriodSeconds) * time.Second, Log: n.log})
	exempt, err := networks(c.Limits.ExemptHosts)
	if err != nil {
		return nil, err
	}
	proxies, err := config.ParseNetworks(c.Server.TrustedProxies)
	if err != nil {
		return nil, err
	}
	base, basePath, err := baseURL(c.Server.BaseURL)
	if err != nil {
		return nil, err
	}
	face, err := gotify.New(gotify.Options{
		Auth: n.auth, Broker: n.broker, Reader: n.db.Reader, Pumps: n.pumps,
		Build: gotify.Build{Version: version, Commit: commit, Date: buildDate}, Registration: c.Registration,
		BaseURL:      base,
		AllowOrigins: patterns(c.Server.CORS.AllowOrigins), StreamOrigins: patterns(c.Server.Stream.AllowedOrigins),
		AllowMethods: c.Server.CORS.AllowMethods, AllowHeaders: c.Server.CORS.AllowHeaders,
		SecureCookie: c.Server.SecureCookie, Exempt: exempt, ImageBytes: c.Limits.Image, ImagesDir: c.UploadedImagesDir,
		Now: model.Now, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	return router.New(router.Options{
		Gotify: face, BaseURL: c.Server.BaseURL, BasePath: basePath, ResponseHeaders: c.Server.ResponseHeaders, TrustedProxies: proxies, Log: n.log,
		Limits: router.Limits{
			Body: c.Limits.Body, URL: c.Limits.URL, Headers: c.Limits.Headers,
			Burst: c.Limits.Requests.Burst, PerSecond: c.Limits.Requests.PerSecond, Exempt: exempt,
		},
	}), nil
}

// baseURL returns nil when none is configured.
func baseURL(text string) (base *url.URL, path string, err error) {
	if text == "" {
		return nil, "", nil
	}
	base, err = url.Parse(text)
	if err != nil {
		return nil, "", err
	}
	return base, base.Path, nil
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, c *config.Config, log *slog.Logger, out io.Writer) (err error) {
	n, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.db.Close()) }()
	if err := n.firstUser(ctx, out); err != nil {
		return err
	}
	handler, err := n.handler()
	if err != nil {
		return err
	}
	servers, err := listen(ctx, c, handler, log)
	if err != nil {
		return err
	}
	greet(out, c, servers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.auth.Run(ctx) })
	group.Go(func() error { return tuneCollector(ctx) })
	for _, s := range servers {
		group.Go(s.serve)
	}
	group.Go(func() error {
		<-ctx.Done()
		return n.stop(servers)
	})
	return group.Wait()
}

// stop takes no more connections, lets requests finish, so that what they
// publish still reaches the streams, and then ends the streams.
func (n *node) stop(servers []server) error {
	n.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), n.config.Server.Timeouts.Shutdown)
	defer cancel()
	requests, cancelRequests := context.WithTimeout(ctx, n.config.Server.Timeouts.Shutdown*3/4)
	defer cancelRequests()
	var group errgroup.Group
	for _, s := range servers {
		group.Go(func() error {
			if err := s.http.Shutdown(requests); err != nil {
				n.log.Warn("requests were cut off", "error", err)
				return s.http.Close()
			}
			return nil
		})
	}
	err := group.Wait()
	n.hub.Close(hub.ReasonShutdown)
	if drained := n.pumps.Drain(ctx); drained != nil {
		n.log.Warn("streams were cut off", "error", drained)
	}
	return err
}

// firstUser creates the admin of an empty database. A password that was not
// configured is made up and shown here, once.
func (n *node) firstUser(ctx context.Context, out io.Writer) error {
	users, err := n.db.Users(ctx)
	if err != nil || len(users) > 0 {
		return err
	}
	name, password := n.config.DefaultUser.Name, n.config.DefaultUser.Pass
	if password == "" {
		password = auth.RandomPassword()
	}
	created, err := n.auth.CreateFirstUser(ctx, name, password)
	if err != nil {
		return fmt.Errorf("the first user could not be created: %w", err)
	}
	if created && n.config.DefaultUser.Pass == "" {
		fmt.Fprintf(out, "\nThis is the first start. Log in with:\n\n    name      %s\n    password  %s\n\nIt is shown only now; change it with `carillon user passwd %s`.\n\n",
			name, password, name)
	}
	return nil
}

func greet(out io.Writer, c *config.Config, servers []server) {
	address := servers[0].address()
	fmt.Fprintf(out, "Carillon %s is listening on %s\n", version, address)
	for _, s := range servers[1:] {
		fmt.Fprintf(out, "Carillon %s is listening on %s\n", version, s.address())
	}
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		address = "--unix-socket " + path + " http://localhost"
	}
	if c.Server.BaseURL != "" {
		address = c.Server.BaseURL
	}
	fmt.Fprintf(out, `Create an application:  curl -u %s -F name=hello %s/application
Send with its token:    curl -H "X-Gotify-Key: TOKEN" -F message="It works" %s/message
`, c.DefaultUser.Name, address, address)
}
