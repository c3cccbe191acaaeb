package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// side is a way to replicate that is measured beside others: what people would pick.
type side struct {
	name    string
	missing func() error         // what stops it on this machine; nil: nothing can
	pair    func(b *bench) *pair // not started
}

// sides are all of them, ours first.
var sides = []side{
	{name: "mysql-sync, triggers", pair: func(b *bench) *pair { return newOursWith(b, map[string]any{"capture": "trigger"}) }},
	{name: "mysql-sync, `capture: log`", pair: func(b *bench) *pair { return newOursWith(b, map[string]any{"capture": "log"}) }},
	{name: "MariaDB's own replication", pair: newNative},
	{name: "reader of the log, row by row", pair: newCanal},
	{name: "our node to a version-1 peer", pair: newPeers},
	{name: "Debezium, defaults", missing: noDebezium, pair: newDebezium(false)},
	{name: "Debezium, tuned", missing: noDebezium, pair: newDebezium(true)},
}

// noDebezium says what Debezium lacks on this machine.
func noDebezium() error {
	_, err := testkit.Debezium()
	return err
}

// unlogged is what the writers' table also shows: a server without a binary log, which nobody can read.
const unlogged = "no binary log, no replication"

// column is a column of the table of sides: the medians of some figures.
type column struct {
	Title string   `json:"title"`
	Show  []string `json:"show"`
}

// beside is a measure that all sides take in turn, beginning with another one in each round.
type beside struct {
	name    string
	columns []column
	take    func(b *bench, p *pair) sample                   // of one side, which has its servers to itself
	all     func(b *bench, present []side) map[string]sample // instead: of all at once, by name
}

var besides = []beside{
	{name: "side by side: catch-up", take: sideCatchUp, columns: []column{{"catch-up from the start / from the first row on, rows/s", []string{"rate", "flow"}},
		{"CPU of it, µs a row", []string{"CPU"}}, {"memory after it, MiB", []string{"MiB"}}}},
	{name: "side by side: latency", take: func(b *bench, p *pair) sample { return delays(b, p, b.rows(500)) },
		columns: []column{{"commit to visible p50 / p99, ms", []string{"p50", "p99"}}}},
	{name: "side by side: idle", take: sideIdle, columns: []column{{"at rest: CPU of a core, %", []string{"CPU"}}, {"memory, MiB", []string{"MiB"}}}},
	{name: "side by side: writers", all: sideWriters, columns: []column{{"writers ÷ without", []string{"share"}}}},
}

// besideResult is the result of such a measure.
type besideResult struct {
	Name    string       `json:"name"`
	Columns []column     `json:"columns"`
	Sides   []sideResult `json:"sides"`
}

// sideResult is that of one side.
type sideResult struct {
	Name    string   `json:"name"`
	Missing string   `json:"missing,omitempty"` // what stopped it on this machine
	Samples []sample `json:"samples,omitempty"`
}

// add adds a sample of a side.
func (r *besideResult) add(name string, got sample) {
	for i := range r.Sides {
		if r.Sides[i].Name == name {
			r.Sides[i].Samples = append(r.Sides[i].Samples, got)
			return
		}
	}
	r.Sides = append(r.Sides, sideResult{Name: name, Samples: []sample{got}})
}

// run takes the measure as often as the settings say.
func (m beside) run(ctx context.Context, s settings, versions map[string]string) (besideResult, error) {
	r := besideResult{Name: m.name, Columns: m.columns}
	var present []side
	chosen := regexp.MustCompile(s.Sides)
	for _, one := range sides {
		if !chosen.MatchString(one.name) {
			continue
		}
		result := sideResult{Name: one.name}
		if one.missing != nil {
			if err := one.missing(); err != nil {
				result.Missing = err.Error()
				note("%s: without %s: %v", m.name, one.name, err)
			}
		}
		if r.Sides = append(r.Sides, result); result.Missing == "" {
			present = append(present, one)
		}
	}
	for round := range s.Rounds {
		if m.all != nil {
			var got map[string]sample
			if _, err := once(ctx, s, versions, func(b *bench) sample { got = m.all(b, present); return sample{} }); err != nil {
				return r, fmt.Errorf("round %d: %w", round+1, err)
			}
			for name, one := range got {
				r.add(name, one)
			}
			note("%s, round %d: done", m.name, round+1)
			continue
		}
		for i := range present {
			one := present[(i+round)%len(present)]
			got, err := once(ctx, s, versions, func(b *bench) sample { return m.take(b, one.pair(b)) })
			if err != nil {
				return r, fmt.Errorf("%s, round %d: %w", one.name, round+1, err)
			}
			r.add(one.name, got)
			note("%s, round %d: %s %s", m.name, round+1, one.name, shown(m.columns[0].Show, got.Figures))
		}
	}
	return r, nil
}

