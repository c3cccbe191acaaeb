package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	rowsShown  = 7 // of each site's table
	notesShown = 9
	column     = 39 // characters for each site
)

// screen shows the story: on a terminal as a table that is redrawn, elsewhere as plain lines. Its
// methods are for one goroutine.
type screen struct {
	out   *os.File
	width int // of the terminal; 0: plain lines

	title string
	notes []string
	frame string // as drawn last
}

func newScreen(out *os.File) *screen {
	s := &screen{out: out}
	width, height, err := term.GetSize(int(out.Fd()))
	if err == nil && width >= 2*column && height > rowsShown+notesShown+6 {
		s.width = width
	}
	return s
}

// caption begins a part of the story.
func (s *screen) caption(text string) {
	s.title = text
	switch {
	case s.width == 0:
		s.result("\n%s", text)
	case s.frame == "": // Nothing to draw before the databases run.
		s.frame = text + "\n"
		fmt.Fprint(s.out, s.frame)
	}
}

// note reports an event.
func (s *screen) note(format string, args ...any) {
	line := time.Now().Format("15:04:05.000 ") + fmt.Sprintf(format, args...)
	if s.width == 0 {
		s.result("  %s", line)
		return
	}
	s.notes = append(s.notes, line)
	s.notes = s.notes[max(0, len(s.notes)-notesShown):]
}

// result prints a line that stays.
func (s *screen) result(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// draw redraws the table. Without a terminal it does nothing.
func (s *screen) draw(st *stage) {
	if s.width == 0 {
		return
	}
	frame := s.render(st)
	if frame == s.frame {
		return
	}
	if n := strings.Count(s.frame, "\n"); n > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", n) // back to the frame's first line, then clear from there
	}
	fmt.Fprint(s.out, frame)
	s.frame = frame
}

func (s *screen) render(st *stage) string {
	left, right := side(st.berlin, st.apart), side(st.boston, st.apart)
	lines := []string{s.title, ""}
	for i := range left {
		lines = append(lines, fmt.Sprintf("%-*s %s", column, left[i], right[i]))
	}
	lines = append(lines, "")
	for i := range notesShown {
		if i < len(s.notes) {
			lines = append(lines, s.notes[i])
		} else {
			lines = append(lines, "")
		}
	}
	var b strings.Builder
	for i, line := range lines {
		line = fmt.Sprintf("%.*s", s.width-1, line)
		if i == 0 {
			line = "\x1b[1m" + line + "\x1b[0m"
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// side shows one site, always with the same number of lines.
func side(s *site, apart bool) []string {
	link := "linked"
	if apart {
		link = "CUT OFF"
	}
	lines := []string{
		fmt.Sprintf("%s   %s   %s, %d pending", s.name, link, rows(len(s.rows)), s.pending),
		strings.Repeat("-", column-2),
	}
	for i := range rowsShown {
		line := ""
		if i < len(s.rows) {
			r := s.rows[i]
			line = fmt.Sprintf("%-10.10s %-14.14s %7s %s", r.ID, r.Item, r.Price, s.currency)
		}
		lines = append(lines, line)
	}
	return lines
}

// rows is a number of rows in words.
func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
