package conflict_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// Mistakes that TestCountingFindsMistakes plants.
const (
	byVersion  = "counters are taken from the row whose version wins"
	twice      = "what arrives is added, not joined"
	forgetGone = "a deleted row forgets what was counted"
	newLife    = "what a backup had not captured is credited to the new life"
	foldLate   = "writes that are not captured are added after what arrives"
	takeNumber = "the number of the row is taken, with what was not captured yet"
)

var counting = conflict.Policy{Name: conflict.MergeColumns, Counters: []string{"q"}}

// counted has the two columns that the simulated rows have: q is a counter.
var counted = conflict.Columns{
	Names: []string{"name", "q"},
	Equal: func(_ int, a, b []byte) bool { return string(a) == string(b) },
	Counter: func(counts change.Counts, column int) ([]byte, bool) {
		k := counts.Of("q")
		return []byte(k.Value()), column == 1 && !k.Epoch.IsZero()
	},
}

// counter is a database with one row, and what its node knows of it.
type counter struct {
	row     [][]byte // nil: deleted
	state   change.State
	pending []pendingWrite // not captured
	life    int
	ends    []int64 // of former lives: until when they counted; part of no backup
	until   int64
	now     int64
}

type pendingWrite struct {
	change.Counted
	at   int64
	gone bool
	name bool // the name was changed, too
}

func (c *counter) clone() counter {
	d := *c
	d.pending, d.row = slices.Clone(c.pending), slices.Clone(c.row)
	return d
}

// ledger is what users did: of each origin, the increments in order; at least so many are on a disk that was not set back.
type ledger struct {
	by    map[string][]int
	least map[string]int
	ended map[string]bool
}

