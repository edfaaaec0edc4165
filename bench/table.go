package main

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table; what does not apply is empty.
type row struct {
	what     string
	ours     cells
	against  string
	theirs   cells
	ratio    string
	target   string
	cpuUsage string
}

// cells are what was measured on one side.
type cells struct{ value, p50, p99, each string }

// cells returns a sample as it is printed.
func (s sample) cells() cells {
	return cells{
		value: perSecond(s.rate), p50: short(s.p50), p99: short(s.p99),
		each: short(time.Duration(s.cpu.server / s.rate * float64(time.Second))),
	}
}

type table struct{ rows []row }

func (t *table) add(r row) { t.rows = append(t.rows, r) }

func (t *table) print(out io.Writer, o options) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\nCarillon on %s, %s, %s: medians of %s of %s. Only the ratios hold beyond this run.\n\n",
		o.dialect.Name, plural(runtime.NumCPU(), "processor"), time.Now().Format(time.DateOnly), plural(o.rounds, "round"), o.span)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(columns ...string) { fmt.Fprintln(w, strings.Join(columns, "\t")) }
	line("measured", "value", "p50", "p99", "CPU each", "compared with", "value", "p50", "p99", "CPU each", "ratio", "target", "busy: server/load/rest")
	for _, r := range t.rows {
		line(r.what, r.ours.value, r.ours.p50, r.ours.p99, r.ours.each,
			r.against, r.theirs.value, r.theirs.p50, r.theirs.p99, r.theirs.each, r.ratio, r.target, r.cpuUsage)
	}
	w.Flush() //nolint:errcheck // there is nowhere to say that stdout is gone
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// percent is a ratio as it is printed.
func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }

// atLeast and atMost are a target and whether it was met.
func atLeast(target, ratio float64) string { return "≥ " + percent(target) + met(ratio >= target) }
func atMost(target, ratio float64) string  { return "≤ " + percent(target) + met(ratio <= target) }

func met(yes bool) string {
	if yes {
		return " met"
	}
	return " MISSED"
}

// perSecond is a rate with separated thousands.
func perSecond(rate float64) string { return count(int(rate)) + "/s" }

func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// short rounds a duration to three digits.
func short(d time.Duration) string {
	for unit := time.Duration(1); unit < time.Minute; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}
