package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/pause"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// settings are the settings of a run.
type settings struct {
	Rounds int    `json:"rounds"`
	Quick  bool   `json:"quick"`
	Curves bool   `json:"curves"`
	Long   bool   `json:"long"`
	Binlog bool   `json:"binlog"` // of our servers
	Broker string `json:"broker"` // mosquitto, bridged, nats, embedded
	Flush  int    `json:"flush"`  // innodb_flush_log_at_trx_commit
	// Capture is how our nodes capture, where a measure does not say it: trigger or log.
	Capture string `json:"capture"`
	Sides   string `json:"sides"`             // a regular expression for their names
	Pace    int    `json:"pace"`              // how many sites start in a second; 0: all at once
	Sizes   []int  `json:"sizes"`             // of the curves of sites and nodes; empty: their own
	Program string `json:"program,omitempty"` // the daemon to measure; empty: this module's
}

// measure is one row of the table.
type measure struct {
	name       string // for -run and the JSON
	title      string // for the table
	aim, floor string
	show       []string // the figures in the table, in order; the ratio is the first one's
	unit       string
	ours       func(b *bench) sample
	native     func(b *bench) sample // nil: nothing to compare with
}

// sample is one result of a measure.
type sample struct {
	Figures   map[string]float64 `json:"figures"`
	Quantiles []float64          `json:"quantiles,omitempty"` // 0 to 100 percent, of what has a distribution
}

// figure is a sample of one figure.
func figure(name string, value float64) sample {
	return sample{Figures: map[string]float64{name: value}}
}

// bench is the state of one run of a measure. Everything that it starts ends with it.
type bench struct {
	testkit.TB
	ctx      context.Context
	s        settings
	versions map[string]string // of the servers, by name
}

// rows is a number of rows, a tenth of it in a quick run.
func (s settings) rows(n int) int {
	if s.Quick {
		return n / 10
	}
	return n
}

func (b *bench) rows(n int) int { return b.s.rows(n) }

// time is a duration, a tenth of it in a quick run.
func (b *bench) time(d time.Duration) time.Duration { return time.Duration(b.rows(int(d))) }

// pause waits, or ends the measure when the run is interrupted.
func (b *bench) pause(d time.Duration) {
	if pause.For(b.ctx, d) != nil {
		b.Fatalf("interrupted")
	}
}

