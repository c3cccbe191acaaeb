package simulation

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// mostTold is how many broken promises a run reports at most.
const mostTold = 5

// fail notes a broken promise.
func (w *world) fail(format string, args ...any) {
	if w.failed++; w.failed <= mostTold {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
		w.trace(format, args...)
	}
}

// conflict checks that neither of two versions knew the other. A row that was written again or replaced after its version was
// read, but before the row itself was, goes out under a version that knows less than the row does: it may be kept needlessly,
// which does no harm. So may a row that a policy's decision replaced, since that is a version of its own.
func (w *world) conflict(winner, loser int) {
	if w.history[winner].begun || w.history[loser].begun || w.policy.Decides() || w.history[winner].early || w.history[loser].early {
		return
	}
	if w.history.knew(winner, loser) || w.history.knew(loser, winner) {
		w.fail("promise 4: a conflict of %d and %d, although one was made knowing the other", winner, loser)
	}
}

// check checks what must hold when nothing moves any more.
func (w *world) check(report *Report) {
	if w.hostile() != nil {
		return
	}
	if w.routes != nil {
		w.checkRoutes(report)
		w.checkWrites(report)
		w.checkRest()
		return
	}
	if w.merged != nil {
		w.checkMerged(report)
		w.checkFates()
		w.checkRest()
		return
	}
	for key := range w.keys {
		if key == w.private {
			w.checkPrivate()
			continue
		}
		differs, versions := false, false
		for _, n := range w.nodes[1:] {
			if a, b := w.nodes[0], n; !same(a, b, key) {
				w.fail("promise 3: %s is %+v as %v on %s, %+v as %v on %s", w.rows[key].Key, a.db.rows[key], held(a, key), a.name, b.db.rows[key], held(b, key), b.name)
				differs, versions = differs || !alike(a, b, key), true
			}
		}
		switch {
		case differs:
			report.Differing++
		case versions:
			report.Versions++
		}
	}
	w.checkFates()
	w.checkWrites(report)
	w.checkRest()
}

// checkFates checks that no version says that a row is there which is missing: nothing goes here that nobody sees go.
func (w *world) checkFates() {
	for _, n := range w.nodes {
		for key, r := range n.db.rows {
			if !r.exists && n.db.versions[key].fate == version.There {
				w.fail("promise 2: %s is missing on %s, in a version with which it is there", w.rows[key].Key, n.name)
			}
		}
	}
}

// checkPrivate checks that only its writer has a row that a transformer holds back.
func (w *world) checkPrivate() {
	for _, n := range w.nodes {
		if r := n.db.rows[w.private]; r.write != none && w.history[r.write].node != n.id {
			w.fail("a row of %s that is held back reached %s", w.nodes[w.history[r.write].node].name, n.name)
		}
	}
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
	for _, n := range w.nodes {
		for key, r := range n.db.rows {
			if r.write != none && (n == w.nodes[0] || key == w.private) {
				safe[r.write] = true // checked above: it stands everywhere
			}
		}
	}
	for id, v := range w.history {
		if v.undone {
			report.Undone++
			continue
		}
		if v.begun && w.routes == nil {
			continue // not replaced: it stands everywhere
		}
		// A delete that lost to a delete has been done anyway.
		if !safe[id] && !v.equal {
			w.fail("promises 1 and 4: the write %d of %s on node %d is nowhere", id, w.rows[v.key].Key, v.node)
			report.Lost++
		}
	}
}

// checkRest checks that nothing is left to do: kills make the nodes look again, and no one sends anything. Promise 3.
func (w *world) checkRest() {
	before := w.rowsSent
	w.calmed = w.now
	for _, n := range w.nodes {
		n.kill()
		n.start()
	}
	w.drain()
	if w.rowsSent != before {
		w.fail("promise 3: %d rows were sent again at rest", w.rowsSent-before)
	}
}
