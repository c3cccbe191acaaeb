package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schemafuzz"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	schemasName    = "random schemas" // for -run
	schemasHeading = `| seed | nodes | kinds left out | writes committed | conflicts kept | unique values given anew | as it must be | seconds |
|---|--:|---|--:|--:|--:|---|--:|`
	schemaRounds = 5
)

// schemas chooses the random schemas to play.
type schemas struct {
	seed  uint64 // 0: any, one after another
	kinds schemafuzz.Kinds
	sites int // 0: two and three in turn
	each  time.Duration
	wait  time.Duration // for all to become equal
}

// play plays scripts until the time is up, and returns the exit code. A given seed is played once.
func (s schemas) play(ctx context.Context) int {
	fmt.Println(schemasHeading)
	code, only := 0, s.seed != 0
	if !only {
		s.seed = rand.Uint64N(1_000_000) + 1
	}
	for end, n := time.Now().Add(s.each), 0; ctx.Err() == nil && (n == 0 || !only && time.Now().Before(end)); n++ {
		sites, kinds := s.sites, s.kinds
		if sites == 0 {
			sites = 2 + n/2%2
		}
		if !only && n%2 == 1 {
			kinds &^= schemafuzz.Apart
		}
		if !s.one(ctx, schemafuzz.NewScript(s.seed, kinds, sites, schemaRounds)) {
			code = 1
		}
		s.seed++
	}
	return code
}

// one plays one script and reports whether it ended as it must.
func (s schemas) one(ctx context.Context, script *schemafuzz.Script) bool {
	began, r := time.Now(), schemafuzz.Result{}
	err := testkit.Run(note, func(tb testkit.TB) { r = schemafuzz.Play(ctx, tb, script, s.wait) })
	good, word := err == nil && len(r.Wrong) == 0, "no"
	if good {
		word = "yes"
	}
	fmt.Printf("| %d | %d | %s | %d | %d | %d | %s | %.1f |\n", script.Seed, script.Sites, schemafuzz.All&^script.Kinds, r.Writes,
		r.Conflicts, r.Cleared, word, time.Since(began).Seconds())
	if !good {
		note("%s: failed: %v", schemasName, err)
		for _, l := range r.Wrong {
			note("  %s", l)
		}
		note("%s\n%s", script.Header(), r.Log)
		note("again: mysql-sync-soak -run '%s' -seed %d -kinds %s -sites %d", schemasName, script.Seed, script.Kinds, script.Sites)
	}
	return good
}
