package simulation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// merged is what users did where rows are merged by their columns.
type merged struct {
	digits []int          // by key: how many amounts were added to its counter, or set
	made   []token        // all that was written
	over   map[token]bool // that was replaced by a user who saw it
}

// token is a value that a user wrote. Each write of a column writes another one. Each amount that is added to a counter, or to which it is
// set, is a power of ten of its own, so that its digits say what is in it, and how often.
type token struct {
	key    int
	column int
	value  int // the write, or the digit
}

// newMerged has the rows merged. Some networks begin with rows.
func (w *world) newMerged() {
	w.merged = &merged{digits: make([]int, w.keys), over: map[token]bool{}}
	w.policy = conflict.Policy{Name: conflict.MergeColumns, Counters: []string{counter}}
	switch w.r.IntN(4) {
	case 0: // one node has each
		for key := range w.keys {
			w.beginMerged(key, w.nodes[w.r.IntN(len(w.nodes)):][:1])
		}
		w.initial = snapshot.Missing
	case 1: // all have all of them
		for key := range w.keys {
			w.beginMerged(key, w.nodes)
		}
	}
}

// beginMerged gives nodes a row that nobody has written since versions are kept.
func (w *world) beginMerged(key int, nodes []*node) {
	w.history = append(w.history, write{key: key, begun: true})
	id := len(w.history) - 1
	s := statement{store: strconv.AppendInt(nil, int64(id), 10), sum: w.merged.amount(key)}
	for _, n := range nodes {
		n.db.rows[key] = row{exists: true, write: id, values: stored(w.rows[key].Key, id, s)}
	}
	if len(nodes) == len(w.nodes) { // any write replaces a row that is one's alone
		w.merged.made = append(w.merged.made, tokens(key, parents.Names(), nodes[0].db.rows[key].values)...)
	}
}

// amount returns the next amount of a row's counter.
func (m *merged) amount(key int) []byte {
	m.digits[key]++
	return []byte("1" + strings.Repeat("0", m.digits[key]-1))
}

// counters returns those of a table.
func (w *world) counters(string) []string { return w.policy.Counters }

// tokens returns what is in a row.
func tokens(key int, columns []string, values [][]byte) (list []token) {
	for i, name := range columns {
		switch column := parents.Index(name); column {
		case ofWrite, ofStore:
			if write, err := strconv.Atoi(string(values[i])); err == nil {
				list = append(list, token{key, column, write})
			}
		case ofSum:
			for at, digit := range values[i] {
				if digit != '0' {
					list = append(list, token{key, column, len(values[i]) - 1 - at})
				}
			}
		}
	}
	return list
}

// writeMerged makes a user's transaction on a row: the user counts, writes other columns, deletes or inserts the row, or does both.
func (w *world) writeMerged(n *node, key int) {
	if !n.serverUp {
		return
	}
	if n.locks[key] != free {
		w.after(w.random(w.tempo.step), func() { w.writeMerged(n, key) })
		return
	}
	n.locks[key] = user
	n.db.nextID += 2 // a delete and an insert
	id, written, life := n.db.nextID, n.clock(), n.life
	w.after(w.random(w.tempo.transaction), func() {
		if n.life != life {
			return
		}
		n.unlock([]int{key})
		if w.r.IntN(10) > 0 || w.calm {
			w.commitMerged(n, key, id, written)
		}
	})
}

// commitMerged draws what a user has done, and does it.
func (w *world) commitMerged(n *node, key int, id uint64, written int64) {
	r := &n.db.rows[key]
	kind := w.r.IntN(10)
	if !r.exists || kind == 0 || kind == 1 {
		if r.exists {
			w.seen(key, r.values)
			w.history = append(w.history, write{node: n.id, key: key, deleted: true})
			*r = row{write: len(w.history) - 1}
			w.note(n, entry{id: id - 1, key: key, written: written, gone: true})
			if kind == 0 {
				return
			}
		}
		w.history = append(w.history, write{node: n.id, key: key})
		at := len(w.history) - 1
		s := statement{store: strconv.AppendInt(nil, int64(at), 10), sum: w.merged.amount(key)}
		*r = row{exists: true, write: at, values: stored(w.rows[key].Key, at, s)}
		w.merged.made = append(w.merged.made, tokens(key, parents.Names(), r.values)...)
		w.note(n, entry{id: id, key: key, written: written, counted: []change.Counted{{Name: counter, New: string(s.sum), Set: true, At: written}}})
		return
	}
	w.history = append(w.history, write{node: n.id, key: key})
	e := entry{id: id, key: key, written: written, changed: []string{}}
	values := slices.Clone(r.values)
	for _, column := range []int{ofWrite, ofStore} {
		if w.r.IntN(4) == 0 || kind == 2 {
			values[column] = strconv.AppendInt(nil, int64(len(w.history)-1), 10)
			w.merged.over[tokens(key, parents.Names()[column:column+1], r.values[column:column+1])[0]] = true
			w.merged.made = append(w.merged.made, token{key, column, len(w.history) - 1})
			e.changed = append(e.changed, parents.Names()[column])
		}
	}
	if kind > 2 {
		old := string(r.values[ofSum])
		values[ofSum] = add(r.values[ofSum], w.merged.amount(key))
		w.merged.made = append(w.merged.made, token{key, ofSum, w.merged.digits[key] - 1})
		e.changed = append(e.changed, counter)
		e.counted = []change.Counted{{Name: counter, Old: old, New: string(values[ofSum]), At: written}}
	}
	*r = row{exists: true, write: writeIn(values), values: values}
	w.note(n, e)
}

