// Command mysql-sync-demo demonstrates the main job on this machine: two throwaway databases and
// two real nodes that keep a table in sync, even when the link between them is cut for a while. It
// leaves no process and no temporary folder behind. The exit code is 0 only if both sides were
// equal in the end.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// program is a function in the shape that testkit.Main runs.
type program func() int

// Run calls the function and returns the exit code.
func (p program) Run() int { return p() }

func main() {
	// A terminal that goes away must not leave anything behind either: hence SIGHUP and SIGPIPE.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	os.Exit(testkit.Main(program(func() int { return demonstrate(ctx) })))
}

func demonstrate(ctx context.Context) int {
	s := newScreen(os.Stdout)
	if err := testkit.Run(s.note, func(tb testkit.TB) { play(ctx, tb, s) }); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync-demo:", err)
		return 1
	}
	return 0
}
