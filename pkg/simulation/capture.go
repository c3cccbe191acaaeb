package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// capture moves changes to the stream, as capture.Capture does: in the order of their ids, those that are there.
func (n *node) capture() {
	for p := n.w.running; !p.dead; {
		list := n.changes()
		if len(list) == 0 {
			_ = n.nap(-1)
			_ = n.pause(n.w.random(n.w.tempo.poll))
			continue
		}
		_ = n.step()
		c := newCaptured(n, list)
		_ = n.stream.Decide(ctx, c.rows, c.write)
	}
}

// changes reads some.
func (n *node) changes() []entry {
	list := slices.Clone(n.db.changes)
	if n.w.mistake == CaptureByLastID {
		list = slices.DeleteFunc(list, func(e entry) bool { return e.id <= n.lastID })
	}
	slices.SortFunc(list, func(a, b entry) int { return int(a.id) - int(b.id) })
	list = list[:min(len(list), 1+n.w.r.IntN(5))]
	if len(list) > 0 {
		n.lastID = max(n.lastID, list[len(list)-1].id)
	}
	return list
}

// captured is a transaction of capture.
type captured struct {
	n      *node
	ids    []uint64
	keys   []int
	rows   []change.Row
	latest map[int]entry // of each key: the latest time, and the last write
}

func newCaptured(n *node, list []entry) *captured {
	c := &captured{n: n, latest: map[int]entry{}}
	for _, e := range list {
		l, ok := c.latest[e.key]
		if !ok {
			c.keys, c.rows = append(c.keys, e.key), append(c.rows, n.row(e.key))
		}
		e.written = max(l.written, e.written)
		c.latest[e.key] = e
		c.ids = append(c.ids, e.id)
	}
	return c
}

// write deletes the changes and gives the rows their versions, at the end of the stream.
func (c *captured) write(w *version.Writing) error {
	n := c.n
	for {
		if err := n.step(); err != nil {
			return err
		}
		if !n.blocked(c.keys) { // transactions that hang may have deleted them
			break
		}
	}
	if !n.db.has(c.ids) {
		return version.ErrNothing // apply took some of them
	}
	if n.w.mistake == CaptureThenRecord {
		n.db.drop(c.ids)
	}
	if err := n.step(); err != nil {
		return err
	}
	first := w.Positions(len(c.keys))
	next := make([]version.Entry, len(c.keys))
	for i, key := range c.keys {
		before, l := n.db.versions[key], c.latest[key]
		next[i] = version.Entry{Row: c.rows[i], State: n.next(before.State, l.written), Position: first + int64(i), Fate: version.There}
		if l.gone {
			next[i].Fate = version.Deleted
		}
		switch {
		case n.w.mistake == KeepPosition && before.position != 0:
			next[i].Position = before.position
		case n.w.mistake == KeepCameFrom:
			next[i].From = before.from
		}
	}
	return n.commit(&transaction{keys: c.keys, do: func() {
		n.db.drop(c.ids)
		for i, key := range c.keys {
			n.record(key, next[i], c.latest[key].write)
			n.w.versions[key]++
			n.w.trace("%s captures %s: %d is %v at %d", n.name, c.rows[i].Key, c.latest[key].write, next[i].State, next[i].Position)
		}
		n.wake()
	}})
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
