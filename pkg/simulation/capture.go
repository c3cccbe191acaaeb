package simulation

import (
	"cmp"
	"database/sql"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
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
	latest map[change.Row]capture.Entry
	writes map[int]int // of each key: the last write
}

func newCaptured(n *node, list []entry) *captured {
	c := &captured{n: n, writes: map[int]int{}}
	entries := make([]capture.Entry, len(list))
	for i, e := range list {
		entries[i] = capture.Entry{ID: e.id, Row: n.row(e.key), Written: e.written, Gone: sql.NullBool{Valid: true, Bool: e.gone}}
		c.ids, c.writes[e.key] = append(c.ids, e.id), e.write
	}
	c.rows, c.latest = capture.Newest(entries)
	for _, r := range c.rows {
		c.keys = append(c.keys, n.w.keyOf(r))
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
	states := map[change.Row]change.State{}
	for i, key := range c.keys {
		states[c.rows[i]] = n.db.versions[key].State
	}
	next := capture.Versions(c.rows, c.latest, states, n.origin, w.Positions(len(c.keys)))
	for i, key := range c.keys {
		n.mistaken(&next[i], n.db.versions[key], c.latest[c.rows[i].Identity()].Written)
	}
	return n.commit(&transaction{keys: c.keys, do: func() {
		n.db.drop(c.ids)
		for i, key := range c.keys {
			n.record(key, next[i], c.writes[key])
			n.w.versions[key]++
			n.w.trace("%s captures %s: %d is %v at %d", n.name, c.rows[i].Key, c.writes[key], next[i].State, next[i].Position)
		}
		n.wake()
	}})
}

// mistaken has the mistakes in what is recorded of a row that had a version before.
func (n *node) mistaken(e *version.Entry, before known, written int64) {
	switch n.w.mistake {
	case KeepPosition:
		e.Position = cmp.Or(before.position, e.Position)
	case KeepCameFrom:
		e.From = before.from
	case NoLogicalClock:
		e.State = conflict.Next(change.State{}, written, n.origin)
		e.Seen = before.Seen.With(before.Version).With(e.Version)
	case NoVectors:
		e.Seen = change.Vector{e.Version}
	}
}
