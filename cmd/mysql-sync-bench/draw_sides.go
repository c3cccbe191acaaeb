package main

import (
	"math"
	"slices"
	"strings"
)

// rates draws how fast each side catches up, slowest and fastest on one scale.
func rates(r *report) *panel {
	return bars(r, "side by side: catch-up", "Catch-up of 100,000 single-row changes, from the start (rows/s)", func(figures map[string]float64) (part float64, text string) {
		return figures["rate"], readable(figures["rate"])
	}, func(v, most float64) float64 { return v / most })
}

// waits draws how long each side takes from a commit to the row being visible, logarithmically from 0.1 ms on.
func waits(r *report) *panel {
	return bars(r, "side by side: latency", "Commit to visible: p50 as a bar on a logarithmic scale, p50 / p99 in ms", func(figures map[string]float64) (part float64, text string) {
		return figures["p50"], shown([]string{"p50", "p99"}, figures)
	}, func(v, most float64) float64 { return max(0, math.Log10(v/0.1)/math.Log10(most/0.1)) })
}

// bars draws one bar for each side of a measure; nil if it was not taken.
func bars(r *report, name, title string, of func(figures map[string]float64) (float64, string), scale func(v, most float64) float64) *panel {
	i := slices.IndexFunc(r.Besides, func(m besideResult) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	const bar, step, longest = 10.0, 29.0, 300.0
	most := 0.0
	for _, one := range r.Besides[i].Sides {
		if v, _ := of(medians(one.Samples)); len(one.Samples) > 0 {
			most = max(most, v)
		}
	}
	p, y := &panel{}, 50.0
	p.text(20, 24, "title", "start", "%s", title)
	for _, one := range r.Besides[i].Sides {
		p.text(20, y, "dim", "start", "%s", strings.ReplaceAll(one.Name, "`", ""))
		if len(one.Samples) == 0 {
			p.text(26, y+4+bar, "", "start", "not measured: %s", one.Missing)
		} else {
			v, text := of(medians(one.Samples))
			long := max(1, longest*scale(v, most))
			p.put(`<rect x="20" y="%.1f" width="%.1f" height="%g" class="%s"/>`, y+4, long, bar, classOf(one.Name))
			p.text(26+long, y+4+bar-1, "", "start", "%s", text)
		}
		y += step
	}
	return p
}

// classOf is the colour of a side.
func classOf(name string) string {
	switch {
	case strings.HasPrefix(name, "mysql-sync"):
		return "ours"
	case strings.HasPrefix(name, "MariaDB"):
		return "native"
	default:
		return "other"
	}
}
