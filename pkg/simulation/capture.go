package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
)

// capture begins to move changes to the stream, as capture.Run does.
func (n *node) capture() {
	if n.ready && !n.capturing {
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
	c := &captured{n: n, latest: map[int]entry{}}
	for _, e := range list {
		l, ok := c.latest[e.key]
		if !ok {
			c.keys = append(c.keys, e.key)
		}
		l.written, l.write = max(l.written, e.written), e.write
		c.latest[e.key] = l
		c.ids = append(c.ids, e.id)
	}
	n.step(func() { n.latch(c.keys, c.drop) })
}

// captured is a transaction of capture.
type captured struct {
	n      *node
	ids    []uint64
	keys   []int
	latest map[int]entry // of each key: the latest time, and the last write
}

// drop deletes the changes. Transactions that hang may have done so.
func (c *captured) drop() {
	n := c.n
	switch {
	case n.blocked(c.keys):
		n.step(c.drop)
	case !n.db.has(c.ids):
		n.unlatch(c.keys)
		n.captureRead() // apply took some of them
	case n.w.mistake == CaptureThenRecord:
		n.db.drop(c.ids)
		n.step(c.record)
	default:
		n.step(c.record)
	}
}

// record gives the rows their versions, at the end of the stream.
func (c *captured) record() {
	n := c.n
	w := &writing{keys: c.keys}
	first := n.stream.positions(w, len(c.keys))
	next := make([]known, len(c.keys))
	for i, key := range c.keys {
		before, l := n.db.versions[key], c.latest[key]
		next[i] = known{State: n.next(before.State, l.written), position: first + int64(i), stands: l.write}
		switch {
		case n.w.mistake == KeepPosition && before.position != 0:
			next[i].position = before.position
		case n.w.mistake == KeepCameFrom:
			next[i].from = before.from
		}
	}
	w.commit = func() {
		n.db.drop(c.ids)
		for i, key := range c.keys {
			n.db.record(key, next[i])
			n.w.versions[key]++
			n.w.trace("%s captures %s: %d is %v at %d", n.name, n.w.names[key], next[i].stands, next[i].State, next[i].position)
		}
		n.wake()
	}
	n.finish(w, func(bool) {
		n.unlatch(c.keys)
		n.step(n.captureRead)
	})
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
