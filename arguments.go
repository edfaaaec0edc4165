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
	// operands are what follows the command's own words.
	operands []string
}

// operand returns what stands in the place, from 0, or "" where nothing stands.
func (l *commandLine) operand(place int) string {
	if place >= len(l.operands) {
		return ""
	}
	return l.operands[place]
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

// command returns the command that the words name, and notes its operands.
func (l *commandLine) command() (command, error) {
	for _, c := range commands() {
		own := len(c.words)
		if len(l.words) < own || !slices.Equal(l.words[:own], c.words) || len(l.words) > own+c.most {
			continue
		}
		l.operands = l.words[own:]
		switch {
		case len(l.operands) < c.least:
			return c, fmt.Errorf("%s; see `carillon help`", c.lacks)
		case l.admin && strings.Join(c.words, " ") != "user add":
			return c, errors.New("--admin belongs to `carillon user add`; see `carillon help`")
		}
		return c, nil
	}
	return command{}, fmt.Errorf("unknown command %q; see `carillon help`", strings.Join(l.words, " "))
}
