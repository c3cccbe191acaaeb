package simulation

import (
	"maps"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// commit applies everything at once, and notes what became of the users' writes.
func (x *session) commit() {
	n := x.n
	if x.routed != nil {
		x.routed.commit()
	}
	for i := range x.kept {
		x.keep(&x.kept[i])
	}
	for _, key := range slices.Sorted(maps.Keys(x.rows)) {
		now := &n.db.rows[key]
		if !x.found[key].exists && now.write != none && now.write != x.found[key].write {
			n.w.history[now.write].equal = true // inserted meanwhile and deleted again: that delete is forgotten, but no row is
		}
		x.taken(key)
		*now = x.rows[key]
	}
	for _, e := range x.entries {
		key := n.w.keyOf(e.Row)
		stands := x.stands(key, &e)
		if e.Fate == version.Withdrawn {
			stands = n.db.versions[key].stands
		}
		written := x.rows[key].write == stands && stands != none
		x.mistaken(&e, written)
		if x.came.all[standing{key, e.Version}] == nil && e.Version != n.db.versions[key].Version {
			n.w.made++
		}
		n.record(key, e, stands)
		x.overtaken(key, &e)
		if n.w.mistake == NoTombstones && e.Fate == version.Deleted {
			n.db.versions[key].State = change.State{}
		}
		n.w.trace("%s applies %s: %d is %v", n.name, e.Key, stands, e.State)
	}
	var ids []uint64
	for _, e := range x.consumed {
		ids = append(ids, n.idOf(e))
	}
	n.db.drop(ids)
	for _, m := range x.marked {
		n.markAs(m)
	}
	n.checkKeys()
	n.wake() // even if the answer was lost: a sender that naps would look by itself
}

// overtaken notes deletes that lose to a write that did the same, as the transaction found or left it: a user may have inserted the
// row since.
func (x *session) overtaken(key int, e *version.Entry) {
	r := x.n.db.rows[key]
	if _, wrote := x.rows[key]; !wrote && r.exists {
		r = x.found[key]
	}
	for at, c := range x.came.all { // some came earlier and were set aside
		if at.key == key && at.Version != e.Version && c.Deleted() && c.write != none && !r.exists && r.write != c.write && (e.Knows(c.Version) || c.Version.IsDecided() && e.Seen.Covers(c.Seen)) {
			x.n.w.history[c.write].equal = true
		}
	}
}

// mistaken makes the mistakes in what is recorded.
func (x *session) mistaken(e *version.Entry, written bool) {
	switch came := x.came.now[e.Row]; {
	case x.n.w.mistake == NoPassOn && written:
		e.Position = 0
	case x.n.w.mistake == KeepCameFrom && len(came) > 0:
		e.From = came[len(came)-1].From
	case x.n.w.mistake == NoVectors:
		e.Seen = change.Vector{e.Version}
	case x.n.w.mistake == ForgetCounted:
		e.Counts = nil
	case x.n.w.mistake == ForgetAway && e.Fate == version.Deleted && e.Token < 0:
		e.Token = 0
	}
}

// stands returns the write for which a recorded version stands.
func (x *session) stands(key int, e *version.Entry) int {
	n, h := x.n, x.n.w.history
	if r, ok := x.rows[key]; ok {
		return r.write
	}
	if c := x.came.all[standing{key, e.Version}]; c != nil && c.Deleted() && !c.Withdrawn && !x.found[key].exists {
		switch now := &n.db.rows[key]; {
		case now.exists: // a user has inserted it since
			if c.write != none {
				h[now.write].upon = append(h[now.write].upon, c.write)
			}
		default:
			if now.write != none && now.write != c.write {
				h[now.write].equal = true
			}
			*now = row{write: c.write}
		}
		return c.write
	}
	stands := n.db.versions[key].stands
	for _, e := range n.db.changes {
		if slices.ContainsFunc(x.consumed, func(c capture.Entry) bool { return n.idOf(c) == e.id }) && e.key == key {
			if stands = e.write; n.binary != nil {
				stands = n.binary.writes[e.id]
			}
		}
	}
	return stands
}

// keep notes the loser of a conflict. Promise 4.
func (x *session) keep(e *losers.Entry) {
	n := x.n
	if n.w.merged != nil {
		if n.w.mistake != ForgetMerged {
			n.keepMerged(e)
		}
		return
	}
	row := change.Row{Table: e.Table.Name, Key: e.Key}
	winner, loser := x.side(row, e.Winner), x.side(row, e.Loser)
	h := n.w.history
	switch {
	case winner == none || loser == none || winner == loser:
		return
	case e.Policy == apply.ForeignKey:
		h[winner].early = true // goes out under a version that knows the loser
	default:
		n.w.conflict(winner, loser)
	}
	n.db.losers = append(n.db.losers, loser)
}

// side returns the write that made one of a conflict's rows: the transaction's own, whatever has come under its version since.
func (x *session) side(r change.Row, s losers.Side) int {
	if s.Values != nil {
		return x.n.writeOf(&change.Change{Columns: s.Columns, Values: s.Values})
	}
	return x.found[x.n.w.keyOf(r)].write
}

// writeOf returns the write that a change carries. Deletes carry one too, only for the simulation.
func (n *node) writeOf(c *change.Change) int {
	if !c.Deleted() {
		return writeIn(c.Values)
	}
	if len(c.Values) == 0 {
		return none // columns were merged
	}
	write, err := strconv.Atoi(string(c.Values[0]))
	if err != nil {
		return none
	}
	return write
}

// checkKeys checks that foreign and unique keys hold.
func (n *node) checkKeys() {
	codes := map[string]int{}
	for key, r := range n.db.rows {
		if p := r.value(ofParent); p != nil && !n.db.rows[n.w.named(string(p))].exists {
			n.w.fail("promise 7: %s of %s refers to %s, which does not exist", n.w.rows[key].Key, n.name, p)
		}
		if c := r.value(ofCode); c != nil {
			if other, ok := codes[string(c)]; ok {
				n.w.fail("promise 7: %s and %s of %s have the same code", n.w.rows[key].Key, n.w.rows[other].Key, n.name)
			}
			codes[string(c)] = key
		}
	}
}
