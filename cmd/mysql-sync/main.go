// Command mysql-sync keeps chosen tables of MySQL and MariaDB databases at many
// sites the same, over an MQTT broker.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync:", err)
		stop()
		os.Exit(exitCode(err))
	}
}
