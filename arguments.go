package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// commandLine is what the program was called with.
type commandLine struct {
	// words are the command and what follows it, flags left out.
	words  []string
	config string
	admin  bool
	// name is the user that a command is about, "" for the other commands.
	name string
}

// parse reads the arguments. Flags may stand anywhere.
func parse(args []string) (line commandLine, err error) {
	flags := flag.NewFlagSet("carillon", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&line.config, "config", "", "")
	flags.BoolVar(&line.admin, "admin", false, "")
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return line, err
			}
			return line, fmt.Errorf("%w; see `carillon help`", err)
		}
		if flags.NArg() == 0 {
			return line, nil
		}
		line.words, args = append(line.words, flags.Arg(0)), flags.Args()[1:]
	}
}

// command returns the command that the words name, and takes the name of a user
// off them.
func (l *commandLine) command() (command, error) {
	words := l.words
	for _, c := range commands() {
		if c.named && len(words) == len(c.words)+1 && slices.Equal(words[:len(c.words)], c.words) {
			l.name, words = words[len(c.words)], c.words
		}
		if !slices.Equal(words, c.words) {
			continue
		}
		switch {
		case c.named && l.name == "":
			return c, errors.New("exactly one user name is needed; see `carillon help`")
		case l.admin && strings.Join(c.words, " ") != "user add":
			return c, errors.New("--admin belongs to `carillon user add`; see `carillon help`")
		}
		return c, nil
	}
	return command{}, fmt.Errorf("unknown command %q; see `carillon help`", strings.Join(l.words, " "))
}
