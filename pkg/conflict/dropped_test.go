package conflict_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// marked is a node of TestDroppedCountsAreKept. All that users add or set is another power of two, so the number of a row says
// what is in it.
type marked struct {
	counter
	kept []*big.Int // numbers of the losers
}

// marks are the increments and settings of users, by their powers of two.
type marks struct {
	next uint
	over *big.Int // a user who saw them has deleted or set the row
}

// draw returns a power of two that no one has added yet.
func (m *marks) draw() *big.Int {
	m.next++
	return new(big.Int).Lsh(big.NewInt(1), m.next)
}

// seen notes that a user replaced what the row had.
func (m *marks) seen(row [][]byte) { m.over.Or(m.over, number(row)) }

// number is that of a row.
func number(row [][]byte) *big.Int {
	n := new(big.Int)
	if row != nil {
		n.SetString(string(row[1]), 10)
	}
	return n
}

// droppedRun plays a random history in which users count, set, delete and insert rows at nodes whose clocks differ. It returns
// what was counted or set and is nowhere in the end: neither in the row, nor in a loser, nor replaced by someone who saw it.
func droppedRun(seed uint64, mistake string) error {
	r := rand.New(rand.NewPCG(seed, 4))
	names := []string{"a", "b", "c", "d"}[:2+r.IntN(3)]
	m := &marks{over: new(big.Int)}
	name := func(n int) string { return []string{"x", names[n]}[seed%2] } // where all have one, only the number can tell a loser
	nodes := make([]*marked, len(names))
	first := change.State{Version: change.Version{Time: 2, Origin: "a"}}
	strange := r.IntN(3) == 0 // the row was inserted at each by itself, before it was counted
	begin := row("x", "0")
	if !strange {
		begin = row("x", m.draw().String())
	}
	for i := range nodes {
		nodes[i] = &marked{counter: counter{row: slices.Clone(begin), state: first, now: 2 + r.Int64N(60)}}
		if strange {
			nodes[i].row, nodes[i].state = row(name(i), m.draw().String()), change.State{Version: change.Version{Time: 2 + r.Int64N(60), Origin: names[i]}}
		}
	}
	fold := func(n int) {
		c := nodes[n]
		for _, w := range c.pending {
			if w.gone {
				c.state = conflict.Next(c.state, w.at, names[n])
				continue
			}
			changed := []string{"q"}
			if w.Set {
				changed = nil
			}
			c.state = conflict.Wrote(c.state, w.at, names[n], changed, []change.Counted{w.Counted})
		}
		c.pending = nil
	}
	deliver := func(n int, in counter) bool {
		c := nodes[n]
		fold(n)
		amount := func(s *counter) func(string) (string, bool) {
			return func(string) (string, bool) { return string(at(s.row, 1)), s.row != nil }
		}
		counting.Known(&c.state, &in.state, amount(&c.counter), amount(&in))
		d, after := counting.Resolve(c.state, in.state)
		switch {
		case d == conflict.Known:
			return false
		case d == conflict.Apply:
			c.state, c.row = after, slices.Clone(in.row)
			if k := c.state.Counts.Of("q"); c.row != nil && !k.Epoch.IsZero() {
				c.row[1] = []byte(k.Value())
			}
		default:
			a, b := conflict.Side{State: c.state, Values: c.row}, conflict.Side{State: in.state, Values: in.row}
			j := counted.Join(a, b)
			if j.LostA && mistake != silent {
				c.kept = append(c.kept, number(a.Values))
			}
			if j.LostB && mistake != silent {
				c.kept = append(c.kept, number(b.Values))
			}
			c.state, c.row = j.State, j.Values
		}
		return true
	}
	type message struct {
		from int
		counter
	}
	var sent []message
	for range 6 + r.IntN(30) {
		n := r.IntN(len(nodes))
		c := nodes[n]
		c.now += 1 + r.Int64N(20)
		w := pendingWrite{Counted: change.Counted{Name: "q", At: c.now}, at: c.now}
		switch x := r.IntN(16); {
		case x < 5 && c.row != nil: // an increment
			sum := number(c.row)
			w.Old = sum.String()
			w.New = sum.Add(sum, m.draw()).String()
			c.row = [][]byte{c.row[0], []byte(w.New)}
			c.pending = append(c.pending, w)
		case x < 7: // a delete, an insert, or both
			if c.row != nil {
				m.seen(c.row)
				c.row, c.pending = nil, append(c.pending, pendingWrite{at: c.now, gone: true})
			}
			if x == 5 {
				w.Set, w.New = true, m.draw().String()
				c.row, c.pending = row(name(n), w.New), append(c.pending, w)
			}
		case x < 9:
			fold(n)
		case len(sent) > 0:
			if s := sent[r.IntN(len(sent))]; s.from != n {
				deliver(n, s.clone())
			}
		}
		if certain := c.row == nil || !c.state.Counts.Of("q").Epoch.IsZero() || len(c.pending) == 0; certain && r.IntN(2) == 0 { // see render.Look
			sent = append(sent, message{n, c.clone()})
		}
	}
	for n := range nodes {
		fold(n)
	}
	for news := true; news; {
		news = false
		for n := range nodes {
			for i := range nodes {
				if i != n {
					news = deliver(n, nodes[i].clone()) || news
				}
			}
		}
	}
	there := new(big.Int).Set(m.over)
	for _, c := range nodes {
		if number(c.row).Cmp(number(nodes[0].row)) != 0 {
			return fmt.Errorf("%s or %s", c.row, nodes[0].row)
		}
		there.Or(there, number(c.row))
		for _, k := range c.kept {
			there.Or(there, k)
		}
	}
	for i := uint(1); i <= m.next; i++ {
		if there.Bit(int(i)) == 0 {
			return fmt.Errorf("%s is gone without a word; the row has %s", new(big.Int).Lsh(big.NewInt(1), i), number(nodes[0].row))
		}
	}
	return nil
}

// TestDroppedCountsAreKept: what a setting of a counter, or a delete, drops without having seen it is in a loser. Promise 4.
func TestDroppedCountsAreKept(t *testing.T) {
	t.Parallel()
	found := false
	for seed := range uint64(8000) {
		if err := droppedRun(seed, none); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		found = found || droppedRun(seed, silent) != nil
	}
	if !found {
		t.Error("losers that are not kept are not noticed")
	}
}
