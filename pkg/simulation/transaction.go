package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// transaction applies changes of different rows, as apply.Applier does.
type transaction struct {
	n      *node
	list   []incoming
	keys   []int // of the list
	found  []row // under lock
	locals []apply.Local
	stands []int // of each row, the latest write
	looked int   // local changes found at the last look
	done   func(ok bool)
	again  func() // nobody knows what became of it
}

// begin waits for the transactions that may still commit: what it decides by must
// not change.
func (t *transaction) begin() {
	t.n.settle(func() {
		if t.n.w.mistake == DecideBeforeLock {
			t.pending()
		}
		t.n.step(t.lock)
	})
}

// lock locks the rows that exist, and waits for those who hold them.
func (t *transaction) lock() {
	n := t.n
	for _, c := range t.list {
		if n.locks[c.key] != free {
			n.step(t.lock)
			return
		}
	}
	for i, c := range t.list {
		t.found[i] = n.db.rows[c.key]
		t.locals[i].Exists = t.found[i].exists
		if t.found[i].exists {
			n.locks[c.key] = applier
		}
	}
	n.step(t.versions)
}

func (t *transaction) versions() {
	for i, c := range t.list {
		t.locals[i].State = t.n.db.versions[c.key].State
	}
	t.n.step(t.plan)
}

// pending reads the local changes that are not captured, and returns whether one
// is of a row that was not there to be locked.
func (t *transaction) pending() (came bool) {
	for i, c := range t.list {
		l := &t.locals[i]
		l.Pending, l.Written = nil, 0
		t.stands[i] = t.n.db.versions[c.key].stands
		for _, e := range t.n.db.changes {
			if e.key == c.key {
				l.Pending = append(l.Pending, e.id)
				l.Written = max(l.Written, e.written)
				t.stands[i] = e.write
			}
		}
		came = came || !l.Exists && len(l.Pending) > 0
	}
	return came
}

// plan decides, by the real code.
func (t *transaction) plan() {
	n := t.n
	if n.w.mistake != DecideBeforeLock {
		came := t.pending()
		looked := 0
		for _, l := range t.locals {
			looked += len(l.Pending)
		}
		if came && looked != t.looked && n.w.mistake != LockOnce {
			t.looked = looked
			t.unlock()
			t.lock() // the row may be there by now
			return
		}
	}
	steps := make([]apply.Step, len(t.list))
	for i, c := range t.list {
		steps[i] = n.plan(&c.Incoming, t.locals[i])
	}
	n.step(func() { t.write(steps) })
}

// plan calls apply.Plan, as wrongly as the mistake wants it.
func (n *node) plan(in *apply.Incoming, l apply.Local) apply.Step {
	switch n.w.mistake {
	case IgnorePending:
		l.Pending = nil
	case DecideByArrival:
		if l.State.Version != in.Version {
			l.State, l.Pending = change.State{}, nil
		}
	case LaterKnowsAll:
		if in.Version.Compare(l.State.Version) > 0 {
			c := *in
			c.Seen = c.Seen.Merge(l.State.Seen).With(l.State.Version)
			in = &c
		}
	}
	return apply.Plan(nil, in, l, n.clock(), n.origin, conflict.Policy{})
}

// write writes the rows, or is refused: by one that a user has inserted meanwhile,
// or because of what they refer to.
func (t *transaction) write(steps []apply.Step) {
	n := t.n
	insert := func(i int) bool { return steps[i].Decision.Writes() && !t.list[i].Deleted() && !t.found[i].exists }
	refused := false
	for i, key := range t.keys {
		if insert(i) && n.locks[key] == user {
			n.step(func() { t.write(steps) })
			return
		}
		refused = refused || insert(i) && n.db.rows[key].exists || steps[i].Decision.Writes() && !n.w.calm && n.w.r.Float64() < n.w.refuse
	}
	if refused {
		t.unlock()
		n.unlatch(t.keys)
		t.done(false)
		return
	}
	for i, key := range t.keys {
		if insert(i) {
			n.locks[key] = applier
		}
	}
	n.step(func() { t.record(steps) })
}

