package conflict_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

func v(t int64, origin string) change.Version { return change.Version{Time: t, Origin: origin} }

// state is a version and what it has seen.
func state(version change.Version, seen ...change.Version) change.State {
	return change.State{Version: version, Seen: change.Vector(nil).Merge(seen)}
}

func TestResolve(t *testing.T) {
	for name, test := range map[string]struct {
		local, incoming change.State
		want            conflict.Decision
		version         change.Version // held afterwards
	}{
		"a row never seen is written":                                      {change.State{}, state(v(5, "a")), conflict.Apply, v(5, "a")},
		"the same version is known":                                        {state(v(5, "a")), state(v(5, "a")), conflict.Known, v(5, "a")},
		"an older version of the same client is known":                     {state(v(5, "a"), v(4, "a")), state(v(4, "a")), conflict.Known, v(5, "a")},
		"a version merged into the local one is known":                     {state(v(9, "b"), v(5, "a")), state(v(5, "a")), conflict.Known, v(9, "b")},
		"a version that has seen the local one is written":                 {state(v(5, "a")), state(v(9, "b"), v(5, "a")), conflict.Apply, v(9, "b")},
		"of two concurrent versions the later wins":                        {state(v(5, "a")), state(v(9, "b")), conflict.Win, v(9, "b")},
		"of two concurrent versions the earlier loses":                     {state(v(9, "b")), state(v(5, "a")), conflict.Lose, v(9, "b")},
		"at the same time the origin decides":                              {state(v(5, "a")), state(v(5, "b")), conflict.Win, v(5, "b")},
		"at the same time the origin decides on both sides":                {state(v(5, "b")), state(v(5, "a")), conflict.Lose, v(5, "b")},
		"having seen a client's older write is not enough":                 {state(v(7, "a")), state(v(9, "b"), v(5, "a")), conflict.Win, v(9, "b")},
		"a false claim to have seen a later version changes nothing":       {state(v(9, "a")), state(v(5, "b"), v(9, "a")), conflict.Known, v(9, "a")},
		"a client whose database was restored has not seen its lost write": {state(v(5, "a"), v(3, "a")), state(v(8, "a"), v(3, "a")), conflict.Win, v(8, "a")},
		"the lost write has not seen what came after":                      {state(v(8, "a"), v(3, "a")), state(v(5, "a"), v(3, "a")), conflict.Lose, v(8, "a")},
		"a version without a vector knows itself":                          {change.State{Version: v(5, "a")}, change.State{Version: v(5, "a")}, conflict.Known, v(5, "a")},
	} {
		t.Run(name, func(t *testing.T) {
			got, after := conflict.Resolve(test.local, test.incoming)
			if got != test.want || after.Version != test.version {
				t.Errorf("decision %d, version %v, want %d, %v", got, after.Version, test.want, test.version)
			}
			for _, s := range []change.State{test.local, test.incoming} {
				for _, seen := range append(change.Vector{}.With(s.Version), s.Seen...) {
					if !after.Knows(seen) {
						t.Errorf("%v is forgotten: %v", seen, after.Seen)
					}
				}
			}
			if again, same := conflict.Resolve(after, test.incoming); again != conflict.Known || !reflect.DeepEqual(same, after) {
				t.Errorf("the second time: decision %d and %v, want known and %v", again, same, after)
			}
		})
	}
}

func TestDecisionMeanings(t *testing.T) {
	for d, want := range map[conflict.Decision][2]bool{
		conflict.Known: {false, false}, conflict.Apply: {true, false}, conflict.Win: {true, true}, conflict.Lose: {false, true},
	} {
		if got := [2]bool{d.Writes(), d.Conflict()}; got != want {
			t.Errorf("decision %d: writes, conflict = %v, want %v", d, got, want)
		}
	}
}

func TestALocalWriteIsLaterThanEverythingTheRowHasSeen(t *testing.T) {
	for name, test := range map[string]struct {
		local   change.State
		written int64
		want    int64
	}{
		"the first write": {change.State{}, 7, 7},
		"a running clock": {state(v(5, "a")), 7, 7},
		"a stopped clock": {state(v(7, "a")), 7, 15},
		"a slow clock":    {state(v(100_000, "b")), 2007, 100_008},
		"it has seen a version later than itself": {state(v(5, "a"), v(50, "c")), 7, 58},
		"a clock before 1970":                     {state(v(7, "a")), -3, 8},
	} {
		next := conflict.Next(test.local, test.written, "a")
		if next.Version != v(test.want, "a") {
			t.Errorf("%s: %v, want %v", name, next.Version, v(test.want, "a"))
		}
		for _, s := range append(change.Vector{test.local.Version}, test.local.Seen...) {
			if !s.IsZero() && !next.Seen.Has(s) || s.Compare(next.Version) >= 0 {
				t.Errorf("%s: %v has not seen %v", name, next, s)
			}
		}
		if next.Seen.Has(next.Version) {
			t.Errorf("%s: %v has seen itself", name, next)
		}
	}
}

// TestNodesConvergeInAnyOrder lets three nodes write a row with wrong clocks, and gives each what
// the others sent: states as of sending, in any order, some twice, some through a third node.
// Afterwards all hold the same version. Promise 3.
func TestNodesConvergeInAnyOrder(t *testing.T) {
	names := []string{"a", "b", "c"}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		nodes := make([]change.State, len(names))
		var sent []change.State
		deliver := func(n int, s change.State) {
			before := nodes[n].Version
			d, after := conflict.Resolve(nodes[n], s)
			if d.Writes() != (after.Version != before) || after.Version.Compare(before) < 0 {
				t.Fatalf("seed %d: decision %d turned %v into %v", seed, d, before, after.Version)
			}
			nodes[n] = after
		}
		for range 1 + r.IntN(12) {
			n := r.IntN(len(nodes))
			if len(sent) > 0 && r.IntN(2) == 0 {
				deliver(n, sent[r.IntN(len(sent))])
			} else {
				nodes[n] = conflict.Next(nodes[n], r.Int64N(20), names[n])
			}
			sent = append(sent, nodes[n])
		}
		for n := range nodes {
			for _, i := range r.Perm(len(sent)) {
				deliver(n, sent[i])
				if r.IntN(3) == 0 {
					deliver(n, sent[r.IntN(len(sent))])
				}
			}
		}
		for n := range nodes {
			if !reflect.DeepEqual(nodes[n], nodes[0]) {
				t.Fatalf("seed %d: %s holds %v, a holds %v", seed, names[n], nodes[n], nodes[0])
			}
		}
	}
}

// TestMergingIsCommutative checks that two states merge to the same result whichever a node has
// first, and that the decisions agree.
func TestMergingIsCommutative(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() change.State {
		s := change.State{}
		for range 1 + r.IntN(4) {
			s = conflict.Next(s, r.Int64N(6), []string{"a", "b", "c"}[r.IntN(3)])
		}
		return s
	}
	for range 3000 {
		x, y := random(), random()
		_, xy := conflict.Resolve(x, y)
		_, yx := conflict.Resolve(y, x)
		if !reflect.DeepEqual(xy, yx) {
			t.Fatalf("%v and %v: %v in one order, %v in the other", x, y, xy, yx)
		}
	}
}