// add returns the sum of a number and a power of ten that is not in it.
func add(number, amount []byte) []byte {
	sum := slices.Clone(number)
	if len(amount) > len(sum) {
		sum = append([]byte(strings.Repeat("0", len(amount)-len(sum))), sum...)
	}
	sum[len(sum)-len(amount)]++
	return sum
}

// note is what the triggers do.
func (w *world) note(n *node, e entry) {
	if e.write = n.db.rows[e.key].write; w.mistake == CountSettings && len(e.counted) > 0 && e.counted[0].Set {
		e.counted[0].Set, e.counted[0].Old = false, "0"
	}
	if w.mistake == CountAsOne && len(e.counted) > 0 {
		e.counted[0].Origin = w.nodes[0].name
	}
	n.db.changes = append(n.db.changes, e)
	w.trace("%s writes %s: %s, %v", n.name, w.rows[e.key].Key, n.db.rows[e.key].values, e)
	n.rouse(n.capturing)
}

// seen notes that a user has replaced what was in a row.
func (w *world) seen(key int, values [][]byte) {
	for _, t := range tokens(key, parents.Names(), values) {
		w.merged.over[t] = true
	}
}

// keepMerged notes what is in the loser of a conflict. Promise 4.
func (n *node) keepMerged(e *losers.Entry) {
	key := n.w.keyOf(change.Row{Table: e.Table.Name, Key: e.Key})
	n.db.kept = append(n.db.kept, tokens(key, e.Loser.Columns, e.Loser.Values)...)
	n.w.trace("%s keeps %s: %s", n.name, e.Key, e.Loser.Values)
}

// equal reports whether two rows that exist are the same.
func (w *world) equal(a, b row) bool {
	if w.merged == nil {
		return a.write == b.write
	}
	return slices.EqualFunc(a.values, b.values, func(a, b []byte) bool { return string(a) == string(b) })
}

// checkMerged checks that all nodes have the same rows, and that all that was written is in them, once, or in a loser, or was replaced by
// someone who saw it. Promises 1, 3 and 4.
func (w *world) checkMerged(report *Report) {
	safe := w.merged.over
	for _, n := range w.nodes {
		for _, t := range n.db.kept {
			safe[t] = true
		}
	}
	for key := range w.keys {
		first := w.nodes[0]
		for _, n := range w.nodes {
			r, k := n.db.rows[key], n.db.versions[key].Counts.Of(counter)
			if !same(first, n, key) || !n.db.versions[key].Counts.Equal(first.db.versions[key].Counts) {
				w.fail("promise 3: %s is %s as %+v on %s, %s as %+v on %s", w.rows[key].Key, first.db.rows[key].values, first.db.versions[key].State, first.name, r.values, n.db.versions[key].State, n.name)
				report.Differing++
			}
			if sum := string(r.value(ofSum)); r.exists && !k.Epoch.IsZero() && sum != k.Value() {
				w.fail("%s is %s on %s, where %s was counted", w.rows[key].Key, sum, n.name, k.Value())
			}
		}
		if r := first.db.rows[key]; r.exists {
			for _, t := range tokens(key, parents.Names(), r.values) {
				safe[t] = true
			}
			if strings.Trim(string(r.value(ofSum)), "01") != "" {
				w.fail("the sum of %s is %s: something counts several times", w.rows[key].Key, r.value(ofSum))
			}
		}
	}
	for _, t := range w.merged.made {
		if !safe[t] {
			w.fail("promises 1 and 4: %s of %s is nowhere", t, w.rows[t.key].Key)
			report.Lost++
		}
	}
}

func (t token) String() string {
	if t.column == ofSum {
		return fmt.Sprintf("10^%d", t.value)
	}
	return fmt.Sprintf("%s of write %d", parents.Names()[t.column], t.value)
}
