package command

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// Column is a column of a grid. If the grid is wider than the terminal, the columns that matter least are left out.
type Column struct {
	Name    string
	Matters int  // the highest are left out first; 0: never
	Right   bool // numbers
}

// Grid is a table for people.
type Grid struct {
	Columns []Column
	rows    [][]string
}

// Add adds a row. Its texts may come from anywhere: terminal controls are removed.
func (g *Grid) Add(cells ...string) {
	row := make([]string, len(g.Columns))
	for i := range row {
		if i < len(cells) {
			row[i] = Clean(cells[i])
		}
	}
	g.rows = append(g.rows, row)
}

// Rows returns the rows.
func (g *Grid) Rows() [][]string { return g.rows }

// Print prints the table, nothing if it has no rows. No line is wider than width
// characters; 0 is any width.
func (g *Grid) Print(w io.Writer, width int) {
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
			if g.Columns[i].Right {
				b.WriteString(pad + text)
			} else {
				b.WriteString(text + pad)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(func(i int) string { return g.Columns[i].Name })
	for _, row := range g.rows {
		line(func(i int) string { return row[i] })
	}
}

// fit returns the columns to show and their widths. A column without any value is left out.
func (g *Grid) fit(width int) (shown, widths []int) {
	widths = make([]int, len(g.Columns))
	for i, c := range g.Columns {
		filled := false
		for _, row := range g.rows {
			filled = filled || row[i] != ""
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
		if filled || c.Matters == 0 {
			widths[i] = max(widths[i], runewidth.StringWidth(c.Name))
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
			if m := g.Columns[i].Matters; m > 0 && (at < 0 || m >= g.Columns[shown[at]].Matters) {
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

// Clean returns a text as one line without terminal controls: texts come from databases, remotes and scripts.
func Clean(s string) string {
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

// CleanLines is Clean for a text of several lines, which it keeps.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// unsafe reports whether a character is a control, or changes the direction of
// the text around it.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029'
}

// Width returns a terminal's width in characters; 0 if it is not one.
func Width(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