// record writes the versions, as apply's record does, and commits.
func (t *transaction) record(steps []apply.Step) {
	n := t.n
	w := &writing{keys: t.keys, locked: t.locked()}
	entries := make([]known, len(steps))
	first := int64(0)
	for i := range steps {
		s, from := &steps[i], t.list[i].From
		e := known{State: s.State, stands: t.stands[i]}
		if s.Decision.Writes() {
			e.stands = t.list[i].write
		}
		if n.news(s) {
			if first == 0 {
				first = n.stream.positions(w, len(steps))
			}
			e.position = first + int64(i)
			if made := s.News(from); !made || n.w.mistake == KeepCameFrom {
				e.from = from
			}
		}
		entries[i] = e
	}
	w.commit = func() { t.commit(steps, entries) }
	t.finish(w)
}

func (t *transaction) finish(w *writing) {
	n := t.n
	if n.blocked(t.keys) {
		n.step(func() { t.finish(w) })
		return
	}
	n.finish(w, func(ok bool) {
		n.unlatch(t.keys)
		if ok {
			t.done(true)
		} else {
			n.step(t.again)
		}
	})
}

// news reports whether a remote needs what a step leaves.
func (n *node) news(s *apply.Step) bool {
	switch {
	case n.w.mistake == PassOnKnown && s.Decision == conflict.Known:
		return true
	case n.w.mistake == NoPassOn && s.Decision.Writes():
		return false
	}
	return slices.ContainsFunc(n.remotes, func(r int) bool { return s.News(n.w.nodes[r].name) })
}

// commit does all at once.
func (t *transaction) commit(steps []apply.Step, entries []known) {
	n := t.n
	for i, c := range t.list {
		s := &steps[i]
		t.keepLoser(c.sent, s, t.found[i])
		if s.Decision.Writes() {
			n.replace(c.sent, t.found[i])
		}
		if s.Decision != conflict.Known || entries[i].position != 0 {
			n.db.record(c.key, entries[i])
		}
		if s.Decision == conflict.Lose && len(s.Consumed) > 0 {
			n.w.versions[c.key]++
		}
		n.db.drop(s.Consumed)
		switch {
		case n.w.mistake == NoTombstones && s.Decision.Writes() && c.Deleted():
			n.db.versions[c.key].State = change.State{}
		case n.w.mistake == NoVectors && s.Decision != conflict.Known:
			n.db.versions[c.key].Seen = change.Vector{s.State.Version}
		}
		n.w.trace("%s applies %s from %s: %d as %v: decision %d, at %d", n.name, c.Key, c.From, c.write, c.State, s.Decision, entries[i].position)
	}
	n.wake()
}

// locked returns the rows that the transaction has locked. One that was not there
// was not locked.
func (t *transaction) locked() []int {
	var keys []int
	for _, key := range t.keys {
		if t.n.locks[key] == applier {
			keys = append(keys, key)
		}
	}
	return keys
}

func (t *transaction) unlock() { t.n.unlock(t.locked()) }

// keepLoser keeps the version that lost a conflict, unless both are the same.
// Promise 4.
func (t *transaction) keepLoser(c *sent, s *apply.Step, found row) {
	if !s.Decision.Conflict() || found.write == none || c.write == none {
		return
	}
	winner, loser := c.write, found.write
	if s.Decision == conflict.Lose {
		winner, loser = loser, winner
	}
	h := t.n.w.history
	if winner == loser || h[winner].deleted && h[loser].deleted {
		h[loser].equal = h[loser].equal || winner != loser
		return
	}
	t.n.db.losers = append(t.n.db.losers, loser)
	t.n.w.conflict(winner, loser)
}

// replace writes the row. Where there was none to be locked, users may have
// written meanwhile: one that they inserted is left by a delete, and came after
// it; one that they inserted and deleted again does not keep the incoming row
// out. That delete is forgotten, but no row is.
func (n *node) replace(c *sent, found row) {
	now := &n.db.rows[c.key]
	h := n.w.history
	switch {
	case c.Deleted() && !found.exists && now.exists:
		if c.write != none {
			h[now.write].upon = append(h[now.write].upon, c.write)
		}
		return
	case !found.exists && now.write != found.write:
		h[now.write].equal = true
	}
	*now = row{exists: !c.Deleted(), write: c.write}
}
