package schemafuzz

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// Result is what came of a script.
type Result struct {
	Writes    int      // committed tokens
	Conflicts int      // rows in sync_conflicts
	Cleared   int      // unique values that were replaced because two sites had given them to different rows
	Wrong     []string // broken promises
	Log       string   // the users' latest statements
}

// world is the sites and the broker between them.
type world struct {
	tb       testkit.TB
	ctx      context.Context
	script   *Script
	patience time.Duration
	broker   *testkit.Broker
	sites    []*site
	ledger   *Ledger
	mu       sync.Mutex
	result   Result
}

// Play plays a script on real servers. The sites have patience to become equal, and that much again
// each time somebody has cleared a value.
func Play(ctx context.Context, tb testkit.TB, s *Script, patience time.Duration) Result {
	w := &world{tb: tb, ctx: ctx, script: s, patience: patience, ledger: newLedger()}
	w.broker = testkit.Mosquitto(tb, testkit.MosquittoOptions{})
	for i := range s.Sites {
		x := newSite(tb, i, s.remotes(i), s.ddl(i), s.tables(), w.broker)
		if s.Routes != nil && i == 0 {
			x.Config["routes"], x.Config["routeOptions"] = s.Routes.configure(s.Schema), map[string]any{"write": "any"}
		}
		x.ledger, x.mu = w.ledger, &w.mu
		w.sites = append(w.sites, x)
	}
	w.sites[0].work(ctx, s.Before)
	for _, x := range w.sites {
		x.Start()
	}
	for i, r := range s.Rounds {
		// A write to a row that the initial sync has yet to bring conflicts with nothing.
		if (i == 0 || !s.Kinds.Has(Apart)) && !w.settle(fmt.Sprintf("before round %d", i+1)) {
			return w.finish()
		}
		w.round(r)
	}
	if w.settle("at the end") {
		w.judge()
	}
	return w.finish()
}

// round has users write while something fails.
func (w *world) round(r Round) {
	var users sync.WaitGroup
	for i, list := range r.Work {
		users.Go(func() { w.sites[i].work(w.ctx, list) })
	}
	if r.Remap != "" {
		w.sites[0].Exec(r.Remap)
	}
	undo := w.strike(r.Fault)
	users.Wait()
	undo()
}

// strike makes a fault happen and returns the function that undoes it.
func (w *world) strike(f Fault) func() {
	if f.Kind == "" {
		return func() {}
	}
	time.Sleep(f.At)
	x := w.sites[f.Site]
	switch f.Kind {
	case killNode:
		x.Node.Kill()
		return x.Start
	case stopNode:
		x.Node.Stop()
		return x.Start
	case killBroker:
		w.broker.Kill()
		return w.broker.Start
	case cutBroker:
		x.toBroker.Cut()
		return x.toBroker.Restore
	case dropBroker:
		x.toBroker.CloseAll()
	case cutDatabase:
		x.toDatabase.Cut()
		return x.toDatabase.Restore
	case dropDatabase:
		x.toDatabase.CloseAll()
	}
	return func() {}
}

func (w *world) wrong(format string, args ...any) {
	w.result.Wrong = append(w.result.Wrong, fmt.Sprintf(format, args...))
}

// finish gathers what people need to see.
func (w *world) finish() Result {
	w.result.Writes = len(w.ledger.written)
	var b strings.Builder
	for _, x := range w.sites {
		if x.failed != nil {
			w.wrong("a user of %s got an error that only a node can cause: %v", x.Name, x.failed)
		}
		fmt.Fprintf(&b, "-- %s\n%s\n", x.Name, strings.Join(x.log, "\n"))
		if len(w.result.Wrong) > 0 {
			b.WriteString(x.traces())
		}
	}
	w.result.Log = b.String()
	return w.result
}
