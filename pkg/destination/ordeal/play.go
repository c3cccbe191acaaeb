package ordeal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// patience is how long the connector may take to finish its work at the end.
const patience = 3 * time.Minute

// play is an ordeal in progress.
type play struct {
	*Result
	tb     testkit.TB
	ctx    context.Context
	place  *place
	load   *load
	source *testkit.Proxy
	random *rand.Rand
	exe    string // the connector
	file   string // its configuration
	clock  *testkit.Clock

	keys   map[string]bool // in doubt at a kill
	events map[string]bool
}

// Play kills the connector for some time, and returns the outcome. A seed determines the writes and the pauses.
func (o *Ordeal) Play(ctx context.Context, logf func(string, ...any), each time.Duration, seed uint64) *Result {
	r := &Result{Ordeal: o, Seed: seed}
	r.Err = testkit.Run(logf, func(tb testkit.TB) {
		p := &play{Result: r, tb: tb, ctx: ctx, place: o.open(tb), random: rand.New(rand.NewPCG(seed, 2)), keys: map[string]bool{}, events: map[string]bool{}}
		p.begin(seed)
		p.kill(each)
		p.finish()
	})
	return r
}

// begin makes the source and the configuration.
func (p *play) begin(seed uint64) {
	rows := 400
	if p.place.slow {
		rows = 40
	}
	p.load = start(p.tb, seed, rows)
	server := testkit.Shared(p.tb)
	p.source = testkit.NewProxy(p.tb, fmt.Sprintf("%s:%d", server.Host, server.Port))
	shop := reached("mysql", p.source, server.User, p.load.db.Name)
	shop["password"] = server.Password
	p.place.to["destination"], p.place.to["mode"] = "there", "replace"
	text, err := json.Marshal(map[string]any{
		"sources":      map[string]any{"shop": shop},
		"destinations": map[string]any{"there": p.place.destination},
		"jobs": map[string]any{"rows": map[string]any{
			"from": map[string]any{"source": "shop", "table": "a", "key": "id"}, "to": p.place.to, "guard": map[string]any{"off": true},
		}},
	})
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
	p.file = filepath.Join(folder(p.tb), "connector.json")
	if err := os.WriteFile(p.file, text, 0o600); err != nil {
		p.tb.Fatalf("%v", err)
	}
	if p.Ordeal.faults.clock {
		p.clock = testkit.NewClock(p.tb)
		p.exe = p.clock.Connector()
	} else {
		p.exe = testkit.Connector(p.tb)
	}
	if p.place.witness != nil {
		p.place.witness.be(p.Ordeal.faults.answers, seed)
	}
	if p.place.proxy != nil {
		p.place.proxy.Delay(3 * time.Millisecond) // as a network has: otherwise little is in flight at a kill
	}
}

// command is the connector with what it says.
func (p *play) command(more ...string) *exec.Cmd {
	c := exec.Command(p.exe, append([]string{"start", p.file}, more...)...)
	if p.clock != nil {
		c.Env = append(os.Environ(), p.clock.Variable())
	}
	return c
}

// kill starts the connector and kills it, over and over, while the source changes.
func (p *play) kill(each time.Duration) {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	size, every, longest := 4, 60*time.Millisecond, 700
	if p.place.slow {
		size, every, longest = 1, 300*time.Millisecond, 1500
	}
	var g errgroup.Group
	g.Go(func() error { return p.load.run(ctx, size, every) })
	if p.Ordeal.faults.cuts {
		g.Go(func() error { return p.cut(ctx) })
	}
	for end := time.Now().Add(each); time.Now().Before(end) || p.Kills == 0; {
		if p.clock != nil {
			p.clock.Set(time.Duration(p.random.IntN(48*3600)-24*3600) * time.Second)
		}
		c := p.command()
		if err := c.Start(); err != nil {
			p.tb.Fatalf("start the connector: %v", err)
		}
		life := time.Duration(30+p.random.IntN(longest)*p.random.IntN(longest)/longest) * time.Millisecond // mostly short
		if p.clock != nil {
			_ = pause.For(p.ctx, life/2)
			p.clock.Set(time.Duration(p.random.IntN(48*3600)-24*3600) * time.Second)
			life /= 2
		}
		interrupted := pause.For(p.ctx, life)
		_ = c.Process.Kill()
		if err := c.Wait(); err == nil || c.ProcessState.ExitCode() >= 0 {
			p.tb.Fatalf("the connector ended by itself: %v", c.ProcessState)
		}
		if interrupted != nil {
			p.tb.Fatalf("interrupted")
		}
		p.Kills++
		p.doubts()
	}
	stop()
	if err := g.Wait(); err != nil {
		p.tb.Fatalf("%v", err)
	}
	p.Changes = p.load.changes
}

