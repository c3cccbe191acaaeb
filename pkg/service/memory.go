package service

import (
	"runtime/debug"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// givenLimit is the memory limit that the process was started with, by GOMEMLIMIT or its cgroup.
var givenLimit = sync.OnceValue(func() int64 { return debug.SetMemoryLimit(-1) })

// boundMemory has the garbage of large messages collected before the process takes more than a node needs: otherwise the runtime
// lets the heap grow to twice what was once in use. It is a goal, not a limit; a lower one set by GOMEMLIMIT or a cgroup takes
// precedence. Promise 10.
func boundMemory(cfg *config.Config) {
	debug.SetMemoryLimit(min(givenLimit(), 40<<20+4*int64(cfg.LargestRow())))
}
