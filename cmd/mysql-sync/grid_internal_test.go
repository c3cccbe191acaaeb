package main

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func example() *grid {
	g := &grid{columns: []column{{name: "REMOTE"}, {name: "PENDING", right: true}, {name: "LAG", right: true, matters: 1}, {name: "HEARD", matters: 2}, {name: "EMPTY", matters: 3}}}
	g.add("berlin", "1,234", "3 s", "1 min ago", "")
	g.add("a-remote-with-a-long-name", "0", "", "now", "")
	return g
}

func TestATableHasNoLineWiderThanTheTerminal(t *testing.T) {
	for width := 12; width < 90; width++ {
		var b strings.Builder
		example().print(&b, width)
		for l := range strings.SplitSeq(b.String(), "\n") {
			if runewidth.StringWidth(l) > width {
				t.Errorf("width %d: %q", width, l)
			}
		}
		if !strings.Contains(b.String(), "REM") {
			t.Errorf("width %d: the first column is gone:\n%s", width, b.String())
		}
	}
}

func TestWhatMattersLeastGoesFirst(t *testing.T) {
	var wide, narrow strings.Builder
	example().print(&wide, 0)
	example().print(&narrow, 45)
	if got := strings.Fields(strings.Split(wide.String(), "\n")[0]); strings.Join(got, " ") != "REMOTE PENDING LAG HEARD" {
		t.Errorf("all that is filled: %q", got)
	}
	if got := strings.Fields(strings.Split(narrow.String(), "\n")[0]); strings.Join(got, " ") != "REMOTE PENDING LAG" {
		t.Errorf("in 45 characters: %q", got)
	}
}

func TestTextsFromElsewhereDoNotSteerTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcode 漢字": "plain ünïcode 漢字",
		"\x1b[2Jgone":      "?[2Jgone",
		"two\nlines\r\tx":  "two lines  x",
		"\u202eright":      "?right",
		"bad\xff":          "bad?",
		"\u009b31m":        "?31m",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAFrameFitsTheTerminal(t *testing.T) {
	s := screen{width: 10, height: 3, colour: true}
	got := frame("one "+s.bad("two three four")+"\n漢字漢字漢字\nx\ny\nz\n", s)
	lines := strings.Split(got, "\r\n")
	if len(lines) != 3 || lines[0] != home+"one \x1b[31mtwo th\x1b[0m"+clearLine || lines[1] != "漢字漢字漢"+clearLine ||
		lines[2] != "… 3 more l"+clearLine+clearBelow {
		t.Errorf("%q", lines)
	}
}
