package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// curve is how cost grows with work.
type curve struct {
	name   string // for -run and the JSON
	title  string
	what   string // is done
	over   string // the quantity that grows
	show   []string
	points func(s settings) []point
}

// point is one size of the work.
type point struct {
	label  string
	size   float64
	ours   func(b *bench) sample
	native func(b *bench) sample // beside it, or nil
}

// curveResult is the result of a curve.
type curveResult struct {
	Name   string        `json:"name"`
	Title  string        `json:"title"`
	What   string        `json:"what"`
	Over   string        `json:"over"`
	Show   []string      `json:"show"`
	Points []pointResult `json:"points"`
}

// pointResult is the result of a point.
type pointResult struct {
	Label string  `json:"label"`
	Size  float64 `json:"size"`
	sample
}

// curves are all of them.
var curves = []curve{
	{name: "curve: backlog", title: "Catch-up by backlog", what: "each change affects another row", over: "changes", show: []string{"rows/s", "MiB"},
		points: over(grown, 10_000, 100_000, 1_000_000, 10_000_000)},
	{name: "curve: table", title: "Catch-up by table size", what: "20,000 changes, spread over the table", over: "rows in the table", show: []string{"rows/s", "native rows/s", "MiB"},
		points: tables},
	{name: "curve: remotes", title: "Fan-out by remotes", what: "5,000 changes go to real nodes on the same machine, whose schemas share a server", over: "remotes",
		show: []string{"rows/s in all", "CPU µs/change", "MiB source"}, points: remotes},
	{name: "curve: transformers", title: "Catch-up with a transformer", what: "50,000 changes; the transformer changes nothing", over: "transformer",
		show: []string{"rows/s", "MiB"}, points: transformers},
	{name: "curve: shapes", title: "Initial sync of realistic tables", what: "200,000 rows of 200 bytes in all; from the start of the source node", over: "tables",
		show: []string{"rows/s", "s", "CPU µs/row"}, points: shapes},
	{name: "curve: idle", title: "Idle cost by number of tables", what: "two idle nodes; of the source's node and its database, in percent of one core", over: "tables",
		show: []string{"node %", "database %"}, points: resting},
	{name: "curve: sites", title: "A hub by its sites", what: "the hub is a real node, the sites are clients of the same packages without databases, in one process", over: "sites",
		show: []string{"s to come", "in/s", "out/s", "to sites/s", "hub CPU %", "broker CPU %", "MiB broker", "broker CPU s to come", "s, 1 row", "s, 999 rows", "CPU µs/row and site", "s after a restart", "hub CPU s", "MiB hub"}, points: crowds},
	{name: "curve: nodes", title: "A hub with real nodes", what: "a process and a table of its own for each, with its own checkInterval of 1,000 ms; their schemas share a server", over: "nodes",
		show: []string{"s to come", "in/s", "out/s", "hub CPU %", "node CPU %", "database CPU %", "broker CPU %", "MiB a node", "MiB broker", "s, 999 rows", "hub CPU µs/row and site", "nodes CPU µs/row and site",
			"s after a restart", "hub CPU s", "MiB hub"}, points: chains},
	{name: "curve: joins", title: "Sites that join by a token", what: "eight at a time, with real nodes and an empty database each, on one server; then all start, and receive the hub's 1,000 rows", over: "sites",
		show: []string{"s each, median", "s each, most", "s, all joined", "hub CPU ms/site", "s, all rows there"}, points: over(joining, 1, 10, 50, 100)},
}

// over makes a point for each number of rows, a tenth of it in a quick run. The last one is only in
// a long run.
func over(f func(b *bench, rows int) sample, sizes ...int) func(settings) []point {
	return func(s settings) (list []point) {
		for i, n := range sizes {
			if i == len(sizes)-1 && !s.Long {
				break
			}
			n = s.rows(n)
			list = append(list, point{label: commas(strconv.Itoa(n)), size: float64(n), ours: func(b *bench) sample { return f(b, n) }})
		}
		return list
	}
}

// tables measures changes in ever larger tables, ours and native.
func tables(s settings) []point {
	list := over(inTable, 10_000, 100_000, 1_000_000, 10_000_000)(s)
	for i := range list {
		rows := int(list[i].size)
		list[i].native = func(b *bench) sample { return newNative(b).scatter(rows) }
	}
	return list
}

