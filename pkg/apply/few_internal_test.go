package apply

import (
	"slices"
	"testing"
)

func TestAFewAreASet(t *testing.T) {
	t.Parallel()
	var s few[int]
	for i := range 3 * fewMost {
		s.add(i)
		s.add(i)
		if s.size() != i+1 {
			t.Fatalf("%d members, want %d", s.size(), i+1)
		}
		if got := slices.Sorted(s.all()); got[0] != 0 || got[i] != i || len(got) != i+1 {
			t.Fatalf("the members are %v", got)
		}
	}
	for _, size := range []int{fewMost, 3 * fewMost} { // without a map, and with one
		var s few[int]
		for i := range size {
			s.add(i)
		}
		s.remove(-1)
		seen := 0
		for v := range s.all() { // each is met, though it is removed meanwhile
			s.remove(v)
			seen++
		}
		if seen != size || s.size() != 0 {
			t.Errorf("of %d members %d were met, %d are left", size, seen, s.size())
		}
	}
	for range (*few[int])(nil).all() {
		t.Error("nothing has a member")
	}
}
