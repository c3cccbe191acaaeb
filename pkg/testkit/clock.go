package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Clock is the time of day for the servers and nodes that get it. Nobody else's clock is touched. A
// server needs libfaketime for it, which scripts/install-deps.sh installs; a node has it built in,
// since nothing can be preloaded into a static program. Waiting uses another clock, as on a machine
// whose clock is set. Its methods are safe for concurrent use.
type Clock struct {
	tb TB

	mu    sync.Mutex
	ahead time.Duration
	files []string // the first is this system's, the others belong to servers confined to a folder
}

// NewClock returns a clock that is correct.
func NewClock(tb TB) *Clock {
	tb.Helper()
	c := &Clock{tb: tb, files: []string{filepath.Join(folder(tb, ""), "clock")}}
	c.Set(0)
	return c
}

// Set makes the clock differ from the machine's by whole seconds. Its users notice within about a second.
func (c *Clock) Set(ahead time.Duration) {
	c.tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
	for _, file := range c.files {
		fresh := file + ".new"
		err := os.WriteFile(fresh, fmt.Appendf(nil, "%+d\n", int(ahead.Seconds())), 0o600)
		if err == nil {
			err = os.Rename(fresh, file) // Atomic: nobody reads half of it.
		}
		if err != nil {
			c.tb.Fatalf("set a clock: %v", err)
		}
	}
}

// fileIn adds a file of the clock in a folder.
func (c *Clock) fileIn(dir string) string {
	c.tb.Helper()
	file := filepath.Join(dir, "clock")
	c.mu.Lock()
	if !slices.Contains(c.files, file) {
		c.files = append(c.files, file)
	}
	ahead := c.ahead
	c.mu.Unlock()
	c.Set(ahead)
	return file
}

// fileVariable names the clock's file; it is libfaketime's variable.
const fileVariable = "FAKETIME_TIMESTAMP_FILE"

// Server restarts a MariaDB server so that it uses the clock.
func (c *Clock) Server(d *Database) {
	c.tb.Helper()
	found, _ := filepath.Glob(filepath.Join(d.program.root, "/usr/lib/*/faketime/libfaketimeMT.so.1"))
	if len(found) == 0 || d.Flavour != FlavourMariaDB {
		c.tb.Fatalf("give a server another clock: needs MariaDB and libfaketime; scripts/install-deps.sh installs it")
	}
	d.Stop()
	d.environment = []string{"LD_PRELOAD=" + d.program.inside(found[0]), fileVariable + "=" + d.program.inside(c.fileIn(d.dir)),
		"FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}
	d.Start()
}

// Node starts a daemon that uses the clock; otherwise it is like the function of this name.
func (c *Clock) Node(configurationFile string, args ...string) *NodeProcess {
	c.tb.Helper()
	return start(c.tb, built(c.tb, clockDaemon), []string{c.Variable()}, append([]string{configurationFile}, args...))
}

// Connector returns the path of a connector that uses the clock named by the environment variable of Variable.
func (c *Clock) Connector() string {
	c.tb.Helper()
	return built(c.tb, clockConnector)
}

// Variable names the clock in a program's environment.
func (c *Clock) Variable() string { return fileVariable + "=" + c.files[0] }