// inTable measures changes scattered over a table of both sites.
func inTable(b *bench, rows int) sample { return newOurs(b).scatter(rows) }

// scatter measures how fast scattered changes are caught up.
func (p *pair) scatter(rows int) sample {
	n := p.b.rows(20_000)
	p.source.fill("orders", 1, rows)
	p.target.fill("orders", 1, rows)
	p.start()
	return p.cost(n, p.backlog(func() { p.source.scatter(n, rows) }, scattered(n, rows)...))
}

// remotes sends the same changes to ever more remotes.
func remotes(s settings) (list []point) {
	sizes := []int{1, 5, 10, many}
	if s.Long {
		sizes = append(sizes, 50)
	}
	for _, n := range sizes {
		list = append(list, point{label: strconv.Itoa(n), size: float64(n), ours: func(b *bench) sample { return newFan(b, n).spread(b.rows(5000)) }})
	}
	return list
}

// transformers compares a table without a transformer with one that has one.
func transformers(settings) []point {
	measure := func(b *bench, extra map[string]any) sample {
		n := b.rows(50_000)
		p := newOursWith(b, extra)
		p.source.fill("staging", 1, n)
		p.start()
		return p.cost(n, p.backlog(func() { p.source.bulk(1, n) }, int64(n)))
	}
	return []point{
		{label: "none", size: 0, ours: func(b *bench) sample { return measure(b, nil) }},
		{label: "orders.js", size: 1, ours: func(b *bench) sample {
			dir, err := os.MkdirTemp("", "mysql-sync-bench-")
			b.must("make a folder for the transformer", err)
			b.Cleanup(func() { _ = os.RemoveAll(dir) })
			const same = "module.exports = function (context) { return context.entity; };\n"
			b.must("write the transformer", os.WriteFile(filepath.Join(dir, "orders.js"), []byte(same), 0o600))
			return measure(b, map[string]any{"transformerDirectory": dir})
		}},
	}
}

// cost is what catching up n changes took: their rate, and the peak memory of the larger node.
func (p *pair) cost(n int, took time.Duration) sample {
	s := figure("rows/s", float64(n)/took.Seconds())
	if p.source.node != nil {
		s.Figures["MiB"] = max(p.source.memory(), p.target.memory())
	}
	return s
}

// sizes returns the sizes of a curve: those of the settings, or its own, to which a long run adds others.
func (s settings) sizes(own []int, long ...int) []int {
	switch {
	case len(s.Sizes) > 0:
		return s.Sizes
	case s.Long:
		return slices.Concat(own, long)
	}
	return own
}

// numbers reads numbers above 0, separated by commas; "" has none.
func numbers(list string) (sizes []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		if list == "" {
			break
		}
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number above 0", text)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// take measures each point of a curve once.
func (c curve) take(ctx context.Context, s settings, versions map[string]string) (curveResult, error) {
	r := curveResult{Name: c.name, Title: c.title, What: c.what, Over: c.over, Show: c.show}
	for _, p := range c.points(s) {
		got, err := once(ctx, s, versions, p.ours)
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.label, err)
		}
		if p.native != nil {
			native, err := once(ctx, s, versions, p.native)
			if err != nil {
				return r, fmt.Errorf("%s, native: %w", p.label, err)
			}
			for name, x := range native.Figures {
				got.Figures["native "+name] = x
			}
		}
		r.Points = append(r.Points, pointResult{Label: p.label, Size: p.size, sample: got})
		note("%s, %s: %s", c.name, p.label, shown(c.show, got.Figures))
	}
	return r, nil
}

// table is the curve as Markdown.
func (r *curveResult) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s.\n\n| %s | %s |\n|--:|%s\n", r.Title, r.What, r.Over, strings.Join(r.Show, " | "), strings.Repeat("--:|", len(r.Show)))
	for _, p := range r.Points {
		fmt.Fprintf(&b, "| %s |", p.Label)
		for _, name := range r.Show {
			fmt.Fprintf(&b, " %s |", shown([]string{name}, p.Figures))
		}
		b.WriteString("\n")
	}
	return b.String()
}
