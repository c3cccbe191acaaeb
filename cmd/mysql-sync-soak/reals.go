package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schemafuzz"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	realsName    = "real schemas" // for -run, with the schema's own after it
	realsHeading = `| real schema | tables in the order of seed | as it must be | seconds |
|---|--:|---|--:|`
)

// reals plays the chosen real schemas and returns the exit code.
func reals(ctx context.Context, seed uint64, wait time.Duration, chosen func(name string) bool) int {
	code, heading := 0, realsHeading+"\n"
	if seed == 0 {
		seed = rand.Uint64N(1_000_000) + 1
	}
	if !slices.ContainsFunc(schemafuzz.Reals(), func(r schemafuzz.Real) bool { return chosen(realsName + " " + r.Name) }) {
		return code
	}
	// Building the daemon takes a minute on a busy machine, which must not count for the first schema.
	if err := testkit.Run(note, func(tb testkit.TB) { testkit.Binary(tb) }); err != nil {
		note("%s: %v", realsName, err)
		return 1
	}
	for _, real := range schemafuzz.Reals() {
		if !chosen(realsName+" "+real.Name) || ctx.Err() != nil {
			continue
		}
		var wrong []string
		began, word := time.Now(), "yes"
		err := testkit.Run(note, func(tb testkit.TB) { wrong = schemafuzz.PlayReal(ctx, tb, real, seed, wait) })
		if err != nil || len(wrong) > 0 {
			code, word = 1, "no"
		}
		fmt.Printf("%s| %s | %d | %s | %.1f |\n", heading, real.Name, seed, word, time.Since(began).Seconds())
		heading = ""
		if word == "no" {
			note("%s %s: failed: %v", realsName, real.Name, err)
			for _, l := range wrong {
				note("  %s", l)
			}
		}
	}
	return code
}