// must aborts the measure on an error.
func (b *bench) must(what string, err error) {
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// measures are all of them, in the order of the table.
var measures = []measure{
	{name: "catch-up", title: "catch-up of 100,000 single-row changes, bidirectional", aim: "4×", floor: "3×",
		show: []string{"rate"}, unit: "rows/s",
		ours:   func(b *bench) sample { return catchUp(b, newOurs(b)) },
		native: func(b *bench) sample { return catchUp(b, newNative(b)) }},
	{name: "catch-up fetched", title: "the same, where native replication has yet to fetch its relay log", aim: "2×", floor: "1.6×",
		show: []string{"rate"}, unit: "rows/s",
		ours:   func(b *bench) sample { return catchUp(b, newOurs(b)) },
		native: func(b *bench) sample { return catchUp(b, newFetching(b)) }},
	{name: "hot rows", title: "catch-up of 1,000,000 changes of 10,000 hot rows", aim: "20×", floor: "8×",
		show: []string{"rate"}, unit: "changes/s",
		ours:   func(b *bench) sample { return hotRows(b, newOurs(b)) },
		native: func(b *bench) sample { return hotRows(b, newNative(b)) }},
	{name: "steady load", title: "4 writers at full speed for 30 s: lag at the end in s / their transactions per second", aim: "< 1 s", floor: "< 3 s",
		show:   []string{"lag", "writes per second"},
		ours:   func(b *bench) sample { return steady(b, newOurs(b)) },
		native: func(b *bench) sample { return steady(b, newNative(b)) }},
	{name: "latency", title: "commit-to-visible latency at `checkInterval` 10, p50 / p99", aim: "6 / 20 ms", floor: "12 / 40 ms",
		show: []string{"p50", "p99"}, unit: "ms",
		ours:   func(b *bench) sample { return latency(b, newOurs(b)) },
		native: func(b *bench) sample { return latency(b, newNative(b)) }},
	{name: "writers", title: "writers' throughput ÷ without: sending on this machine / remote offline", aim: "0.85", floor: "0.7",
		show: []string{"share with remote", "share, remote away"}, ours: oursWriters, native: nativeWriters},
	{name: "initial sync", title: "initial sync of 1,000,000 rows of 200 bytes", aim: "40,000 rows/s", floor: "25,000 rows/s",
		show: []string{"rate"}, unit: "rows/s", ours: initialSync},
	{name: "version 1", title: "version-1 peers, one answer per row: to the peer / from it", aim: "8,000 rows/s", floor: "4,000 rows/s",
		show: []string{"to the peer", "from the peer"}, unit: "rows/s", ours: version1},
	{name: "bytes", title: "bytes on the wire per row of 200 bytes, including answers", aim: "40", floor: "80",
		show: []string{"bytes"}, unit: "bytes", ours: oursBytes, native: nativeBytes},
	{name: "fan-out", title: "one source to 20 remotes: CPU of its node and database per change ÷ that to 1", aim: "3×", floor: "6×",
		show: []string{"times", "times node"}, unit: "×", ours: fanOut},
	{name: "memory", title: "node's memory: idle / 1,000,000-change backlog / 20 remotes", aim: "20 / 64 / 96 MiB", floor: "40 / 128 / 160 MiB",
		show: []string{"idle", "backlog", "remotes"}, unit: "MiB", ours: memory},
	{name: "idle", title: "CPU when idle at `checkInterval` 10, node + mariadbd", aim: "3 %", floor: "6 %",
		show: []string{"all"}, unit: "% of a core",
		ours:   func(b *bench) sample { return idle(b, newOurs(b)) },
		native: func(b *bench) sample { return idle(b, newNative(b)) }},
	{name: "binary", title: "binary, stripped", aim: "20 MB", floor: "28 MB", show: []string{"MB"}, unit: "MB", ours: size},
	{name: "connector", title: "connector, 1,000,000 rows: re-read unchanged / first read into the outbox / sent and booked", aim: "150,000 / 50,000 / 100,000 rows/s",
		floor: "100,000 / 40,000 / 60,000 rows/s", show: []string{"re-read", "first read", "drain"}, unit: "rows/s", ours: carried},
	{name: "connector script", title: "connector, 1,000,000 rows: re-read with a script", aim: "40,000 rows/s", floor: "20,000 rows/s",
		show: []string{"rate"}, unit: "rows/s", ours: scripted},
	{name: "connector PostgreSQL", title: "connector, 300,000 new rows into PostgreSQL", aim: "40,000 rows/s", floor: "20,000 rows/s",
		show: []string{"rate"}, unit: "rows/s", ours: toPostgres},
	{name: "connector Fliplet", title: "connector, 100,000 new entries to Fliplet; the original agent: 1,211", aim: "48,000 entries/s", floor: "24,220 entries/s",
		show: []string{"rate"}, unit: "entries/s", ours: toFliplet},
}

// take takes a measure as often as the settings say, ours and native in turn.
func (m measure) take(ctx context.Context, s settings, versions map[string]string) (result, error) {
	r := result{Name: m.name, Title: m.title, Aim: m.aim, Floor: m.floor, Show: m.show, Unit: m.unit}
	for round := range s.Rounds {
		ours, err := once(ctx, s, versions, m.ours)
		if err != nil {
			return r, fmt.Errorf("ours, round %d: %w", round+1, err)
		}
		r.Ours = append(r.Ours, ours)
		note("%s, round %d: ours %s", m.name, round+1, shown(m.show, ours.Figures))
		if m.native == nil {
			continue
		}
		native, err := once(ctx, s, versions, m.native)
		if err != nil {
			return r, fmt.Errorf("native, round %d: %w", round+1, err)
		}
		r.Native = append(r.Native, native)
		note("%s, round %d: native %s", m.name, round+1, shown(m.show, native.Figures))
	}
	return r, nil
}

// once runs f with its own servers.
func once(ctx context.Context, s settings, versions map[string]string, f func(b *bench) sample) (result sample, err error) {
	err = testkit.Run(note, func(tb testkit.TB) {
		result = f(&bench{TB: tb, ctx: ctx, s: s, versions: versions})
	})
	return result, err
}
