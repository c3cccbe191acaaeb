// Command mysql-sync-soak runs two real nodes under load from both sides, injects one fault after
// the other, and prints a Markdown table of the results: for each fault the committed writes, how
// many of them are lost, and whether both sides are equal. It leaves no process and no temporary
// folder behind. Then it measures the effect on everyone else while something is locked at a site,
// and the cost of attacks on a node, and has users write realistic and random schemas, see package
// schemafuzz, and kills the connector at each of its destinations, see package ordeal. The exit code
// is 0 only if every fault and every script ended as it must.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schemafuzz"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// program is a function in the shape that testkit.Main runs.
type program func() int

// Run calls the function and returns the exit code.
func (p program) Run() int { return p() }

func main() {
	each := flag.Duration("time", 10*time.Second, "how long each fault lasts")
	only := flag.String("run", "", "only faults whose names match this regular expression")
	long := flag.Bool("long", false, "also faults that take minutes, whatever -time says")
	seed := flag.Uint64("seed", 0, "run only the random schema with this seed, once; for real schemas, the order of the tables; for the connector, its writes and kills")
	kinds := flag.String("kinds", "all", "what random schemas may contain")
	sites := flag.Int("sites", 0, "number of nodes for random schemas; 0 alternates between two and three")
	wait := flag.Duration("wait", patience, "how long nodes with random schemas may take to become equal")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	some, wrong := schemafuzz.ParseKinds(*kinds)
	if err = errors.Join(err, wrong); err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "mysql-sync-soak: -run must be a regular expression, -kinds must be known to package schemafuzz, and arguments are not allowed:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	os.Exit(testkit.Main(program(func() int {
		code := soak(ctx, *each, func(f fault) bool { return chosen.MatchString(f.name) && (*long || !f.long) })
		code = max(code, playHolds(ctx, *each, chosen.MatchString))
		code = max(code, playAttacks(chosen.MatchString))
		code = max(code, reals(ctx, *seed, *wait, chosen.MatchString))
		if chosen.MatchString(schemasName) {
			code = max(code, schemas{seed: *seed, kinds: some, sites: *sites, each: 6 * *each, wait: *wait}.play(ctx))
		}
		return max(code, playConnector(ctx, *each, *seed, chosen.MatchString))
	})))
}

// soak runs the chosen faults and returns the exit code.
func soak(ctx context.Context, each time.Duration, chosen func(fault) bool) int {
	code := 0
	for i, f := range slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !chosen(f) }) {
		if i == 0 {
			fmt.Println(heading)
		}
		r := result{fault: f}
		r.err = testkit.Run(note, func(tb testkit.TB) { r.play(ctx, tb, each) })
		fmt.Println(r.row())
		if !r.good() {
			note("%s: failed: %v", f.name, r.err)
			for _, l := range r.lost[:min(len(r.lost), 10)] {
				note("  %s", l)
			}
			code = 1
		}
		if ctx.Err() != nil {
			return 1
		}
	}
	return code
}

// note prints something outside the table.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
