package simulation

// write makes a user's transaction on a node, if its server is up: a statement
// locks the row and fires the trigger, some time later comes the commit, or the
// rollback. What the trigger wrote becomes visible at the commit, under an id
// and a time that are those of the statement.
func (w *world) write(n *node, key int) {
	if !n.serverUp {
		return
	}
	if n.locks[key] != free {
		w.after(w.random(w.tempo.step), func() { w.write(n, key) })
		return
	}
	n.locks[key] = user
	n.db.nextID++
	deleted := n.db.rows[key].exists && w.r.IntN(3) == 0
	e := entry{id: n.db.nextID, key: key, written: n.clock(), gone: deleted}
	life := n.life
	w.after(w.random(w.tempo.transaction), func() {
		if n.life != life {
			return
		}
		n.locks[key] = free
		if w.r.IntN(10) == 0 {
			return
		}
		e.write = w.commit(n, key, deleted)
		n.db.changes = append(n.db.changes, e)
		n.rouse(n.capturing)
	})
}

// commit writes the row and returns the write.
func (w *world) commit(n *node, key int, deleted bool) int {
	v := write{node: n.id, key: key, deleted: deleted}
	if before := n.db.rows[key].write; before != none {
		v.upon = []int{before}
	}
	w.history = append(w.history, v)
	id := len(w.history) - 1
	n.db.rows[key] = row{exists: !deleted, write: id}
	w.trace("%s writes %s: %d upon %v, deleted %v", n.name, w.rows[key].Key, id, v.upon, deleted)
	return id
}
