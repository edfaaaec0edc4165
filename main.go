// Command carillon is a self-hosted push-message server.
//
// This file tells the story: a command is run with its settings (command.go,
// arguments.go); serve opens the node, which is the hub, the database, auth, the
// broker, the faces and the router (node.go), listens (listen.go), and serves
// until it is told to stop. Everything is stopped in reverse.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/config"
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
	handler, err := n.handler(ctx)
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
	group.Go(func() error { return n.broker.Run(ctx) })
	group.Go(func() error { return n.ntfy.Run(ctx) })
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

// firstUser creates the admin of an empty database. A password that was not
// configured is made up and shown here, once.
func (n *node) firstUser(ctx context.Context, out io.Writer) error {
	if has, err := n.db.HasUsers(ctx); err != nil || has {
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
Or as with ntfy:        curl -u %s -d "It works" %s/hello
`, c.DefaultUser.Name, address, address, c.DefaultUser.Name, address)
}
