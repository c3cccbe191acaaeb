package main

import (
	"strings"
	"testing"
)

func TestAFrameFitsTheTerminal(t *testing.T) {
	s := screen{width: 10, height: 3, colour: true}
	got := frame("one "+s.bad("two three four")+"\n漢字漢字漢字\nx\ny\nz\n", s)
	lines := strings.Split(got, "\r\n")
	if len(lines) != 3 || lines[0] != home+"one \x1b[31mtwo th\x1b[0m"+clearLine || lines[1] != "漢字漢字漢"+clearLine ||
		lines[2] != "… 3 more l"+clearLine+clearBelow {
		t.Errorf("%q", lines)
	}
}
