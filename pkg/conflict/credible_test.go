package conflict_test

import (
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

func TestANodeKnowsItsOwnWritesBest(t *testing.T) {
	t.Parallel()
	now := today
	for name, c := range map[string]struct {
		in, held change.State
		want     change.Vector
		lie      bool
	}{
		"its own write was seen":                {state(v(now, "b"), v(now-9, "a")), state(v(now-9, "a")), change.Vector{v(now-9, "a")}, false},
		"an earlier one too":                    {state(v(now, "b"), v(now-20, "a")), state(v(now-9, "a"), v(now-30, "a")), change.Vector{v(now-20, "a")}, false},
		"a merged one":                          {state(v(now, "b"), v(now-9, "a")), state(v(now-5, "c"), v(now-9, "a")), change.Vector{v(now-9, "a")}, false},
		"what it did not write was not seen":    {state(v(now, "b"), v(now-8, "a"), v(now-7, "c")), state(v(now-9, "a")), change.Vector{v(now-7, "c")}, true},
		"a forgotten write may have been seen":  {state(v(now, "b"), v(now-8, "a")), change.State{}, nil, false},
		"a write from tomorrow was not seen":    {state(v(now+day, "b"), v(now+day, "a")), change.State{}, nil, true},
		"it knows nothing about others' writes": {state(v(now+day, "b"), v(now+day, "c")), state(v(now-9, "a"), v(now-8, "c")), change.Vector{v(now+day, "c")}, false},
		"nor about those of its earlier life":   {state(v(now, "b"), v(now-1, "a~x")), state(v(now-9, "a")), change.Vector{v(now-1, "a~x")}, false},
	} {
		got, lie := conflict.Credible(c.in, c.held, "a", now)
		if len(got.Seen)+len(c.want) > 0 && !reflect.DeepEqual(got.Seen, c.want) || got.Version != c.in.Version || lie != c.lie {
			t.Errorf("%s: %v, %v, want %v, %v", name, got.Seen, lie, c.want, c.lie)
		}
	}
}

func TestVersionsInTheNodesOwnName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v           change.Version
		posed, sure bool
	}{
		"its own version":              {v(today-9, "a"), false, false},
		"earlier than its own version": {v(today-10, "a"), false, false},
		"later than its own version":   {v(today-8, "a"), true, false},
		"slightly in the future":       {v(today+minute, "a"), true, false},
		"from tomorrow":                {v(today+day, "a"), true, true},
		"another's":                    {v(today+day, "b"), false, false},
		"from another of its lives":    {v(today+day, "a~x"), false, false},
	} {
		posed, sure := conflict.Posed(c.v, state(v(today-9, "a")), "a", today)
		if posed != c.posed || sure != c.sure {
			t.Errorf("%s: %v, %v", name, posed, sure)
		}
	}
}
