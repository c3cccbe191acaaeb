package daemon

import (
	"os"
	"runtime/debug"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// boundMemory has the garbage of large messages collected before the process takes more than a node needs: the runtime otherwise lets the
// heap grow to twice what was once in use. It is no limit, and GOMEMLIMIT goes before it. Promise 10.
func boundMemory(cfg *config.Config) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(64<<20 + 4*int64(maxRow(cfg)))
	}
}