// cut breaks connections to the databases, and lets them be made again.
func (p *play) cut(ctx context.Context) error {
	list := []*testkit.Proxy{p.source, p.place.proxy}
	for i := 0; pause.For(ctx, 300*time.Millisecond) == nil; i++ {
		list[i%len(list)].Cut()
		_ = pause.For(ctx, 100*time.Millisecond)
		list[i%len(list)].Restore()
	}
	return nil
}

// doubts records what was in flight when the connector was killed.
func (p *play) doubts() {
	state := p.file[:len(p.file)-len(".json")] + ".db"
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		return
	}
	l, err := ledger.Copy(p.ctx, state, ledger.Config{})
	if err != nil {
		p.tb.Fatalf("read the state after a kill: %v", err)
	}
	defer l.Close()
	g, err := l.Leg(p.ctx, "rows", ledger.Push, p.place.leg)
	if err != nil {
		p.tb.Fatalf("read the state after a kill: %v", err)
	}
	list, err := g.Doubts(p.ctx)
	if err != nil {
		p.tb.Fatalf("read the state after a kill: %v", err)
	}
	for _, b := range list {
		for i := range b.Operations {
			o := &b.Operations[i]
			if !p.events[o.Event] {
				p.Doubts++
			}
			p.keys[o.Key], p.events[o.Event] = true, true
		}
	}
}

// finish lets the connector finish undisturbed, and examines the result.
func (p *play) finish() {
	began := time.Now()
	if p.clock != nil {
		p.clock.Set(0)
	}
	w := p.place.witness
	if w != nil {
		w.be(false, 0)
	}
	if p.place.proxy != nil {
		p.place.proxy.Restore()
	}
	p.once()
	p.Took = time.Since(began)
	rows, err := p.load.db.Query("SELECT id, v FROM a")
	want := scanned(p.tb, rows, err)
	got := p.place.rows(p.tb)
	p.Rows = len(want)
	p.compare(want, got)
	if w == nil {
		return
	}
	p.judge(w.taken())
	before := len(w.taken())
	p.once()
	if n := len(w.taken()) - before; n > 0 {
		p.Twice = append(p.Twice, fmt.Sprintf("%d states are sent though nothing has changed", n))
	}
}

// compare finds the differences between the rows of source and destination.
func (r *Result) compare(want, got []string) {
	slices.Sort(want)
	slices.Sort(got)
	for _, s := range want {
		if _, found := slices.BinarySearch(got, s); !found {
			r.Lost = append(r.Lost, s)
		}
	}
	for i, s := range got {
		if _, found := slices.BinarySearch(want, s); !found || i > 0 && got[i-1] == s {
			r.Twice = append(r.Twice, s)
		}
	}
}

// once runs the connector until it reports that it is done.
func (p *play) once() {
	testkit.Within(p.tb, patience, "the connector to be done", func() error {
		if p.ctx.Err() != nil {
			p.tb.Fatalf("interrupted")
		}
		if out, err := p.command("--once").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// judge examines what arrived a second time.
func (p *play) judge(list []arrival) {
	type state struct{ id, v int64 }
	events, added := map[state]string{}, map[int64]bool{}
	for _, a := range list {
		s := state{a.id, a.v}
		before, again := events[s]
		events[s] = a.event
		switch {
		case a.adds && added[a.id]:
			p.Twice = append(p.Twice, fmt.Sprintf("%d=%d makes a second record", a.id, a.v))
		case !again:
		case before != a.event:
			p.Twice = append(p.Twice, fmt.Sprintf("%d=%d arrived as the events %s and %s", a.id, a.v, before, a.event))
		case !p.doubted(a) && !p.Ordeal.faults.answers: // each bad answer is a doubt of its own
			p.Twice = append(p.Twice, fmt.Sprintf("%d=%d arrived twice and was not in doubt", a.id, a.v))
		default:
			p.Again++
		}
		added[a.id] = added[a.id] || a.adds
	}
}

// doubted reports whether an arrival was in flight at a kill.
func (p *play) doubted(a arrival) bool {
	if a.event != "" {
		return p.events[a.event]
	}
	key, err := record.Key([]any{a.id}, false)
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
	return p.keys[key]
}
