package conflict_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// parts are the columns of the tests' row: c and d can only be taken together.
var parts = conflict.Columns{Names: []string{"a", "b", "c", "d"}, Groups: [][]int{{2, 3}}, Equal: func(_ int, x, y []byte) bool { return bytes.Equal(x, y) }}

func row(values ...string) [][]byte {
	list := make([][]byte, len(values))
	for i, v := range values {
		list[i] = []byte(v)
	}
	return list
}

func side(s change.State, values ...string) conflict.Side {
	if len(values) == 0 {
		return conflict.Side{State: s}
	}
	return conflict.Side{State: s, Values: row(values...)}
}

func TestColumnsThatOneSideChangedAreTakenFromIt(t *testing.T) {
	t.Parallel()
	base := state(v(10, "x"))
	at := func(time int64, origin string, columns ...string) change.State {
		return conflict.Wrote(base, time, origin, columns, nil)
	}
	deleted := conflict.Next(base, 25, "b")
	for name, test := range map[string]struct {
		a, b         conflict.Side
		want         [][]byte
		lostA, lostB bool
	}{
		"each changed another": {side(at(20, "a", "a"), "A", "0", "0", "0"), side(at(30, "b", "b"), "0", "B", "0", "0"), row("A", "B", "0", "0"), false, false},
		"both changed one: the later wins": {side(at(20, "a", "a", "b"), "A", "A", "0", "0"), side(at(30, "b", "b"), "0", "B", "0", "0"),
			row("A", "B", "0", "0"), true, false},
		"both changed it to the same":           {side(at(20, "a", "a"), "1", "0", "0", "0"), side(at(30, "b", "a"), "1", "0", "0", "0"), row("1", "0", "0", "0"), false, false},
		"columns of a group are taken together": {side(at(20, "a", "c"), "0", "0", "A", "0"), side(at(30, "b", "d"), "0", "0", "0", "B"), row("0", "0", "0", "B"), true, false},
		"names ignore case":                     {side(at(20, "a", "A"), "A", "0", "0", "0"), side(at(30, "b", "B"), "0", "B", "0", "0"), row("A", "B", "0", "0"), false, false},
		"nothing changed":                       {side(conflict.Wrote(base, 40, "a", []string{}, nil), "0", "0", "0", "0"), side(at(30, "b", "b"), "0", "B", "0", "0"), row("0", "B", "0", "0"), false, false},
		"all changed":                           {side(conflict.Next(base, 40, "a"), "A", "A", "A", "A"), side(at(30, "b", "b"), "0", "B", "0", "0"), row("A", "A", "A", "A"), false, true},
		"a later delete wins":                   {side(at(20, "a", "a"), "A", "0", "0", "0"), side(deleted), nil, true, false},
		"an earlier delete loses":               {side(at(30, "a", "a"), "A", "0", "0", "0"), side(deleted), row("A", "0", "0", "0"), false, true},
		"both deleted it":                       {side(conflict.Next(base, 30, "a")), side(deleted), nil, false, false},
		"a row from before there were versions": {side(conflict.Wrote(change.State{}, 20, "a", []string{"a"}, nil), "A", "0", "0", "0"), side(conflict.Wrote(change.State{}, 30, "b", []string{"b"}, nil), "0", "B", "0", "0"), row("A", "B", "0", "0"), false, false},
	} {
		ab, ba := parts.Join(test.a, test.b), parts.Join(test.b, test.a)
		if !reflect.DeepEqual(ab.Values, test.want) || ab.LostA != test.lostA || ab.LostB != test.lostB {
			t.Errorf("%s: %s, lost %v, %v", name, ab.Values, ab.LostA, ab.LostB)
		}
		if !reflect.DeepEqual(ab.State, ba.State) || !reflect.DeepEqual(ab.Values, ba.Values) || ab.LostA != ba.LostB {
			t.Errorf("%s: %v the other way round, not %v", name, ba, ab)
		}
		for _, s := range []conflict.Side{test.a, test.b} {
			if d, _ := conflict.Resolve(ab.State, s.State); d != conflict.Known {
				t.Errorf("%s: %v is decision %d for the result %v", name, s.State, d, ab.State)
			}
			if d, _ := conflict.Resolve(s.State, ab.State); d != conflict.Apply {
				t.Errorf("%s: the result is decision %d for %v", name, d, s.State)
			}
		}
	}
}