// countingRun plays a random history of three or four nodes: writes, captures, messages that are late, lost, repeated and
// relayed, kills, restored backups. It returns what is wrong at the end, when all have heard all.
func countingRun(seed uint64, mistake string, deletes bool) error {
	r := rand.New(rand.NewPCG(seed, 3))
	nodes := make([]*counter, 3+r.IntN(2))
	chain := r.IntN(2) == 0 // nodes hear only their neighbours
	names := []string{"a", "b", "c", "d"}
	book := ledger{map[string][]int{}, map[string]int{}, map[string]bool{}}
	start := 1000
	first := change.State{Version: change.Version{Time: 2, Origin: "a"}}
	for i := range nodes {
		nodes[i] = &counter{row: [][]byte{[]byte("x"), []byte(strconv.Itoa(start))}, state: first, now: r.Int64N(50)}
	}
	origin := func(n, life int) string { return change.Origin(names[n], []string{"", "1", "2", "3", "4"}[life]) }
	truly := func(n int, at int64) string { // the life that may have counted it
		c := nodes[n]
		for l, end := range c.ends {
			if at <= end {
				return origin(n, l)
			}
		}
		c.until = max(c.until, at)
		return origin(n, c.life)
	}
	credited := func(n int, at int64) string {
		if o := truly(n, at); mistake != newLife {
			return o
		}
		return origin(n, nodes[n].life)
	}
	fold := func(n int) {
		c := nodes[n]
		for _, w := range c.pending {
			if w.Origin = credited(n, w.at); w.gone {
				c.state = conflict.Next(c.state, w.at, origin(n, c.life))
				if mistake == forgetGone {
					c.state.Counts = nil
				}
				continue
			}
			changed := []string{}
			if w.name {
				changed = append(changed, "name")
			}
			if w.Old != w.New {
				changed = append(changed, "q")
			}
			if w.Set {
				changed = nil
			}
			c.state = conflict.Wrote(c.state, w.at, origin(n, c.life), changed, []change.Counted{w.Counted})
		}
		c.pending = nil
	}
	deliver := func(n int, in counter) bool {
		c := nodes[n]
		if mistake != foldLate {
			fold(n)
			if k := c.state.Counts.Of("q"); c.row != nil && !k.Epoch.IsZero() && string(c.row[1]) != k.Value() { // no trigger saw it
				c.state = conflict.Wrote(c.state, c.now, origin(n, c.life), []string{"q"}, []change.Counted{{Name: "q", Old: k.Value(), New: string(c.row[1]), At: c.now}})
			}
		}
		if mistake == forgetGone && in.row == nil {
			in.state.Counts = nil
		}
		number := func(s *counter) func(string) (string, bool) {
			return func(string) (string, bool) { return string(at(s.row, 1)), s.row != nil }
		}
		counting.Known(&c.state, &in.state, number(c), number(&in))
		p := counting
		if mistake == byVersion {
			p.Counters = nil
		}
		d, after := p.Resolve(c.state, in.state)
		switch {
		case d == conflict.Known:
			if mistake == foldLate {
				fold(n)
			}
			return false
		case d == conflict.Apply:
			c.state, c.row = after, slices.Clone(in.row)
			if mistake == byVersion {
				c.state.Counts = in.state.Counts
			}
			if k := c.state.Counts.Of("q"); c.row != nil && !k.Epoch.IsZero() && mistake != takeNumber {
				c.row[1] = []byte(k.Value())
			}
		default:
			a, b := conflict.Side{State: c.state, Values: c.row}, conflict.Side{State: in.state, Values: in.row}
			if mistake == twice {
				k, o := a.Counts.Of("q"), b.Counts.Of("q")
				for _, t := range o.Tallies {
					if k.Epoch == o.Epoch {
						k = k.Plus(t.Origin, t.Sum, t.At)
					}
				}
				a.Counts = a.Counts.With(k)
			}
			j := counted.Join(a, b)
			if mistake == byVersion {
				j.State.Counts = a.Counts
				if in.state.Version.Compare(c.state.Version) > 0 {
					j.State.Counts = b.Counts
				}
			}
			c.state, c.row = j.State, j.Values
		}
		if mistake == foldLate {
			fold(n)
		}
		return true
	}
	type message struct {
		from int
		counter
	}
	var sent []message
	backups := make([]counter, len(nodes))
	taken := make([]bool, len(nodes))
	for step := range 10 + r.IntN(40) {
		n := r.IntN(len(nodes))
		c := nodes[n]
		c.now += 1 + r.Int64N(20)
		switch x := r.IntN(20); {
		case x < 9 && c.row != nil: // an increment
			delta := r.IntN(21) - 10
			old := string(c.row[1])
			was, _ := strconv.Atoi(old)
			c.row[1] = []byte(strconv.Itoa(was + delta))
			w := pendingWrite{Counted: change.Counted{Name: "q", Old: old, New: string(c.row[1]), At: c.now}, at: c.now, name: r.IntN(4) == 0}
			if w.name {
				c.row[0] = fmt.Appendf(nil, "%s%d", names[n], step)
			}
			c.pending = append(c.pending, w)
			if delta != 0 {
				book.by[origin(n, c.life)] = append(book.by[origin(n, c.life)], delta)
			}
		case x == 9 && deletes && c.row != nil:
			c.row, c.pending = nil, append(c.pending, pendingWrite{at: c.now, gone: true})
		case x < 12:
			fold(n)
		case x < 17:
			if len(sent) > 0 {
				m := sent[r.IntN(len(sent))]
				if m.from != n && (!chain || m.from-n == 1 || n-m.from == 1) {
					deliver(n, m.counter.clone())
				}
			}
		case x == 17:
			backups[n], taken[n] = c.clone(), true
		case x == 18 && taken[n] && c.life < 4 && !deletes: // the database is set back, and the node starts
			old := origin(n, c.life)
			b := backups[n].clone()
			b.ends, b.until, b.life, b.now = append(slices.Clone(c.ends), c.until), 0, c.life+1, c.now+1
			book.ended[old] = true
			for l := backups[n].life; l <= c.life; l++ { // lives between are gone as well
				o := origin(n, l)
				for i, s := range nodes {
					if i != n {
						book.least[o] = max(book.least[o], tallied(s.state, o))
					}
				}
				book.ended[o] = true
			}
			nodes[n] = &b
			for _, w := range b.pending { // what is credited anew
				if o := truly(n, w.at); w.Old != w.New && o == origin(n, b.life) {
					was, _ := strconv.Atoi(w.Old)
					is, _ := strconv.Atoi(w.New)
					book.by[o] = append(book.by[o], is-was)
				}
			}
			fold(n)
			for o, least := range book.least { // what only this disk had is gone
				known := 0
				for _, s := range nodes {
					known = max(known, tallied(s.state, o))
				}
				book.least[o] = min(least, known)
			}
		}
		if r.IntN(2) == 0 {
			c := nodes[n]
			sent = append(sent, message{n, counter{row: slices.Clone(c.row), state: c.state}})
		}
	}
	for n := range nodes {
		fold(n)
	}
	for round := 0; ; round++ {
		news := false
		for n := range nodes {
			for i := range nodes {
				if i != n {
					news = deliver(n, nodes[i].clone()) || news
				}
			}
		}
		if !news {
			break
		}
		if round > 50 {
			return fmt.Errorf("it never ends")
		}
	}
	z := nodes[0]
	for n, c := range nodes {
		if !c.state.Counts.Equal(z.state.Counts) || string(at(c.row, 1)) != string(at(z.row, 1)) || string(at(c.row, 0)) != string(at(z.row, 0)) || c.state.Version != z.state.Version {
			return fmt.Errorf("%s has %s of %+v, %s has %s of %+v", names[n], c.row, c.state, names[0], z.row, z.state)
		}
	}
	want := start
	k := z.state.Counts.Of("q")
	for o, list := range book.by {
		n := tallied(z.state, o)
		if n > len(list) || n < len(list) && !book.ended[o] || n < book.least[o] {
			return fmt.Errorf("%d of %d increments of %s are counted, at least %d are there: %+v", n, len(list), o, book.least[o], k)
		}
		for _, delta := range list[:n] {
			want += delta
		}
	}
	if z.row != nil && !k.Epoch.IsZero() && (string(z.row[1]) != strconv.Itoa(want) || k.Value() != strconv.Itoa(want)) {
		return fmt.Errorf("the row has %s, its counter %s, and all increments make %d: %+v", z.row[1], k.Value(), want, k)
	}
	return nil
}

