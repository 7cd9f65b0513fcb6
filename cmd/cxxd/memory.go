package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// trimEvery is how often the process looks whether it holds much memory that it
// does not use, and trimAbove how much that is, in bytes.
const (
	trimEvery = 5 * time.Second
	trimAbove = 2 << 20
)

// trimMemory gives memory back to the system that the heap has grown by in a
// storm of logins and no longer needs. The runtime does so too, but over many
// minutes and only down to twice of what lives, which would be most of what an
// idle connection costs. A busy heap is left alone: collections that come by
// themselves show that it is in use.
func trimMemory(ctx context.Context) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/automatic:gc-cycles"},
	}
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	var cycles uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(samples)
		free, objects, live, now := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64()
		quiet := now-cycles <= 1
		cycles = now
		if garbage := objects - min(objects, live); quiet && free+garbage > max(trimAbove, live/16) {
			debug.FreeOSMemory()
		}
	}
}
