// Command mysql-sync keeps selected MySQL and MariaDB tables in sync across many sites, over an
// MQTT broker.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/command"
	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// version is set when a release is built.
var version = "dev"

// collectAt is how much garbage may accumulate, in percent of the memory in use, before it is collected (see GOGC). Little
// memory is in use, since pending rows are in the database; at Go's default of 100, garbage collection takes a tenth of
// the CPU time.
const collectAt = 300

func main() {
	transform.Main()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync:", command.CleanLines(err.Error()))
		stop()
		os.Exit(command.ExitCode(err))
	}
}
