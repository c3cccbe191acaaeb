// Command mysql-sync-demo demonstrates the main job on this machine: two throwaway databases and
// two real nodes that keep a table in sync, even when the link between them is cut for a while.
// With the argument "connector" it demonstrates the connector: a throwaway database whose rows go
// to a local service, though the connector is killed. With "fleet", a head office and eight stores,
// each with its own rows. It leaves no process and no temporary folder behind. The exit code is 0 only if all sides were equal in the end.
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
	s, story := newScreen(os.Stdout), play
	// Nothing may be left behind when the terminal goes away either: hence SIGHUP and SIGPIPE.
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE}
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "connector":
		s, story = &screen{out: os.Stdout}, carry
		// Here a connection closed by the connector would be mistaken for the terminal.
		signal.Ignore(syscall.SIGPIPE)
		ends = ends[:3]
	case len(args) == 1 && args[0] == "fleet":
		s, story = &screen{out: os.Stdout}, lead
	case len(args) > 0:
		fmt.Fprintln(os.Stderr, "usage: mysql-sync-demo [connector | fleet]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	os.Exit(testkit.Main(program(func() int { return demonstrate(ctx, s, story) })))
}

func demonstrate(ctx context.Context, s *screen, story func(context.Context, testkit.TB, *screen)) int {
	if err := testkit.Run(s.note, func(tb testkit.TB) { story(ctx, tb, s) }); err != nil {
		fmt.Fprintln(os.Stderr, "mysql-sync-demo:", err)
		return 1
	}
	return 0
}
