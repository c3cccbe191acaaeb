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
		"what it has written was seen":       {state(v(now, "b"), v(now-9, "a")), state(v(now-9, "a")), change.Vector{v(now-9, "a")}, false},
		"an earlier one, too":                {state(v(now, "b"), v(now-20, "a")), state(v(now-9, "a"), v(now-30, "a")), change.Vector{v(now-20, "a")}, false},
		"one that went in":                   {state(v(now, "b"), v(now-9, "a")), state(v(now-5, "c"), v(now-9, "a")), change.Vector{v(now-9, "a")}, false},
		"what it has not written was not":    {state(v(now, "b"), v(now-8, "a"), v(now-7, "c")), state(v(now-9, "a")), change.Vector{v(now-7, "c")}, true},
		"what is forgotten may have been":    {state(v(now, "b"), v(now-8, "a")), change.State{}, nil, false},
		"a write of tomorrow is none":        {state(v(now+day, "b"), v(now+day, "a")), change.State{}, nil, true},
		"of others' writes it knows nothing": {state(v(now+day, "b"), v(now+day, "c")), state(v(now-9, "a"), v(now-8, "c")), change.Vector{v(now+day, "c")}, false},
		"nor of those of its earlier life":   {state(v(now, "b"), v(now-1, "a~x")), state(v(now-9, "a")), change.Vector{v(now-1, "a~x")}, false},
	} {
		got, lie := conflict.Credible(c.in, c.held, "a", now)
		if len(got.Seen)+len(c.want) > 0 && !reflect.DeepEqual(got.Seen, c.want) || got.Version != c.in.Version || lie != c.lie {
			t.Errorf("%s: %v, %v, want %v, %v", name, got.Seen, lie, c.want, c.lie)
		}
	}
}

func TestAVersionInTheNodesOwnName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v           change.Version
		posed, sure bool
	}{
		"its own":                      {v(today-9, "a"), false, false},
		"earlier than its own":         {v(today-10, "a"), false, false},
		"later than its own":           {v(today-8, "a"), true, false},
		"of a moment to come":          {v(today+minute, "a"), true, false},
		"of tomorrow":                  {v(today+day, "a"), true, true},
		"another's":                    {v(today+day, "b"), false, false},
		"that of another of its lives": {v(today+day, "a~x"), false, false},
	} {
		posed, sure := conflict.Posed(c.v, state(v(today-9, "a")), "a", today)
		if posed != c.posed || sure != c.sure {
			t.Errorf("%s: %v, %v", name, posed, sure)
		}
	}
}