// TestTheEarlierStampIsNoLoss: of a column that the server sets at each update, the later value stays, and none is kept.
func TestTheEarlierStampIsNoLoss(t *testing.T) {
	t.Parallel()
	stamped := parts
	stamped.Stamped = func(column int) bool { return column == 1 }
	base := state(v(10, "x"))
	a := side(conflict.Wrote(base, 20, "a", []string{"a", "b"}, nil), "A", "20", "0", "0")
	for name, test := range map[string]struct {
		b    conflict.Side
		want [][]byte
		lost bool
	}{
		"another column":  {side(conflict.Wrote(base, 30, "b", []string{"b", "c"}, nil), "0", "30", "C", "0"), row("A", "30", "C", "0"), false},
		"the same column": {side(conflict.Wrote(base, 30, "b", []string{"a", "b"}, nil), "B", "30", "0", "0"), row("B", "30", "0", "0"), true},
		"the stamp alone": {side(conflict.Wrote(base, 30, "b", []string{"b"}, nil), "0", "30", "0", "0"), row("A", "30", "0", "0"), false},
	} {
		if j := stamped.Join(a, test.b); !reflect.DeepEqual(j.Values, test.want) || j.LostA != test.lost || j.LostB {
			t.Errorf("%s: %s, lost %v, %v", name, j.Values, j.LostA, j.LostB)
		}
	}
}

// copied is a node of the tests with its copy of a row.
type copied struct {
	conflict.Side
	there bool
}

// mistakes that TestMergingNodesConverge must find.
const (
	none      = "none"
	wholeRow  = "a conflict takes the whole later row"
	forgetful = "by which writes columns were made is not stored"
	arrival   = "what arrives wins"
	silent    = "losers are not kept"
)

// merged runs nodes that write a row, and send it late, twice and in any order. It returns what is wrong at the end.
func merged(seed uint64, mistake string) error {
	r := rand.New(rand.NewPCG(seed, 3))
	p := conflict.Policy{Name: conflict.MergeColumns}
	names := []string{"x", "y", "z"}[:2+r.IntN(2)]
	nodes := make([]copied, len(names))
	type write struct{ over, kept bool }
	writes := map[string]*write{} // by the value written
	var sent []copied
	deletes := false
	latest := make([]change.Version, len(parts.Names)) // of each column, the latest write, and what its row had
	want := make([][]byte, len(parts.Names))
	deliver := func(n int, in copied) bool {
		here := nodes[n]
		d, after := p.Resolve(here.State, in.State)
		local, incoming := here.Side, in.Side
		lose := func(s conflict.Side) {
			for _, v := range s.Values {
				if mistake != silent && writes[string(v)] != nil {
					writes[string(v)].kept = true
				}
			}
		}
		switch {
		case d == conflict.Apply:
			nodes[n] = in
			nodes[n].State = after
		case d.Conflict() && mistake == arrival:
			nodes[n] = in
			nodes[n].State = after
		case d.Conflict():
			if mistake == wholeRow {
				local.Made, incoming.Made = nil, nil
			}
			j := parts.Join(local, incoming)
			if j.LostA {
				lose(local)
			}
			if j.LostB {
				lose(incoming)
			}
			nodes[n] = copied{conflict.Side{State: j.State, Values: j.Values}, true}
		default:
			nodes[n].State = after
			return false
		}
		if mistake == forgetful {
			nodes[n].Made = nil
		}
		return true
	}
	for step := range 3 + r.IntN(14) {
		n := r.IntN(len(nodes))
		at := &nodes[n]
		switch {
		case len(sent) > 0 && r.IntN(2) == 0:
			deliver(n, sent[r.IntN(len(sent))])
		case at.there && at.Values != nil && r.IntN(9) == 0:
			deletes = true
			for _, v := range at.Values {
				writes[string(v)].over = true
			}
			*at = copied{conflict.Side{State: conflict.Next(at.State, 2+r.Int64N(60), names[n])}, true}
		default:
			values, columns := make([][]byte, len(parts.Names)), []string(nil)
			fresh := at.Values == nil
			copy(values, at.Values)
			for i, name := range parts.Names {
				if !fresh && r.IntN(3) > 0 {
					continue
				}
				if !fresh {
					writes[string(values[i])].over = true
				}
				values[i] = fmt.Appendf(nil, "%s%d%s", names[n], step, name)
				writes[string(values[i])], columns = &write{}, append(columns, name)
			}
			changed := append([]string{}, columns...)
			if fresh {
				changed = nil
			}
			*at = copied{conflict.Side{State: conflict.Wrote(at.State, 2+r.Int64N(60), names[n], changed, nil), Values: values}, true}
			for _, name := range columns {
				for i, of := range parts.Names {
					if (of == name || of > "b" && name > "b") && at.Version.Compare(latest[i]) > 0 {
						latest[i], want[i] = at.Version, values[i]
					}
				}
			}
		}
		sent = append(sent, nodes[n])
	}
	for round := 0; ; round++ { // everyone sends to everyone until nothing is news
		news := false
		for n := range nodes {
			for _, i := range r.Perm(len(nodes)) {
				news = nodes[i].there && deliver(n, nodes[i]) || news
			}
		}
		if !news {
			break
		}
		if round > 50 {
			return fmt.Errorf("it never ends")
		}
	}
	for n := range nodes {
		if !reflect.DeepEqual(nodes[n].Values, nodes[0].Values) || nodes[n].Version != nodes[0].Version || !reflect.DeepEqual(nodes[n].Made, nodes[0].Made) {
			return fmt.Errorf("%s has %s of %v, %s has %s of %v", names[n], nodes[n].Values, nodes[n].State, names[0], nodes[0].Values, nodes[0].State)
		}
	}
	if !deletes && !reflect.DeepEqual(nodes[0].Values, want) {
		return fmt.Errorf("the row is %s, the latest writes were %s", nodes[0].Values, want)
	}
	for value, w := range writes {
		stays := false
		for _, v := range nodes[0].Values {
			stays = stays || string(v) == value
		}
		if !w.over && !w.kept && !stays {
			return fmt.Errorf("the value %s is gone without a word", value)
		}
	}
	return nil
}