func at(row [][]byte, column int) []byte {
	if row == nil {
		return nil
	}
	return row[column]
}

// tallied returns how many increments of an origin a state knows.
func tallied(s change.State, origin string) int {
	for _, t := range s.Counts.Of("q").Tallies {
		if t.Origin == origin {
			return int(t.N)
		}
	}
	return 0
}

// TestEachIncrementCountsOnce: whatever is repeated, late, lost, relayed, killed or set back, all nodes end with what was there at
// the start and all increments that are on any disk.
func TestEachIncrementCountsOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8000) {
		if err := countingRun(seed, none, seed%4 == 0); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestCountingFindsMistakes: the test above would find each of them.
func TestCountingFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, mistake := range []string{byVersion, twice, forgetGone, newLife, foldLate, takeNumber} {
		found := false
		for seed := uint64(0); seed < 8000 && !found; seed++ {
			found = countingRun(seed, mistake, seed%4 == 0) != nil
		}
		if !found {
			t.Errorf("%s: not found", mistake)
		}
	}
}

// TestASettingReplacesWhatItsUserSaw: the version before was made by a clock that is ahead, and nothing was counted at this site yet.
// What another site counted on that version does not come before the setting.
func TestASettingReplacesWhatItsUserSaw(t *testing.T) {
	t.Parallel()
	before := change.State{Version: change.Version{Time: 9000, Origin: "b"}}
	set := conflict.Wrote(before, 50, "a", nil, []change.Counted{{Name: "q", New: "20", Set: true, At: 50}})
	added := conflict.Wrote(before, 9001, "c", []string{"q"}, []change.Counted{{Name: "q", Old: "10", New: "11", At: 9001}})
	if got := set.Counts.Join(added.Counts).Of("q").Value(); got != "20" {
		t.Errorf("the counter is %s, want 20, to which it was set", got)
	}
}
