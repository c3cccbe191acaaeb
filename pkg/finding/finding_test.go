package finding

import (
	"slices"
	"testing"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	for want, levels := range map[Level][]Level{Right: {Right, Right}, Warning: {Right, Warning, Right}, Mistake: {Warning, Mistake, Right}} {
		var list []Finding
		for _, l := range levels {
			list = append(list, Finding{Level: l})
		}
		if got := Worst(list); got != want {
			t.Errorf("%v: got %s", levels, got)
		}
		slices.Reverse(list)
		if got := Worst(list); got != want {
			t.Errorf("%v reversed: got %s", levels, got)
		}
	}
}

// Text from outside is one line without control characters, and says what kind it is.
func TestFindingsAreSafeForATerminal(t *testing.T) {
	t.Parallel()
	l := List{Area: "tables"}
	l.Warnf("a\x1b[2J", "do\nit", "says %s", "x\x00\ny\xff")
	l.Wrongf("b", "", "%v", "as it came\t")
	want := []Finding{
		{Level: Warning, Area: "tables", About: "a?[2J", Text: "says x? y?", Do: "do it", Kind: "says %s"},
		{Level: Mistake, Area: "tables", About: "b", Text: "as it came ", Kind: "as it came "},
	}
	if !slices.Equal(l.Found, want) {
		t.Errorf("got %q", l.Found)
	}
}
