package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-push/carillon/api/gotify"
	"github.com/carillon-push/carillon/api/ntfy"
	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/config"
	"github.com/carillon-push/carillon/database"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
	"github.com/carillon-push/carillon/router"
)

// node is a server process with everything it is made of.
type node struct {
	config *config.Config
	log    *slog.Logger
	db     *database.DB
	hub    *hub.Hub
	auth   *auth.Auth
	broker *broker.Broker
	ntfy   *ntfy.Face
	pumps  *stream.Pumps
	// requests is how many requests are being served, streams over plain HTTP
	// among them.
	requests atomic.Int64
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
		Committed: n.announce, Log: log,
	})
	if err != nil {
		return nil, err
	}
	reads, writes := c.Access.Permission()
	n.auth = auth.New(auth.Options{
		DB: n.db, Passwords: auth.NewPasswords(c.Limits.Hashing), Sealer: auth.NewSealer(secret),
		Throttle:  auth.NewThrottle(c.Limits.Logins.Burst, c.Limits.Logins.PerMinute, time.Now),
		Elevation: auth.Elevation(c.Auth.Elevation), Registration: c.Registration,
		Default: model.Permission{Read: reads, Write: writes},
		Revoked: n.revoked, Streaming: n.hub.Clients, Now: model.Now, Log: log,
		EndWhere: func(match func(model.Feed) bool) { n.hub.EndWhere(match, hub.ReasonRevoked) },
	})
	if err := n.auth.LoadRules(ctx); err != nil {
		return nil, errors.Join(err, n.db.Close())
	}
	return n, nil
}

// announce tells of what was committed. Nothing is, before the rest of the node is
// there.
func (n *node) announce(events []*model.Event) {
	broker.Announce(n.hub, n.auth.Readers, events)
	if n.ntfy != nil {
		n.ntfy.Wake(events)
	}
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
	folder := cmp.Or(database.Folder(c.Database.Dialect, c.Database.Connection), "data")
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
func (n *node) handler(ctx context.Context) (http.Handler, error) {
	c := n.config
	var reserved map[string]bool // known when all routes are
	isReserved := func(topic string) bool { return reserved[topic] }
	n.broker = broker.New(broker.Options{
		DB: n.db, Hub: n.hub, Auth: n.auth, Reserved: isReserved, Now: model.Now, Log: n.log,
		Limits: broker.Limits{
			Message: c.Limits.Message, Extras: c.Limits.Extras, ExtrasDepth: c.Limits.ExtrasDepth, Streams: c.Limits.Streams,
			Image:  broker.ImageLimits{Bytes: c.Limits.Image, Pixels: c.Limits.ImagePixels},
			Topics: int64(c.Topics.Limit), TopicsOfUser: int64(c.Topics.User),
		},
		AutoCreate: broker.AutoCreate(c.Topics.AutoCreate),
		Attachments: broker.AttachmentLimits{
			Folder: c.Attachments.Folder, File: c.Attachments.File, Visitor: c.Attachments.Visitor,
			Total: c.Attachments.Total, Expiry: c.Attachments.Expiry,
		},
	})
	n.pumps = stream.New(stream.Options{
		Ping: time.Duration(c.Server.Stream.PingPeriodSeconds) * time.Second, KeepAlive: c.Ntfy.KeepAlive, Log: n.log,
	})
	exempt, err := networks(c.Limits.ExemptHosts)
	proxies, proxiesErr := config.ParseNetworks(c.Server.TrustedProxies)
	origins, originsErr := config.ParsePatterns(c.Server.CORS.AllowOrigins)
	streamOrigins, streamErr := config.ParsePatterns(c.Server.Stream.AllowedOrigins)
	base, basePath, baseErr := baseURL(c.Server.BaseURL)
	if err := errors.Join(err, proxiesErr, originsErr, streamErr, baseErr); err != nil {
		return nil, err // Validate has checked them all
	}
	face, err := gotify.New(gotify.Options{
		Auth: n.auth, Broker: n.broker, Reader: n.db.Reader, Pumps: n.pumps,
		Build:        gotify.Build{Version: version, Commit: commit, Date: buildDate},
		BaseURL:      base,
		AllowOrigins: origins, StreamOrigins: streamOrigins,
		AllowMethods: c.Server.CORS.AllowMethods, AllowHeaders: c.Server.CORS.AllowHeaders,
		SecureCookie: c.Server.SecureCookie, Exempt: exempt, ImagesDir: c.UploadedImagesDir,
		Now: model.Now, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	n.ntfy, err = ntfy.New(ntfy.Options{
		Auth: n.auth, Broker: n.broker, Reader: n.db.Reader, Pumps: n.pumps, Hub: n.hub, Version: version, BaseURL: base,
		Limits: ntfy.Limits{
			Message:  c.Ntfy.Message,
			Requests: ntfy.RequestLimits{Burst: c.Limits.Visitor.Requests.Burst, PerSecond: c.Limits.Visitor.Requests.PerSecond},
			Messages: c.Limits.Visitor.Messages, Subscriptions: c.Limits.Visitor.Subscriptions, Bandwidth: c.Limits.Visitor.Bandwidth,
		},
		KeepAlive: c.Ntfy.KeepAlive, Upstream: ntfy.Upstream{BaseURL: c.Ntfy.Upstream.BaseURL, Token: c.Ntfy.Upstream.Token},
		Templates: c.Ntfy.Templates, Exempt: exempt, Reserved: isReserved, Now: model.Now, Log: n.log,
	})
	if err != nil {
		return nil, err
	}
	var handler http.Handler
	handler, reserved = router.New(router.Options{
		Gotify: face, Ntfy: n.ntfy, BasePath: basePath, ResponseHeaders: c.Server.ResponseHeaders, TrustedProxies: proxies, Log: n.log,
		Limits: router.Limits{
			Body: c.Limits.Body, URL: c.Limits.URL, Headers: c.Limits.Headers,
			Burst: c.Limits.Requests.Burst, PerSecond: c.Limits.Requests.PerSecond, Exempt: exempt,
		},
	})
	return n.counted(handler), n.broker.NameTopics(ctx)
}

// counted counts the requests that are being served.
func (n *node) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.requests.Add(1)
		defer n.requests.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// networks returns whether an address is in one of the networks.
func networks(entries []string) (func(netip.Addr) bool, error) {
	prefixes, err := config.ParseNetworks(entries)
	return func(address netip.Addr) bool {
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
	}, err
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
	n.onlyStreams(requests)
	n.hub.Close(hub.ReasonShutdown)
	err := group.Wait()
	if drained := n.pumps.Drain(ctx); drained != nil {
		n.log.Warn("streams were cut off", "error", drained)
	}
	return err
}

// onlyStreams waits until no request is left but streams over plain HTTP, which
// end with the hub and for which the servers wait.
func (n *node) onlyStreams(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n.requests.Load() > int64(n.pumps.Requests()) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
