package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// capture begins to move changes to the outbox, as capture.Run does.
func (n *node) capture() {
	if n.up && !n.capturing {
		n.capturing = true
		n.after(n.w.random(n.w.tempo.poll), n.captureRead)
	}
}

// captureRead reads some changes, in the order of their ids.
func (n *node) captureRead() {
	list := slices.Clone(n.db.changes)
	if n.w.mistake == CaptureByLastID {
		list = slices.DeleteFunc(list, func(e entry) bool { return e.id <= n.lastID })
	}
	slices.SortFunc(list, func(a, b entry) int { return int(a.id) - int(b.id) })
	list = list[:min(len(list), 1+n.w.r.IntN(5))]
	if len(list) == 0 {
		n.capturing = false
		return
	}
	n.lastID = max(n.lastID, list[len(list)-1].id)
	n.step(func() { n.captureRecord(list) })
}

// captureRecord gives the rows their versions and marks them, in one transaction.
func (n *node) captureRecord(list []entry) {
	if slices.ContainsFunc(list, func(e entry) bool { return n.latched[e.key] }) {
		n.step(func() { n.captureRecord(list) })
		return
	}
	ids := make([]uint64, len(list))
	for i, e := range list {
		ids[i] = e.id
	}
	if !n.db.drop(ids) {
		n.captureRead() // apply took some of them
		return
	}
	if n.w.mistake == CaptureThenMark {
		n.step(func() { n.captureMark(list) })
		return
	}
	n.captureMark(list)
}

func (n *node) captureMark(list []entry) {
	latest := map[int]entry{}
	var keys []int
	for _, e := range list {
		l, ok := latest[e.key]
		if !ok {
			keys = append(keys, e.key)
		}
		l.written, l.write = max(l.written, e.written), e.write
		latest[e.key] = l
	}
	for _, key := range keys {
		n.db.states[key] = n.next(n.db.states[key], latest[key].written)
		n.db.stands[key] = latest[key].write
		n.w.versions[key]++
		n.w.trace("%s captures %s: %d is %v", n.name, n.w.names[key], latest[key].write, n.db.states[key])
		for slot := range n.remotes {
			n.mark(slot, key)
		}
	}
	n.step(n.captureRead)
}

// next gives a row its version after a local write.
func (n *node) next(s change.State, written int64) change.State {
	switch n.w.mistake {
	case NoLogicalClock:
		next := conflict.Next(change.State{}, written, n.origin)
		return change.State{Version: next.Version, Seen: s.Seen.With(s.Version).With(next.Version)}
	case NoVectors:
		next := conflict.Next(s, written, n.origin)
		return change.State{Version: next.Version, Seen: change.Vector{next.Version}}
	}
	return conflict.Next(s, written, n.origin)
}
