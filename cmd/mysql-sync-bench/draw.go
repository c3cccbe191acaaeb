package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"slices"
	"strings"
)

// drawFile draws a report on standard output and returns the exit code.
func drawFile(file string) int {
	r, err := readReport(file)
	if err == nil {
		_, err = os.Stdout.WriteString(draw(r))
	}
	if err != nil {
		note("mysql-sync-bench: %v", err)
		return 1
	}
	return 0
}

// look works on light and dark pages: the picture itself has no background.
const look = `<style>
 text { font: 13px system-ui, sans-serif; fill: #1f2328 }
 .title { font-weight: 600; font-size: 15px }
 .dim { fill: #59636e; font-size: 12px }
 .grid { stroke: #8b949e; stroke-opacity: .35 }
 .ours { fill: #0969da } .native { fill: #bc4c00 } .other { fill: #8b949e }
 .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
 .line.ours { fill: none; stroke: #0969da } .line.native { fill: none; stroke: #bc4c00 }
 @media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 }
  .ours { fill: #4493f8 } .native { fill: #db6d28 }
  .line.ours { stroke: #4493f8 } .line.native { stroke: #db6d28 }
 }
</style>
`

// Sizes of the picture, in its own units.
const (
	panelWidth, panelHeight = 480, 270
	plotLeft, plotTop       = 60, 50 // inside a panel
	plotWidth, plotHeight   = 350, 165
)

// panel is part of the picture, drawn with its upper left corner at 0, 0.
type panel struct{ strings.Builder }

func (p *panel) put(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// text writes at a point; the anchor is start, middle or end.
func (p *panel) text(x, y float64, class, anchor, format string, args ...any) {
	p.put(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(fmt.Sprintf(format, args...)))
}

// draw renders a report as SVG: throughput, latency, and how cost grows, as far as the report has
// them.
func draw(r *report) string {
	panels := []*panel{throughput(r), latencies(r), rates(r), waits(r)}
	for _, c := range r.Curves {
		if len(c.Points) > 1 && c.Points[0].Size > 0 {
			panels = append(panels, growth(c))
		}
	}
	panels = slices.DeleteFunc(panels, func(p *panel) bool { return p == nil })
	rows := (len(panels) + 1) / 2
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="mysql-sync compared with native replication">`+"\n",
		2*panelWidth, rows*panelHeight+80)
	b.WriteString(look)
	head := &panel{}
	head.put(`<rect x="20" y="14" width="12" height="12" class="ours"/><rect x="130" y="14" width="12" height="12" class="native"/>`)
	head.text(38, 25, "", "start", "mysql-sync")
	head.text(148, 25, "", "start", "MariaDB's own replication")
	if len(r.Besides) > 0 {
		head.put(`<rect x="340" y="14" width="12" height="12" class="other"/>`)
		head.text(358, 25, "", "start", "others")
	}
	b.WriteString(head.String())
	for i, p := range panels {
		fmt.Fprintf(&b, "<g transform=\"translate(%d %d)\">\n%s</g>\n", i%2*panelWidth, 40+i/2*panelHeight, p)
	}
	foot := &panel{}
	foot.text(20, float64(rows*panelHeight+52), "dim", "start", "%s, %d cores; MariaDB %s, Mosquitto %s; medians of %d; %s, %s", r.Machine.CPU, r.Machine.Cores,
		r.Versions["MariaDB"], r.Versions["Mosquitto"], r.Settings.Rounds, r.Date.Format("2006-01-02"), r.Revision)
	if len(r.Besides) > 0 {
		foot.text(20, float64(rows*panelHeight+70), "dim", "start", "side by side: innodb_flush_log_at_trx_commit=%d, data in %s, a load of %.1f before the run", r.Settings.Flush, r.Data, r.Machine.Load)
	}
	b.WriteString(foot.String() + "</svg>\n")
	return b.String()
}

// throughput draws a pair of bars for each rate. Each pair has its own scale, since the rates
// differ widely; the numbers are next to them.
func throughput(r *report) *panel {
	const bar, gap, most = 14.0, 54.0, 250.0
	p := &panel{}
	y := 54.0
	p.text(20, 24, "title", "start", "Throughput (each pair on its own scale)")
	for _, m := range r.Measures {
		if m.Show[0] != "rate" || len(m.Ours) == 0 {
			continue
		}
		ours, native := medians(m.Ours)["rate"], math.NaN()
		if len(m.Native) > 0 {
			native = medians(m.Native)["rate"]
		}
		full := max(ours, 0)
		if !math.IsNaN(native) {
			full = max(full, native)
		}
		p.text(20, y, "dim", "start", "%s", m.Title)
		for i, v := range []float64{ours, native} {
			if math.IsNaN(v) {
				continue
			}
			at := y + 7 + float64(i)*(bar+2)
			p.put(`<rect x="20" y="%.1f" width="%.1f" height="%g" class="%s"/>`, at, max(1, most*v/full), bar, []string{"ours", "native"}[i])
			p.text(26+max(1, most*v/full), at+bar-2, "", "start", "%s %s", readable(v), m.Unit)
		}
		y += gap + 10
	}
	if y == 54 {
		return nil
	}
	return p
}

// latencies draws the share of changes visible within a time.
func latencies(r *report) *panel {
	i := slices.IndexFunc(r.Measures, func(m result) bool { return m.Name == "latency" && len(m.Ours) > 0 })
	if i < 0 {
		return nil
	}
	const least, decades = -1.0, 4.0 // from 0.1 ms to 1 s
	x := func(ms float64) float64 {
		return plotLeft + plotWidth*min(1, max(0, (math.Log10(max(ms, 1e-9))-least)/decades))
	}
	p := &panel{}
	p.text(20, 24, "title", "start", "Commit to visible (share of changes)")
	for _, ms := range []float64{0.1, 1, 10, 100, 1000} {
		p.put(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" class="grid"/>`, x(ms), x(ms), plotTop, plotTop+plotHeight)
		p.text(x(ms), plotTop+plotHeight+18, "dim", "middle", "%g ms", ms)
	}
	for _, percent := range []float64{0, 50, 99} {
		y := plotTop + plotHeight*(1-percent/100)
		p.put(`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>`, plotLeft, plotLeft+plotWidth, y, y)
		p.text(plotLeft-8, y+4, "dim", "end", "%g %%", percent)
	}
	for class, samples := range map[string][]sample{"ours": r.Measures[i].Ours, "native": r.Measures[i].Native} {
		var line []string
		for percent := range 101 {
			var at []float64
			for _, s := range samples {
				if len(s.Quantiles) == 101 {
					at = append(at, s.Quantiles[percent])
				}
			}
			if len(at) > 0 {
				line = append(line, fmt.Sprintf("%.1f,%.1f", x(median(at)), plotTop+plotHeight*(1-float64(percent)/100)))
			}
		}
		p.put(`<polyline points="%s" class="line %s"/>`, strings.Join(line, " "), class)
	}
	return p
}

