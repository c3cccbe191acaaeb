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

// mostMemory is what the goal may be, however much is in use.
var mostMemory atomic.Int64

// boundMemory has garbage collected before the process takes more than a node needs: otherwise the runtime lets the heap grow to a
// multiple of what is, or once was, in use. It is a goal, not a limit, and follows what is in use; a lower one set by GOMEMLIMIT or a
// cgroup takes precedence. Promise 10.
func boundMemory(cfg *config.Config) {
	mostMemory.Store(min(givenLimit(), 40<<20+4*int64(cfg.LargestRow())))
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

func setGoal() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	to := goal(int64(live[0].Value.Uint64()), mostMemory.Load()) //nolint:gosec // no process has that much
	if now := debug.SetMemoryLimit(-1); now != to {
		debug.SetMemoryLimit(to)
	}
}

// goal is how much memory the runtime may take in all while so much is in use, before it collects garbage more often than it would: a
// small node has some 10 MiB of garbage then. It comes in steps.
func goal(live, most int64) int64 {
	const (
		least = 32 << 20
		step  = 2 << 20
	)
	return min(max(least, (live*3/2+8<<20)/step*step), most)
}
