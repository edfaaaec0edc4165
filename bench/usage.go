package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is how many processors were busy with what, on average.
type usage struct {
	server float64 // the process that was measured
	load   float64 // this program
	rest   float64 // everything else on the machine, a database server included
}

func (u usage) String() string { return fmt.Sprintf("%.2f / %.2f / %.2f", u.server, u.load, u.rest) }

// spent is processor time up to a moment.
type spent struct {
	at                   time.Time
	server, load, system time.Duration
}

func spend(p *process) (s spent, err error) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return s, err
	}
	s.load = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	s.at = time.Now()
	if s.server, err = p.processorTime(); err != nil {
		return s, err
	}
	s.system, err = systemTime()
	return s, err
}

// until returns the usage between two moments.
func (s spent) until(e spent) usage {
	took := e.at.Sub(s.at).Seconds()
	u := usage{server: (e.server - s.server).Seconds() / took, load: (e.load - s.load).Seconds() / took}
	u.rest = max((e.system-s.system).Seconds()/took-u.server-u.load, 0)
	return u
}

// tick is the unit of processor times in /proc, on every Linux (proc(5)).
const tick = 10 * time.Millisecond

// processorTime is what the process has used, in its own code and the kernel's.
func (p *process) processorTime() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
	if err != nil {
		return 0, err
	}
	// The name, the second field, may hold spaces; the third follows its bracket.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system = 14 - 3, 15 - 3
	return ticks(fields[user], fields[system])
}

// systemTime is what all processors were busy for.
func systemTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq
	if len(fields) < 8 {
		return 0, errors.New("/proc/stat has no line for all processors")
	}
	return ticks(fields[1], fields[2], fields[3], fields[6], fields[7])
}

func ticks(fields ...string) (all time.Duration, err error) {
	for _, field := range fields {
		n, failed := strconv.ParseInt(field, 10, 64)
		err = errors.Join(err, failed)
		all += time.Duration(n) * tick
	}
	return all, err
}

// resident is how many bytes of memory the process holds.
func (p *process) resident() (int, error) { return p.memory("smaps_rollup", "Rss:") }

// peak is the most bytes of memory that the process has held since forgetPeak.
func (p *process) peak() (int, error) { return p.memory("status", "VmHWM:") }

func (p *process) forgetPeak() error {
	const peakOnly = "5" // proc(5)
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid()), []byte(peakOnly), 0)
}

// memory reads a figure of a file in /proc.
func (p *process) memory(file, name string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid(), file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name {
			kilobytes, err := strconv.Atoi(fields[1])
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
