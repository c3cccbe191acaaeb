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

	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// version is set when a release is built.
var version = "dev"

// collectAt is how much garbage there may be, in percent of what is in use, before
// it is collected (see GOGC). What is in use is little, as what waits is in the
// database; at Go's own 100 a tenth of the processor's time goes to collecting it.
const collectAt = 300

func main() {
	transform.Main()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync:", cleanLines(err.Error()))
		stop()
		os.Exit(exitCode(err))
	}
}
