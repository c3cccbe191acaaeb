package receive

import "github.com/mysql-sync/mysql-sync/pkg/apply"

// turn is the part of a load that is applied in one round.
type turn struct {
	*load
	from, to int   // range of its changes
	left     []int // changes without a result, once the turn has begun
}

// last reports whether this turn completes its load.
func (t *turn) last() bool { return t.to == len(t.changes) }

// size returns how much of a round a turn takes.
func (t *turn) size() (rows, bytes int) {
	if t.last() {
		rows = t.rows - len(t.changes) // rows refused at once
	}
	if t.from == 0 && t.last() {
		return rows + t.to, t.bytes
	}
	for i := t.from; i < t.to; i++ {
		bytes += t.changes[i].Size()
	}
	return rows + t.to - t.from, bytes
}

// begin allocates the results.
func (t *turn) begin() {
	if t.results == nil {
		t.results, t.open = make([]apply.Result, len(t.changes)), len(t.changes)
	}
	if t.left == nil {
		t.left = make([]int, 0, t.to-t.from)
		for i := t.from; i < t.to; i++ {
			t.left = append(t.left, i)
		}
	}
}

// incoming returns at most this many of the remaining changes, in order.
func (t *turn) incoming(most int) []apply.Incoming {
	n := min(len(t.left), most)
	if n == 0 {
		return nil
	}
	if first := t.left[0]; t.left[n-1] == first+n-1 {
		return t.changes[first : first+n : first+n]
	}
	list := make([]apply.Incoming, n)
	for k, i := range t.left[:n] {
		list[k] = t.changes[i]
	}
	return list
}

// note stores the results of the first remaining changes, and returns all results so far.
func (t *turn) note(results []apply.Result) []apply.Result {
	rest, tried := make([]int, 0, len(t.left)), results[:0:0]
	for k, i := range t.left {
		if k >= len(results) || results[k].Untried {
			rest = append(rest, i)
			continue
		}
		t.results[i] = results[k]
		t.open--
		tried = append(tried, results[k])
	}
	t.left = rest
	return tried
}
