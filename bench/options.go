package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carillon-push/carillon/test/dialect"
)

// options are what the command line chooses.
type options struct {
	only        []string
	dialect     dialect.Dialect
	binary      string
	dir         string
	span        time.Duration // of one round of one measurement
	rounds      int
	messages    int // in the large history
	idleStreams int // streams that are measured at rest
	widest      int // streams of the widest fan-out
	subscribers int // of the topic
}

// warmUp goes before every round and is not counted.
const warmUp = 300 * time.Millisecond

func parseOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "measure these only, separated by commas: posts, fanout, topic, idle, history")
	name := flags.String("dialect", "sqlite3", "the server's database: sqlite3, postgres or mysql")
	connection := flags.String("connection", "", "a database server on which databases may be created and dropped "+
		"(default: TEST_POSTGRES or TEST_MYSQL, else the one on 127.0.0.1)")
	seconds := flags.Float64("seconds", 2, "seconds of one round")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of each measurement; the median is printed")
	flags.IntVar(&o.messages, "messages", 1_000_000, "messages in the large history, at least 100000")
	quick := flags.Bool("quick", false, "about a minute for everything: one short round, a smaller history, fewer streams")
	flags.StringVar(&o.binary, "server", "./carillon", "the server to measure")
	flags.StringVar(&o.dir, "dir", "", "where the temporary folder is made; a real disk, or the posts are not durable (default: TMPDIR)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.idleStreams, o.widest, o.subscribers = 10_000, 5_000, 2_000
	if *quick {
		*seconds, o.rounds, o.messages = 0.5, 1, 100_000
		o.idleStreams, o.widest, o.subscribers = 2_000, 1_000, 500
	}
	o.span = time.Duration(*seconds * float64(time.Second))
	if o.span <= 0 || o.rounds < 1 || o.messages < 100_000 {
		return o, fmt.Errorf("-seconds and -rounds must be positive, -messages at least 100000")
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if err := o.checkNames(); err != nil {
		return o, err
	}
	if o.dialect, err = chooseDialect(*name, *connection); err != nil {
		return o, err
	}
	o.binary, err = filepath.Abs(o.binary)
	return o, err
}

func (o options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func (o options) checkNames() error {
	for _, name := range o.only {
		if !slices.ContainsFunc(measurements(), func(m measurement) bool { return m.name == name }) {
			return fmt.Errorf("-only: there is no measurement %q", name)
		}
	}
	return nil
}

// chooseDialect finds the database server the way the tests do.
func chooseDialect(name, connection string) (dialect.Dialect, error) {
	if connection != "" {
		if err := os.Setenv("TEST_"+strings.ToUpper(name), connection); err != nil {
			return dialect.Dialect{}, err
		}
	}
	for _, d := range dialect.All() {
		if d.Name == name {
			return d, nil
		}
	}
	return dialect.Dialect{}, fmt.Errorf("-dialect: %q is none of sqlite3, postgres, mysql, or TEST_DIALECTS leaves it out", name)
}
