package service

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// givenLimit is the memory limit that the process was started with, by GOMEMLIMIT or its cgroup.
var givenLimit = sync.OnceValue(func() int64 { return debug.SetMemoryLimit(-1) })

// mostMemory is what the goal may be, unless so much is in use that the rest would be collected all the time.
var mostMemory atomic.Int64

// boundMemory has garbage collected before the process takes more than a node needs: otherwise the runtime lets the heap grow to a
// multiple of what is, or once was, in use. It is a goal, not a limit, and follows what is in use; a lower one set by GOMEMLIMIT or a
// cgroup takes precedence. Promise 10.
func boundMemory(cfg *config.Config) {
	givenLimit() // read before the goal is set
	mostMemory.Store(40<<20 + 4*int64(cfg.LargestRow()))
	setGoal()
	followUse()
}

// followUse sets the goal anew after each collection.
var followUse = sync.OnceFunc(func() {
	var again func(*collected)
	again = func(c *collected) {
		setGoal()
		runtime.SetFinalizer(c, again)
	}
	runtime.SetFinalizer(&collected{}, again)
})

// collected is garbage: its finalizer runs after each collection. It has a pointer, so that it shares its memory with nothing.
type collected struct{ _ *collected }

// setGoal sets the goal. What lies unused between objects counts up to a fourth of what is in use: it grows with the goal.
func setGoal() {
	m := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(m)
	of := func(i int) int64 { return int64(m[i].Value.Uint64()) } //nolint:gosec // no process has that much
	between := min(of(5), of(0)/4)
	to := min(goal(of(0), of(1)-of(2)-of(3)-of(4)-of(5)+between, mostMemory.Load()), givenLimit())
	if now := debug.SetMemoryLimit(-1); now != to {
		debug.SetMemoryLimit(to)
	}
}

// goal is how much memory the runtime may take in all, before it collects garbage more often than it would, while objects that are in use
// take live and all else but garbage takes besides, in bytes: a small node has some 10 MiB of garbage then. It is no more than most, but
// always has room for as much garbage as a fourth of what is in use: with less, a node with nothing to do would spend a processor on
// collecting. It comes in steps.
func goal(live, besides, most int64) int64 {
	const (
		least = 32 << 20
		spare = 8 << 20
		step  = 2 << 20
	)
	to := min(max(least, live*3/2+spare), most)
	return max(to, live*5/4+besides) / step * step
}
