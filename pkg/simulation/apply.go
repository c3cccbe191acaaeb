package simulation

import (
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// errRefused is that of a transaction which a row has refused: the server has rolled it back.
var errRefused = fmt.Errorf("a row is refused: %w", version.ErrNothing)

// applying is a transaction that applies changes of different rows, in the order in which apply.Applier does it.
type applying struct {
	n      *node
	list   []incoming
	keys   []int // of the list
	found  []row // under lock
	locals []apply.Local
	stands []int // of each row, the latest write
	looked int   // local changes found at the last look
}

// try applies changes in one transaction.
func (n *node) try(list []incoming) error {
	t := &applying{n: n, list: list, found: make([]row, len(list)), locals: make([]apply.Local, len(list)), stands: make([]int, len(list))}
	rows := make([]change.Row, len(list))
	for i, c := range list {
		t.keys, rows[i] = append(t.keys, c.key), c.Row
	}
	return n.stream.Decide(ctx, rows, t.write)
}

func (t *applying) write(w *version.Writing) error {
	n := t.n
	if n.w.mistake == DecideBeforeLock {
		t.pending()
	}
	if err := t.look(); err != nil {
		return err
	}
	steps := make([]apply.Step, len(t.list))
	for i, c := range t.list {
		steps[i] = n.plan(&c.Incoming, t.locals[i])
	}
	if err := t.put(steps); err != nil {
		return err
	}
	if err := n.step(); err != nil {
		return err
	}
	entries, _ := apply.Entries(steps, n.needed, w.Positions)
	entries = t.mistaken(steps, entries, w)
	return n.commit(&transaction{keys: t.keys, locked: t.locked(), do: func() { t.commit(steps, entries) }})
}

// mistaken has the mistakes in what is recorded.
func (t *applying) mistaken(steps []apply.Step, entries []version.Entry, w *version.Writing) []version.Entry {
	for i := range steps {
		switch c := t.list[i]; {
		case t.n.w.mistake == PassOnKnown && steps[i].Decision == conflict.Known:
			entries = append(entries, version.Entry{Row: c.Row, State: steps[i].State, Position: w.Positions(1), From: c.From})
		case t.n.w.mistake == KeepCameFrom && steps[i].Decision != conflict.Known:
			at := slices.IndexFunc(entries, func(e version.Entry) bool { return e.Row == c.Row })
			entries[at].From = c.From
		}
	}
	return entries
}

// look locks the rows that exist, and reads versions and local changes that are not captured, until no row comes meanwhile.
func (t *applying) look() error {
	n := t.n
	for {
		if err := t.lock(); err != nil {
			return err
		}
		if err := n.step(); err != nil {
			return err
		}
		for i, c := range t.list {
			t.locals[i].State, t.locals[i].Fate = n.db.versions[c.key].State, version.Unknown
			if !t.found[i].exists {
				t.locals[i].Fate = n.db.versions[c.key].fate
			}
		}
		if err := n.step(); err != nil {
			return err
		}
		if n.w.mistake == DecideBeforeLock {
			return nil
		}
		came := t.pending()
		looked := 0
		for _, l := range t.locals {
			looked += len(l.Pending)
		}
		if !came || looked == t.looked || n.w.mistake == LockOnce {
			return n.step()
		}
		t.looked = looked
		n.unlock(t.locked()) // the row may be there by now
	}
}

// lock waits for those who hold the rows.
func (t *applying) lock() error {
	n := t.n
	for {
		if err := n.step(); err != nil {
			return err
		}
		if !slices.ContainsFunc(t.keys, func(key int) bool { return n.locks[key] != free }) {
			break
		}
	}
	for i, c := range t.list {
		t.found[i] = n.db.rows[c.key]
		t.locals[i].Exists, t.locals[i].Key = t.found[i].exists, ""
		if t.found[i].exists {
			n.locks[c.key], t.locals[i].Key = applier, c.Key
		}
	}
	return nil
}

// pending reads the local changes that are not captured, and returns whether one
// is of a row that was not there to be locked.
func (t *applying) pending() (came bool) {
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
	return apply.Plan(nil, in, l, n.clock(), n.origin, n.w.policy)
}

// put writes the rows, or is refused: by one that a user has inserted meanwhile,
// or because of what they refer to.
func (t *applying) put(steps []apply.Step) error {
	n := t.n
	inserts := func(i int) bool {
		return steps[i].Decision.Writes() && !t.list[i].Deleted() && !t.found[i].exists
	}
	waits := func(i int) bool { return inserts(i) && n.locks[t.keys[i]] == user }
	for slices.ContainsFunc(n.w.indexes[:len(t.keys)], waits) {
		if err := n.step(); err != nil {
			return err
		}
	}
	refused := false
	for i, key := range t.keys {
		refused = refused || inserts(i) && n.db.rows[key].exists || steps[i].Decision.Writes() && !n.w.calm && n.w.r.Float64() < n.w.refuse
	}
	if refused {
		n.unlock(t.locked())
		return errRefused
	}
	for i, key := range t.keys {
		if inserts(i) {
			n.locks[key] = applier
		}
	}
	return nil
}

// needed reports whether a remote needs what a step leaves.
func (n *node) needed(s *apply.Step) bool {
	if n.w.mistake == NoPassOn && s.Decision.Writes() {
		return false
	}
	return slices.ContainsFunc(n.links, func(l *link) bool { return s.News(l.to.name) })
}

// commit does all at once.
func (t *applying) commit(steps []apply.Step, entries []version.Entry) {
	n := t.n
	for i, c := range t.list {
		s := &steps[i]
		t.keepLoser(c.sent, s, t.found[i])
		stands := t.stands[i]
		if s.Decision.Writes() {
			n.replace(c.sent, t.found[i])
			stands = c.write
		}
		for _, e := range entries {
			if e.Row == c.Row {
				n.record(c.key, e, stands)
			}
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
		n.w.trace("%s applies %s from %s: %d as %v: decision %d", n.name, c.Key, c.From, c.write, c.State, s.Decision)
	}
	n.wake()
}

// locked returns the rows that the transaction has locked. One that was not there
// was not locked.
func (t *applying) locked() []int {
	var keys []int
	for _, key := range t.keys {
		if t.n.locks[key] == applier {
			keys = append(keys, key)
		}
	}
	return keys
}

// keepLoser keeps the version that lost a conflict, unless both are the same.
// Promise 4.
func (t *applying) keepLoser(c *sent, s *apply.Step, found row) {
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
