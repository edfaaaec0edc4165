// Command bench measures a Carillon server from outside and prints one table.
//
// It starts the server as a process with a fresh database, puts load on it over
// loopback and compares what it measures, in the same run, with something that
// does less: posts with a limit probe, fan-out with a bare broadcast, pages of a
// large history with those of a small one. Figures of two runs or machines are
// not comparable, ratios of one run are.
//
// The processes it compares with are this program too (probe, broadcast). It
// knows the server's insides in two places only: the probe uses the same group
// commit, and history is filled through it. README.md explains every row.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	// A Ctrl-C in a terminal ends the servers too, so any error may follow it.
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == probeCommand {
		return probe(ctx, args[1:])
	}
	if len(args) > 0 && args[0] == broadcastCommand {
		return broadcast(ctx)
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return measure(ctx, o)
}

// measurement is one part of the table.
type measurement struct {
	name string
	run  func(*bench, context.Context) error
}

// measurements lists them in the order of the table.
func measurements() []measurement {
	return []measurement{
		{"posts", (*bench).posts},
		{"fanout", (*bench).fanout},
		{"topic", (*bench).topic},
		{"idle", (*bench).idle},
		{"history", (*bench).history},
	}
}

// bench is one run.
type bench struct {
	options
	// dir holds everything that is written; it goes when the run ends.
	dir   string
	loop  *loop
	table table
}

func measure(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "carillon-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := newLoop()
	if err != nil {
		return err
	}
	defer l.close()
	b := &bench{options: o, dir: dir, loop: l}
	for _, m := range measurements() {
		if !o.wants(m.name) {
			continue
		}
		if failed := m.run(b, ctx); failed != nil {
			err = fmt.Errorf("%s: %w", m.name, failed)
			break
		}
	}
	b.table.print(os.Stdout, o)
	return err
}

// say tells how far the run is; the table goes to stdout alone.
func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", values...)
}