// sideBySide is the table of all sides, as Markdown; empty if nothing was measured.
func (r *report) sideBySide() string {
	var names []string
	cells, missing := map[string][]string{}, map[string]string{}
	head, line, count := "| |", "|---|", 0
	for _, m := range r.Besides {
		for _, c := range m.Columns {
			head, line = head+" "+c.Title+" |", line+"--:|"
			for _, one := range m.Sides {
				if _, known := cells[one.Name]; !known {
					names = append(names, one.Name)
					cells[one.Name] = nil
				}
				for len(cells[one.Name]) < count {
					cells[one.Name] = append(cells[one.Name], "–")
				}
				if missing[one.Name] = one.Missing; len(one.Samples) > 0 {
					cells[one.Name] = append(cells[one.Name], shown(c.Show, medians(one.Samples)))
				}
			}
			count++
		}
	}
	if count == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n" + head + "\n" + line + "\n")
	for _, name := range names {
		for len(cells[name]) < count {
			cells[name] = append(cells[name], "–")
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(cells[name], " | "))
	}
	for _, name := range names {
		if missing[name] != "" {
			fmt.Fprintf(&b, "\nNot measured: %s: %s.\n", name, missing[name])
		}
	}
	return b.String()
}

// sideCatchUp is catchUp, and the rate from the moment that first rows are there: without the start of a program.
func sideCatchUp(b *bench, p *pair) sample {
	n := b.rows(100_000)
	p.source.fill("staging", 1, n)
	p.start()
	p.ways.hold()
	p.source.singles(1, n)
	p.ways.arrive()
	want, there := p.all(p.source), int64(0)
	used, began := p.used(), time.Now()
	p.ways.release()
	first := b.until("the first rows", func(context.Context) (bool, error) {
		var err error
		there, err = p.target.number("SELECT COUNT(*) FROM orders WHERE id > 0")
		return there > 0, err
	})
	ended := p.awaitAll(want, []int64{int64(n)})
	figures := map[string]float64{"rate": float64(n) / ended.Sub(began).Seconds(), "flow": float64(int64(n)-there) / ended.Sub(first).Seconds()}
	figures["CPU"], figures["MiB"] = float64(p.since(used).Microseconds())/float64(n), p.memory()
	return sample{Figures: figures}
}

// sideIdle measures the servers of both sites and all programs but the broker while nobody writes.
func sideIdle(b *bench, p *pair) sample {
	p.start()
	b.pause(b.time(10 * time.Second))
	used, began := p.used(), time.Now()
	b.pause(b.time(10 * time.Second))
	return sample{Figures: map[string]float64{"CPU": 100 * p.since(used).Seconds() / time.Since(began).Seconds(), "MiB": p.memory()}}
}

// used is the CPU time of each process of the pair so far: both servers and the programs, without the broker. A program
// that is stopped is not among them.
func (p *pair) used() map[int]time.Duration {
	all := map[int]time.Duration{}
	for _, pid := range append(p.programs(), p.source.serverPid(), p.target.serverPid()) {
		if d, err := busy(pid); err == nil {
			all[pid] = d
		}
	}
	return all
}

// since is the CPU time of all of them since they had used that much; a program that was started since counts in full.
func (p *pair) since(before map[int]time.Duration) (sum time.Duration) {
	for pid, d := range p.used() {
		sum += d - before[pid]
	}
	return sum
}

// memory is the sum of the peaks of all programs but the servers and the broker, in MiB.
func (p *pair) memory() (sum float64) {
	for _, pid := range p.programs() {
		m, err := peak(pid)
		p.b.must("read the memory of a program", err)
		sum += m
	}
	return sum
}

// sideTurns is how often users write at each side in a round.
const sideTurns = 3

// sideWriters measures the users' throughput with each side ÷ that on a server with the same flags, whose binary log
// nobody reads.
func sideWriters(b *bench, present []side) map[string]sample {
	pairs := []*pair{newPlain(b, true), newPlain(b, false)}
	for _, one := range present {
		p := one.pair(b)
		p.start()
		pairs = append(pairs, p)
	}
	rates := inTurns(b, sideTurns, pairs, func(p *pair) bool { return p.ways != nothing{p} })
	got := map[string]sample{unlogged: {Figures: map[string]float64{"rate": rates[1], "share": rates[1] / rates[0]}}}
	for i, one := range present {
		got[one.name] = sample{Figures: map[string]float64{"rate": rates[i+2], "share": rates[i+2] / rates[0]}}
	}
	return got
}