// growth draws the first figure of a curve over its size, from 0 up, and the last figure next to
// each point. Sizes that span decades are drawn logarithmically.
func growth(c curveResult) *panel {
	first, last := c.Points[0].Size, c.Points[len(c.Points)-1].Size
	x := func(size float64) float64 { return plotLeft + plotWidth*(size-first)/(last-first) }
	if last/first > 50 {
		x = func(size float64) float64 { return plotLeft + plotWidth*math.Log(size/first)/math.Log(last/first) }
	}
	most := 0.0
	for _, q := range c.Points {
		most = max(most, q.Figures[c.Show[0]])
	}
	if most == 0 {
		most = 1
	}
	y := func(v float64) float64 { return plotTop + plotHeight*(1-0.8*v/most) }
	p := &panel{}
	p.text(20, 24, "title", "start", "%s", c.Title)
	p.text(20, 42, "dim", "start", "%s over %s; below it %s", c.Show[0], c.Over, c.Show[len(c.Show)-1])
	p.put(`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>`, plotLeft, plotLeft+plotWidth, y(0), y(0))
	var line []string
	for _, q := range c.Points {
		v := q.Figures[c.Show[0]]
		line = append(line, fmt.Sprintf("%.1f,%.1f", x(q.Size), y(v)))
		p.put(`<circle cx="%.1f" cy="%.1f" r="4" class="ours"/>`, x(q.Size), y(v))
		p.text(x(q.Size), y(v)-10, "", "middle", "%s", readable(v))
		p.text(x(q.Size), y(v)+20, "dim", "middle", "%s %s", readable(q.Figures[c.Show[len(c.Show)-1]]), strings.Fields(c.Show[len(c.Show)-1])[0])
		p.text(x(q.Size), y(0)+18, "dim", "middle", "%s", q.Label)
	}
	p.put(`<polyline points="%s" class="line ours"/>`, strings.Join(line, " "))
	return p
}
