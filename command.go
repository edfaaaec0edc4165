package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/config"
	"github.com/carillon-push/carillon/router"
)

const usage = `Usage: carillon [COMMAND] [--config FILE]

Commands:
  serve                     run the server (this is the default)
  config check              print the effective settings, secrets masked
  user list                 list the users
  user add NAME [--admin]   create a user
  user passwd NAME          set a user's password
  access [list]             list who beyond the owner may read or write what
  access set USER PATTERN PERMISSION
                            let a user, or everyone, read or write the topics
                            that match the pattern: read-write, read-only,
                            write-only or deny
  access reset [USER [PATTERN]]
                            delete access rules: all, those of a user or of
                            everyone, or the one with the pattern
  health                    ask the running server whether it is well
  version                   print the version

The user and access commands work on the database directly, also while the
server runs. Those that set a password ask for it, or read it from the first
line of standard input; an empty one is made up and printed.

In a pattern, * stands for any characters; put it in quotes. The rules of a user
count before those for everyone, and long patterns before short ones.

Settings come from --config FILE, else ./config.yml or /etc/carillon/config.yml,
and from the environment; config.example.yml explains them all.
`

// command is a sub-command.
type command struct {
	words []string
	// At least and at most so many operands follow the words.
	least, most int
	// lacks says what is needed when there are fewer.
	lacks string
	run   func(ctx context.Context, e environment) error
}

// environment is what a command works with.
type environment struct {
	commandLine
	config *config.Config
	log    *slog.Logger
	in     *os.File
	out    io.Writer
}

func commands() []command {
	const oneName = "exactly one user name is needed"
	return []command{
		{words: nil, run: runServer},
		{words: []string{"serve"}, run: runServer},
		{words: []string{"config", "check"}, run: checkConfig},
		{words: []string{"user", "list"}, run: listUsers},
		{words: []string{"user", "add"}, least: 1, most: 1, lacks: oneName, run: addUser},
		{words: []string{"user", "passwd"}, least: 1, most: 1, lacks: oneName, run: setPassword},
		{words: []string{"access"}, run: listAccess},
		{words: []string{"access", "list"}, run: listAccess},
		{
			words: []string{"access", "set"}, least: 3, most: 3, run: setAccess,
			lacks: "a user or everyone, a pattern of topics and a permission are needed",
		},
		{words: []string{"access", "reset"}, most: 2, run: resetAccess},
		{words: []string{"health"}, run: askHealth},
	}
}

func run(ctx context.Context, args, environ []string, in *os.File, out, errOut io.Writer) error {
	line, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp), err == nil && slices.Equal(line.words, []string{"help"}):
		_, err = fmt.Fprint(out, usage)
		return err
	case err != nil:
		return err
	case slices.Equal(line.words, []string{"version"}):
		_, err = fmt.Fprintf(out, "carillon %s (commit %s, built %s)\n", version, commit, buildDate)
		return err
	}
	c, err := line.command()
	if err != nil {
		return err
	}
	settings, warnings, err := config.Load(line.config, environ)
	if err != nil {
		return err
	}
	log := newLog(settings, errOut)
	for _, warning := range warnings {
		log.Warn(warning)
	}
	return c.run(ctx, environment{commandLine: line, config: settings, log: log, in: in, out: out})
}

func runServer(ctx context.Context, e environment) error { return serve(ctx, e.config, e.log, e.out) }

func newLog(c *config.Config, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // Validate has checked it
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(router.LogHandler(slog.NewJSONHandler(out, options)))
	}
	return slog.New(router.LogHandler(slog.NewTextHandler(out, options)))
}

func checkConfig(_ context.Context, e environment) error {
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

func listUsers(ctx context.Context, e environment) error {
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

func addUser(ctx context.Context, e environment) error {
	return withDatabase(ctx, e, func(n *node) error {
		password, err := askPassword(e)
		if err != nil {
			return err
		}
		user, err := n.auth.CreateUser(ctx, auth.UserEdit{Name: e.operand(0), Password: password, Admin: e.admin})
		if err == nil {
			fmt.Fprintf(e.out, "created user %q (id %d)\n", user.Name, user.ID)
		}
		return err
	})
}

func setPassword(ctx context.Context, e environment) error {
	return withDatabase(ctx, e, func(n *node) error {
		user, err := n.db.UserByName(ctx, e.operand(0))
		if err != nil {
			return fmt.Errorf("user %q: %w", e.operand(0), err)
		}
		password, err := askPassword(e)
		if err != nil {
			return err
		}
		if err := n.auth.ChangePassword(ctx, nil, user.ID, password); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "set the password of user %q; web sessions were ended\n", user.Name)
		return nil
	})
}

func askPassword(e environment) (string, error) {
	var password string
	if fd := int(e.in.Fd()); term.IsTerminal(fd) {
		fmt.Fprintf(e.out, "New password for %s (empty: make one up): ", e.operand(0))
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
