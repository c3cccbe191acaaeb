package simulation

import (
	"bytes"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/apply"
)

// Columns of the foreign key and the unique key.
var (
	childrenPlace = apply.Place{Table: children.Name, Columns: []string{"parent"}}
	codes         = apply.Place{Table: parents.Name, Columns: []string{"code"}}
)

// write makes a user's transaction on a node, if its server is up: a statement locks the row and fires the trigger; the commit
// or rollback comes some time later. What the trigger wrote becomes visible at the commit, with the statement's id and time.
func (w *world) write(n *node, key int) {
	if w.merged != nil {
		w.writeMerged(n, key)
		return
	}
	if s := w.statement(n, key); w.routes == nil || w.honest(n, key) {
		w.writeAs(n, key, s)
	}
}

// statement is what a user does to a row.
type statement struct {
	deleted       bool
	parent, code  []byte
	store, region []byte
	sum           []byte
}

// statement draws one.
func (w *world) statement(n *node, key int) (s statement) {
	if s.deleted = n.db.rows[key].exists && w.r.IntN(3) == 0 && !w.stays(key); s.deleted || !w.ties && w.routes == nil || key == w.private {
		return s
	}
	w.placed(key, &s)
	return s
}

// stays reports whether a routed row is not deleted: others may follow it. A site that inserts one of those while the row is
// taken from it, and deleted at once, waits for a person.
func (w *world) stays(key int) bool {
	return w.routes != nil && w.ties && w.rows[key].Table == parents.Name
}

// placed draws the values that place a row among others.
func (w *world) placed(key int, s *statement) {
	if w.rows[key].Table == parents.Name {
		if w.routes != nil {
			w.routing(s)
		} else if w.r.IntN(2) == 0 {
			s.code = []byte{'a' + byte(w.r.IntN(2))}
		}
		return
	}
	if to := w.r.IntN(w.keys); w.ties && w.rows[to].Table == parents.Name && to != w.private {
		s.parent = []byte(w.rows[to].Key)
	}
}

// writeAs makes a user wait for the row and for what it refers to. The user leaves out what the server refuses.
func (w *world) writeAs(n *node, key int, s statement) {
	if !n.serverUp {
		return
	}
	locks := []int{key}
	if s.parent != nil {
		locks = append(locks, w.named(string(s.parent)))
	}
	if slices.ContainsFunc(locks, func(key int) bool { return n.locks[key] != free }) {
		w.after(w.random(w.tempo.step), func() { w.writeAs(n, key, s) })
		return
	}
	if w.routes != nil && !w.honest(n, key) {
		return // it was taken away meanwhile
	}
	if s.deleted && !n.db.rows[key].exists {
		return // another user has deleted it meanwhile: no trigger fires
	}
	if s.parent != nil && !n.db.rows[locks[1]].exists {
		s.parent, locks = nil, locks[:1]
	}
	x := &session{n: n}
	if s.deleted && len(x.with(childrenPlace, []byte(w.rows[key].Key))) > 0 {
		return
	}
	if s.code != nil && !bytes.Equal(s.code, n.db.rows[key].value(ofCode)) && (n.codes[string(s.code)] != free || len(x.with(codes, s.code)) > 0) {
		s.code = nil
	}
	for _, key := range locks {
		n.locks[key] = user
	}
	if s.code != nil {
		n.codes[string(s.code)] = user
	}
	n.db.nextID++
	e := entry{id: n.db.nextID, key: key, written: n.clock(), gone: s.deleted}
	life := n.life
	w.after(w.random(w.tempo.transaction), func() {
		if n.life != life {
			return
		}
		if x := (&writing{n: n, key: key, s: s, locks: locks}); n.binary != nil {
			x.commits()
			return
		}
		n.unlock(locks)
		if s.code != nil {
			delete(n.codes, string(s.code))
		}
		if w.r.IntN(10) == 0 && !w.calm {
			return
		}
		e.write = w.commit(n, key, s)
		n.db.changes = append(n.db.changes, e)
		n.checkKeys()
		n.rouse(n.capturing)
	})
}

// commit writes the row and returns the write.
func (w *world) commit(n *node, key int, s statement) int {
	v := write{node: n.id, key: key, deleted: s.deleted}
	if before := n.db.rows[key].write; before != none {
		v.upon = []int{before}
	}
	w.history = append(w.history, v)
	id := len(w.history) - 1
	n.db.rows[key] = row{exists: !s.deleted, write: id}
	if !s.deleted {
		n.db.rows[key].values = stored(w.rows[key].Key, id, s)
	}
	w.trace("%s writes %s: %d upon %v, %+v", n.name, w.rows[key].Key, id, v.upon, s)
	return id
}
