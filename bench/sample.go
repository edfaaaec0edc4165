package main

import (
	"math/bits"
	"slices"
	"time"
)

// sample is what one round has found.
type sample struct {
	rate     float64 // per second
	p50, p99 time.Duration
	cpu      usage
	peak     float64 // bytes of memory; 0 where nobody looked
}

// medians takes each figure's median over the rounds.
func medians(all []sample) sample {
	return sample{
		rate: median(all, func(s sample) float64 { return s.rate }),
		p50:  median(all, func(s sample) time.Duration { return s.p50 }),
		p99:  median(all, func(s sample) time.Duration { return s.p99 }),
		cpu: usage{
			server: median(all, func(s sample) float64 { return s.cpu.server }),
			load:   median(all, func(s sample) float64 { return s.cpu.load }),
			rest:   median(all, func(s sample) float64 { return s.cpu.rest }),
		},
		peak: median(all, func(s sample) float64 { return s.peak }),
	}
}

func median[T float64 | time.Duration](all []sample, figure func(sample) T) T {
	figures := make([]T, len(all))
	for i, s := range all {
		figures[i] = figure(s)
	}
	slices.Sort(figures)
	middle := len(figures) / 2
	if len(figures)%2 == 1 {
		return figures[middle]
	}
	return (figures[middle-1] + figures[middle]) / 2
}

// histogram counts durations in steps of at most 1/64, so that millions cost
// nothing to keep.
type histogram struct {
	counts [64 * 58]int
	total  int
}

const steps = 64

func (h *histogram) add(d time.Duration) {
	h.counts[slot(max(d, 0))]++
	h.total++
}

func slot(d time.Duration) int {
	exponent := max(bits.Len64(uint64(d))-bits.Len(steps), 0)
	return exponent*steps + int(d>>exponent)
}

// quantile returns the duration that the share of all durations do not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	left := int(share*float64(h.total-1)) + 1
	for i, n := range h.counts {
		if left -= n; left <= 0 {
			return value(i)
		}
	}
	return 0
}

// value is the middle of a slot.
func value(i int) time.Duration {
	if i < 2*steps {
		return time.Duration(i)
	}
	exponent := i/steps - 1
	return time.Duration(i-exponent*steps)<<exponent + 1<<exponent/2
}
