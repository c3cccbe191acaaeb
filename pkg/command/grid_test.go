package command

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func example() *Grid {
	g := &Grid{Columns: []Column{{Name: "REMOTE"}, {Name: "PENDING", Right: true}, {Name: "LAG", Right: true, Matters: 1}, {Name: "HEARD", Matters: 2}, {Name: "EMPTY", Matters: 3}}}
	g.Add("berlin", "1,234", "3 s", "1 min ago", "")
	g.Add("a-remote-with-a-long-name", "0", "", "now", "")
	return g
}

func TestTablesFitTheTerminal(t *testing.T) {
	for width := 12; width < 90; width++ {
		var b strings.Builder
		example().Print(&b, width)
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

func TestLeastImportantColumnsAreDroppedFirst(t *testing.T) {
	var wide, narrow strings.Builder
	example().Print(&wide, 0)
	example().Print(&narrow, 45)
	if got := strings.Fields(strings.Split(wide.String(), "\n")[0]); strings.Join(got, " ") != "REMOTE PENDING LAG HEARD" {
		t.Errorf("all non-empty columns: %q", got)
	}
	if got := strings.Fields(strings.Split(narrow.String(), "\n")[0]); strings.Join(got, " ") != "REMOTE PENDING LAG" {
		t.Errorf("in 45 characters: %q", got)
	}
}

func TestForeignTextCannotControlTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcode 漢字": "plain ünïcode 漢字",
		"\x1b[2Jgone":      "?[2Jgone",
		"two\nlines\r\tx":  "two lines  x",
		"\u202eright":      "?right",
		"bad\xff":          "bad?",
		"\u009b31m":        "?31m",
	} {
		if got := Clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}
