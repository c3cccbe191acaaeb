package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// column is one of a grid. Where the grid is wider than the terminal, the columns
// that matter least are left out.
type column struct {
	name    string
	matters int  // the highest go last; 0 stays always
	right   bool // numbers
}

// grid is a table for people.
type grid struct {
	columns []column
	rows    [][]string
}

// add adds a row. Its texts may come from anywhere: what could steer a terminal is
// taken out of them.
func (g *grid) add(cells ...string) {
	row := make([]string, len(g.columns))
	for i := range row {
		if i < len(cells) {
			row[i] = clean(cells[i])
		}
	}
	g.rows = append(g.rows, row)
}

// print prints the table, nothing if it has no rows. No line is wider than width
// characters; 0 is any width.
func (g *grid) print(w io.Writer, width int) {
	if len(g.rows) == 0 {
		return
	}
	shown, widths := g.fit(width)
	line := func(cell func(int) string) {
		var b strings.Builder
		for at, i := range shown {
			if at > 0 {
				b.WriteString("  ")
			}
			text := runewidth.Truncate(cell(i), widths[i], "…")
			pad := strings.Repeat(" ", max(0, widths[i]-runewidth.StringWidth(text)))
			if g.columns[i].right {
				b.WriteString(pad + text)
			} else {
				b.WriteString(text + pad)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(func(i int) string { return g.columns[i].name })
	for _, row := range g.rows {
		line(func(i int) string { return row[i] })
	}
}

// fit returns the columns that are shown and how wide each is. A column without a
// value in any row is left out.
func (g *grid) fit(width int) (shown, widths []int) {
	widths = make([]int, len(g.columns))
	for i, c := range g.columns {
		filled := false
		for _, row := range g.rows {
			filled = filled || row[i] != ""
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
		if filled || c.matters == 0 {
			widths[i] = max(widths[i], runewidth.StringWidth(c.name))
			shown = append(shown, i)
		}
	}
	if width <= 0 {
		return shown, widths
	}
	total := func() int {
		n := 2 * (len(shown) - 1)
		for _, i := range shown {
			n += widths[i]
		}
		return n
	}
	for total() > width {
		at := -1
		for k, i := range shown {
			if m := g.columns[i].matters; m > 0 && (at < 0 || m >= g.columns[shown[at]].matters) {
				at = k
			}
		}
		if at < 0 {
			break
		}
		shown = slices.Delete(shown, at, at+1)
	}
	for over := total() - width; over > 0; over = total() - width {
		widest := slices.MaxFunc(shown, func(a, b int) int { return widths[a] - widths[b] })
		if widths[widest] <= 3 {
			break
		}
		widths[widest]--
	}
	return shown, widths
}

// clean returns a text as one line without anything that steers a terminal: texts
// come from databases, remotes and scripts.
func clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unsafe(r):
			return '?'
		}
		return r
	}, s)
}

// cleanLines is clean for a text of several lines, which stay.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// unsafe reports whether a character is a control, or changes the direction of
// the text around it.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}
