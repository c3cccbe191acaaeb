package simulation

import "fmt"

// mostTold is the most breaches that a run tells of.
const mostTold = 5

// fail notes a promise that is broken.
func (w *world) fail(format string, args ...any) {
	if w.failed++; w.failed <= mostTold {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
		w.trace(format, args...)
	}
}

// conflict checks that neither of two versions knew the other. A row that was
// written again, or replaced, between the reading of its version and its own
// goes out under a version that knows less than the row does: it may be kept
// needlessly, which does no harm.
func (w *world) conflict(winner, loser int) {
	if w.history[winner].early || w.history[loser].early {
		return
	}
	if w.history.knew(winner, loser) || w.history.knew(loser, winner) {
		w.fail("promise 4: a conflict of %d and %d, of which one was made knowing the other", winner, loser)
	}
}

// check checks what must hold when nothing moves any more.
func (w *world) check(report *Report) {
	for key := range w.keys {
		for _, n := range w.nodes[1:] {
			if !same(w.nodes[0], n, key) {
				a, b := w.nodes[0].db.rows[key], n.db.rows[key]
				w.fail("promise 3: %s is %+v as %v on %s, %+v as %v on %s", w.names[key],
					a, held(w.nodes[0], key), w.nodes[0].name, b, held(n, key), n.name)
				report.Differing++
				break
			}
		}
	}
	w.checkWrites(report)
	w.checkRest()
}

// checkWrites checks that each write stands everywhere, or was replaced by one
// that knew it, or is in a losers. Promises 1 and 4.
func (w *world) checkWrites(report *Report) {
	safe := w.history.replaced()
	for _, n := range w.nodes {
		for _, loser := range n.db.losers {
			safe[loser] = true
		}
	}
	for _, r := range w.nodes[0].db.rows {
		if r.write != none {
			safe[r.write] = true // that it stands everywhere was checked
		}
	}
	for id, v := range w.history {
		if v.undone {
			report.Undone++
			continue
		}
		// A delete that lost against a delete is done all the same.
		if !safe[id] && !v.equal {
			w.fail("promises 1 and 4: the write %d of %s on node %d is nowhere", id, w.names[v.key], v.node)
			report.Lost++
		}
	}
}

// checkRest checks that nothing is left to do: kills make the nodes look again,
// and nobody sends anything. Promise 3.
func (w *world) checkRest() {
	before := w.rowsSent
	for _, n := range w.nodes {
		n.kill()
		n.start()
	}
	w.drain()
	if w.rowsSent != before {
		w.fail("promise 3: %d rows were sent again at rest", w.rowsSent-before)
	}
}