// TestMergingNodesConverge: whatever is repeated, late or out of order, all nodes end up with the same row, and no write is
// lost silently. Promises 2 to 4.
func TestMergingNodesConverge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6000) {
		if err := merged(seed, none); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestMergingFindsMistakes: the test above would find each of them.
func TestMergingFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, mistake := range []string{wholeRow, forgetful, arrival, silent} {
		found := false
		for seed := uint64(0); seed < 6000 && !found; seed++ {
			found = merged(seed, mistake) != nil
		}
		if !found {
			t.Errorf("%s: not found", mistake)
		}
	}
}

// TestJoinIsAJoin checks that, without deletes, the order in which rows are joined does not matter, nor how often.
func TestJoinIsAJoin(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	equal := func(what string, a, b conflict.Joined) {
		t.Helper()
		for _, name := range parts.Names {
			if a.State.MadeBy(name) != b.State.MadeBy(name) {
				t.Fatalf("%s: %s is by %v or by %v", what, name, a.State.MadeBy(name), b.State.MadeBy(name))
			}
		}
		if !reflect.DeepEqual(a.Values, b.Values) {
			t.Fatalf("%s: %s or %s", what, a.Values, b.Values)
		}
	}
	random := func() conflict.Side {
		s := side(state(v(2+r.Int64N(3), "o")), "0", "0", "0", "0")
		for n := range 1 + r.IntN(4) {
			var columns []string
			origin := []string{"a", "b", "c"}[r.IntN(3)]
			s.Values = append([][]byte(nil), s.Values...)
			for i, name := range parts.Names {
				if r.IntN(2) == 0 {
					columns, s.Values[i] = append(columns, name), fmt.Appendf(nil, "%s%d%d", origin, n, r.IntN(9))
				}
			}
			s.State = conflict.Wrote(s.State, 2+r.Int64N(9), origin, append([]string{}, columns...), nil)
		}
		return s
	}
	of := func(j conflict.Joined) conflict.Side { return conflict.Side{State: j.State, Values: j.Values} }
	for range 5000 {
		x, y, z := random(), random(), random()
		equal("commutative", parts.Join(x, y), parts.Join(y, x))
		equal("associative", parts.Join(of(parts.Join(x, y)), z), parts.Join(x, of(parts.Join(y, z))))
		equal("idempotent", parts.Join(of(parts.Join(x, y)), y), parts.Join(x, y))
	}
}

func TestWhatMadeAColumnIsStored(t *testing.T) {
	t.Parallel()
	m := conflict.Wrote(conflict.Wrote(state(v(10, "x")), 20, "a", []string{"b", "ä"}, nil), 30, "b~1", []string{"a"}, nil).Made
	for _, m := range []*change.Made{m, {Rest: v(5, "")}} {
		if got, err := change.ParseMade(m.Text()); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%v is read as %v (%v)", m, got, err)
		}
	}
	whole := m.Text()
	for n := range whole {
		got, err := change.ParseMade(whole[:n])
		if err == nil && n > 0 && reflect.DeepEqual(got, m) {
			t.Errorf("%d of %d bytes are read as the whole", n, len(whole))
		}
	}
}
