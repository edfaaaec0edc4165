package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/config"
	"github.com/carillon-push/carillon/router"
)

const usage = `Usage: carillon [--config FILE] [COMMAND]

Commands:
  serve                     run the server (this is the default)
  config check              print the effective settings, secrets masked
  user list                 list the users
  user add NAME [--admin]   create a user
  user passwd NAME          set a user's password
  health                    ask the running server whether it is well
  version                   print the version

The user commands work on the database directly, also while the server runs.
They ask for the password, or read it from the first line of standard input;
an empty one is made up and printed.

Settings come from --config FILE, else ./config.yml or /etc/carillon/config.yml,
and from the environment; config.example.yml explains them all.
`

// command is a sub-command: its words, and what it does with the words after.
type command struct {
	words string
	run   func(ctx context.Context, e environment, args []string) error
}

// environment is what a command works with.
type environment struct {
	config *config.Config
	log    *slog.Logger
	in     *os.File
	out    io.Writer
}

var errUsage = errors.New("unknown command; see `carillon help`")

func commands() []command {
	return []command{
		{"serve", func(ctx context.Context, e environment, _ []string) error { return serve(ctx, e.config, e.log, e.out) }},
		{"config check", checkConfig},
		{"user list", listUsers},
		{"user add", addUser},
		{"user passwd", setPassword},
		{"health", askHealth},
	}
}

func run(ctx context.Context, args, environ []string, in *os.File, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("carillon", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.Usage = func() { fmt.Fprint(errOut, usage) }
	path := flags.String("config", "", "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	words := strings.Join(flags.Args(), " ")
	switch words {
	case "":
		words = "serve"
	case "help":
		fmt.Fprint(out, usage)
		return nil
	case "version":
		fmt.Fprintf(out, "carillon %s (commit %s, built %s)\n", version, commit, buildDate)
		return nil
	}
	for _, c := range commands() {
		if words != c.words && !strings.HasPrefix(words, c.words+" ") {
			continue
		}
		settings, warnings, err := config.Load(*path, environ)
		if err != nil {
			return err
		}
		log := newLog(settings, errOut)
		for _, warning := range warnings {
			log.Warn(warning)
		}
		rest := flags.Args()[min(flags.NArg(), len(strings.Fields(c.words))):]
		return c.run(ctx, environment{config: settings, log: log, in: in, out: out}, rest)
	}
	return errUsage
}

func newLog(c *config.Config, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // Validate has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(router.LogHandler(slog.NewJSONHandler(out, options)))
	}
	return slog.New(router.LogHandler(slog.NewTextHandler(out, options)))
}

func checkConfig(_ context.Context, e environment, _ []string) error {
	from := e.config.Source.Path
	if from == "" {
		from = "no file"
	}
	_, err := fmt.Fprintf(e.out, "# settings from %s and the environment\n%s", from, e.config.Masked())
	return err
}

// withDatabase opens the database for a command and closes it afterwards.
func withDatabase(ctx context.Context, e environment, f func(*node) error) (err error) {
	n, err := open(ctx, e.config, e.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.db.Close()) }()
	return f(n)
}

func listUsers(ctx context.Context, e environment, _ []string) error {
	return withDatabase(ctx, e, func(n *node) error {
		users, err := n.db.Users(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tADMIN\tCREATED")
		for _, u := range users {
			fmt.Fprintf(table, "%d\t%s\t%t\t%s\n", u.ID, u.Name, u.Admin, u.CreatedAt.Format(time.RFC3339))
		}
		return table.Flush()
	})
}

func addUser(ctx context.Context, e environment, args []string) error {
	flags := flag.NewFlagSet("carillon user add", flag.ContinueOnError)
	admin := flags.Bool("admin", false, "")
	name, err := nameAndFlags(flags, args)
	if err != nil {
		return err
	}
	return withDatabase(ctx, e, func(n *node) error {
		password, err := askPassword(e, name)
		if err != nil {
			return err
		}
		user, err := n.auth.CreateUser(ctx, auth.UserEdit{Name: name, Password: password, Admin: *admin})
		if err == nil {
			fmt.Fprintf(e.out, "created user %q (id %d)\n", user.Name, user.ID)
		}
		return err
	})
}

func setPassword(ctx context.Context, e environment, args []string) error {
	name, err := nameAndFlags(flag.NewFlagSet("carillon user passwd", flag.ContinueOnError), args)
	if err != nil {
		return err
	}
	return withDatabase(ctx, e, func(n *node) error {
		user, err := n.db.UserByName(ctx, name)
		if err != nil {
			return fmt.Errorf("user %q: %w", name, err)
		}
		password, err := askPassword(e, name)
		if err != nil {
			return err
		}
		if err := n.auth.ChangePassword(ctx, nil, user.ID, password); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "set the password of user %q; web sessions were ended\n", name)
		return nil
	})
}

// nameAndFlags reads flags before and after the name.
func nameAndFlags(flags *flag.FlagSet, args []string) (string, error) {
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	name := flags.Arg(0)
	if err := flags.Parse(flags.Args()[min(1, flags.NArg()):]); err != nil {
		return "", err
	}
	if name == "" || flags.NArg() > 0 {
		return "", errors.New("exactly one user name is needed")
	}
	return name, nil
}

func askPassword(e environment, name string) (string, error) {
	var password string
	if fd := int(e.in.Fd()); term.IsTerminal(fd) { //nolint:gosec // a file descriptor is small
		fmt.Fprintf(e.out, "New password for %s (empty: make one up): ", name)
		typed, err := term.ReadPassword(fd)
		fmt.Fprintln(e.out)
		if err != nil {
			return "", err
		}
		password = string(typed)
	} else {
		line, err := bufio.NewReader(io.LimitReader(e.in, 1<<16)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if password == "" {
		password = auth.RandomPassword()
		fmt.Fprintf(e.out, "password: %s\n", password)
	}
	return password, nil
}

// askHealth is for the health checks of containers: it fails unless the server
// of these settings says that it is well.
func askHealth(ctx context.Context, e environment, _ []string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s := e.config.Server
	scheme, host, port := "http", s.ListenAddr, s.Port
	if s.SSL.Enabled {
		scheme, host, port = "https", s.SSL.ListenAddr, s.SSL.Port
	}
	transport := &http.Transport{
		// It asks this machine, under a name the certificate was not made for.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
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
