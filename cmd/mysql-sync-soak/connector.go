package main

import (
	"cmp"
	"context"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/destination/ordeal"
)

// connectorName is for -run, with the ordeal's own name after it.
const connectorName = "connector"

// playConnector kills the connector at each chosen destination, and returns the exit code. Seed 0
// means a new one for each. It runs last: answering a killed client gives this process a SIGPIPE,
// which is ignored from now on.
func playConnector(ctx context.Context, each time.Duration, seed uint64, chosen func(name string) bool) int {
	signal.Ignore(syscall.SIGPIPE)
	code, heading := 0, ordeal.Heading+"\n"
	for i := range ordeal.All {
		o := &ordeal.All[i]
		if !chosen(connectorName+" "+o.Name) || ctx.Err() != nil {
			continue
		}
		r := o.Play(ctx, note, each, cmp.Or(seed, uint64(time.Now().UnixNano()))) //nolint:gosec // any number will do
		note("%s: seed %d", o.Name, r.Seed)
		if _, err := fmt.Printf("%s%s\n", heading, r.Row()); err != nil {
			return 1 // nobody reads it anymore
		}
		heading = ""
		if r.Good() {
			continue
		}
		code = 1
		note("%s: failed: %v", o.Name, r.Err)
		for _, l := range append(r.Lost[:min(len(r.Lost), 10)], r.Twice[:min(len(r.Twice), 10)]...) {
			note("  %s", l)
		}
	}
	if ctx.Err() != nil {
		return 1
	}
	return code
}
