package simulation

// hostile is a store that answers nothing, and whose users write rows that it does not have. The hub may take a write of a row only if
// the row has been the store's, or nobody has recorded it yet.
type hostile struct {
	n   *node
	had []bool // by key
}

// hostile returns the hostile store; nil if all are honest.
func (w *world) hostile() *hostile {
	if w.routes == nil {
		return nil
	}
	return w.routes.hostile
}

// isHostile reports whether a node is the hostile store.
func (w *world) isHostile(n *node) bool {
	h := w.hostile()
	return h != nil && h.n == n
}

// taken checks that the hub has taken a row from the hostile store only if that had it, or nobody.
func (x *session) taken(key int) {
	w, h := x.n.w, x.n.w.hostile()
	r, ok := x.rows[key]
	if h == nil || x.n.id != 0 || !ok || r.write == none || w.history[r.write].node != h.n.id {
		return
	}
	x.n.gives(key, x.n.db.versions[key].label) // by the lookup table, perhaps only since it was recorded
	if x.n.db.rows[key].exists && x.n.db.versions[key].label != 0 && !h.had[key] {
		w.fail("routes: %s wrote %s, %+v, which it never had", h.n.name, w.rows[key].Key, x.n.db.rows[key])
	}
	h.had[key] = true
}

// gives notes that the hub gives the hostile store a row.
func (n *node) gives(key int, label uint32) {
	if h := n.w.hostile(); h != nil && n.id == 0 && n.router.To(n.row(key).Table, label, h.n.name) {
		h.had[key] = true
	}
}
