package daemon

import (
	"os"
	"runtime/debug"
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// givenLimit is the memory limit that the process was started with, as by its cgroup.
var givenLimit = sync.OnceValue(func() int64 { return debug.SetMemoryLimit(-1) })

// boundMemory has the garbage of large messages collected before the process takes more than a node needs: the runtime otherwise
// lets the heap grow to twice what was once in use. It is a goal and no limit; GOMEMLIMIT, and less that is given, go before it.
// Promise 10.
func boundMemory(cfg *config.Config) {
	given := givenLimit()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(min(given, 40<<20+4*int64(maxRow(cfg))))
	}
}
