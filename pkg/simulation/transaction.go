package simulation

import (
	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// transaction applies changes of different rows, as apply.Applier does.
type transaction struct {
	n      *node
	list   []incoming
	found  []row // under lock
	locals []apply.Local
	stands []int // of each row, the latest write
	looked int   // local changes found at the last look
	done   func(ok bool)
}

// lock locks the rows that exist, and waits for the users who hold them.
func (t *transaction) lock() {
	n := t.n
	for _, c := range t.list {
		if n.locks[c.key] == user {
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
		t.locals[i].State = t.n.db.states[c.key]
	}
	t.n.step(t.plan)
}

// pending reads the local changes that are not captured, and returns whether one
// is of a row that was not there to be locked.
func (t *transaction) pending() (came bool) {
	for i, c := range t.list {
		l := &t.locals[i]
		l.Pending, l.Written = nil, 0
		t.stands[i] = t.n.db.stands[c.key]
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
	n.step(func() { t.commit(steps) })
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
	return apply.Plan(nil, in, l, n.origin)
}

// commit writes rows, versions and marks, or is refused by a row that a user has
// inserted meanwhile.
func (t *transaction) commit(steps []apply.Step) {
	n := t.n
	for i, c := range t.list {
		if !steps[i].Decision.Writes() || c.Deleted() || t.found[i].exists {
			continue
		}
		if n.locks[c.key] == user {
			n.step(func() { t.commit(steps) })
			return
		}
		if n.db.rows[c.key].exists {
			t.unlock()
			t.unlatch()
			t.done(false)
			return
		}
	}
	for i, c := range t.list {
		t.keepLoser(c.sent, &steps[i], t.found[i])
		t.write(i, &steps[i])
		n.w.trace("%s applies %s from %s: %d as %v: decision %d", n.name, c.Key, c.From, c.write, c.State, steps[i].Decision)
	}
	t.unlock()
	t.unlatch()
	t.done(true)
}

// unlock gives back the locks. A row that was not there was not locked.
func (t *transaction) unlock() {
	for _, c := range t.list {
		if t.n.locks[c.key] == applier {
			t.n.locks[c.key] = free
		}
	}
}

func (t *transaction) unlatch() {
	for _, c := range t.list {
		t.n.latched[c.key] = false
	}
}

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
	t.n.db.journal = append(t.n.db.journal, loser)
	t.n.w.conflict(winner, loser)
}

func (t *transaction) write(i int, s *apply.Step) {
	n, c := t.n, t.list[i]
	if s.Decision != conflict.Known {
		n.db.states[c.key], n.db.stands[c.key] = s.State, t.stands[i]
	}
	if s.Decision.Writes() {
		n.db.stands[c.key] = c.write
		n.replace(c.sent, t.found[i])
	}
	if s.Decision == conflict.Lose && len(s.Consumed) > 0 {
		n.w.versions[c.key]++
	}
	n.db.drop(s.Consumed)
	switch {
	case n.w.mistake == NoTombstones && s.Decision.Writes() && c.Deleted():
		n.db.states[c.key] = change.State{}
	case n.w.mistake == NoVectors && s.Decision != conflict.Known:
		n.db.states[c.key].Seen = change.Vector{s.State.Version}
	}
	for slot, r := range n.remotes {
		if s.News(n.w.nodes[r].name) && n.w.mistake != NoPassOn || n.w.mistake == PassOnKnown && s.Decision == conflict.Known {
			n.mark(slot, c.key)
		}
	}
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
