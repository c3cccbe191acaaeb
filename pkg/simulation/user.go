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
func (w *world) write(n *node, key int) { w.writeAs(n, key, w.statement(n, key)) }

// statement is what a user does to a row.
type statement struct {
	deleted      bool
	parent, code []byte
}

// statement draws one.
func (w *world) statement(n *node, key int) (s statement) {
	if s.deleted = n.db.rows[key].exists && w.r.IntN(3) == 0; s.deleted || !w.ties || key == w.private {
		return s
	}
	if w.rows[key].Table == parents.Name {
		if w.r.IntN(2) == 0 {
			s.code = []byte{'a' + byte(w.r.IntN(2))}
		}
		return s
	}
	if to := w.r.IntN(w.keys); w.rows[to].Table == parents.Name && to != w.private {
		s.parent = []byte(w.rows[to].Key)
	}
	return s
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
		n.db.rows[key].values = stored(w.rows[key].Key, id, s.parent, s.code)
	}
	w.trace("%s writes %s: %d upon %v, %+v", n.name, w.rows[key].Key, id, v.upon, s)
	return id
}
