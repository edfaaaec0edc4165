package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// headroom is how much the heap may grow between two collections, in bytes, when
// little is alive.
const headroom = 16 << 20

// tuneCollector sets, from what is alive, when garbage is collected next, until
// ctx ends. The runtime's default lets memory double: with little alive that
// means many collections each second while messages are published, and with
// thousands of idle streams as much memory again as they need. A fixed headroom,
// and a quarter of what is alive when that is more, is better at both ends.
//
// Whoever sets GOGC knows better.
func tuneCollector(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		debug.SetGCPercent(collectorPercent(aliveBytes()))
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// collectorPercent returns the GOGC value that leaves the headroom.
func collectorPercent(alive uint64) int {
	alive = max(alive, 4<<20) // below it the runtime's own minimum counts
	return int(max(headroom, alive/4) * 100 / alive)
}

// aliveBytes returns what the runtime's pacer counts as alive: what the last
// collection left, and the stacks.
func aliveBytes() uint64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	return sum
}
