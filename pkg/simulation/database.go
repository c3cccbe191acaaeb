package simulation

import (
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// row is what stands under a key: the write that made it, or that deleted it.
type row struct {
	exists bool
	write  int
}

// entry is a row of table_changes.
type entry struct {
	id      uint64
	key     int
	written int64 // by the node's clock, µs
	write   int
}

// mark is a row of sync_outbox; the zero mark is none.
type mark struct {
	token    int64
	waiting  bool
	attempts int
}

// database is what a kill leaves: all that was committed.
type database struct {
	rows    []row
	states  []change.State
	stands  []int    // of each version, the write it was made for
	changes []entry  // table_changes
	outbox  [][]mark // of each remote, by key
	journal []int    // writes that lost a conflict
	nextID  uint64
	token   int64
}

func newDatabase(keys, remotes int) database {
	d := database{rows: make([]row, keys), states: make([]change.State, keys), stands: make([]int, keys), outbox: make([][]mark, remotes)}
	for i := range d.rows {
		d.rows[i].write, d.stands[i] = none, none
	}
	for i := range d.outbox {
		d.outbox[i] = make([]mark, keys)
	}
	return d
}

// backup returns a copy. States are never changed in place.
func (d *database) backup() database {
	c := *d
	c.rows, c.states, c.stands, c.changes = slices.Clone(d.rows), slices.Clone(d.states), slices.Clone(d.stands), slices.Clone(d.changes)
	c.journal = slices.Clone(d.journal)
	c.outbox = make([][]mark, len(d.outbox))
	for i := range c.outbox {
		c.outbox[i] = slices.Clone(d.outbox[i])
	}
	return c
}

// mark marks a key for a remote, as outbox.Mark does.
func (d *database) mark(remote, key int) {
	d.token++
	d.outbox[remote][key] = mark{token: d.token}
}

// drop takes changes out of table_changes. It does nothing and returns false if
// some are gone already.
func (d *database) drop(ids []uint64) bool {
	rest := slices.DeleteFunc(slices.Clone(d.changes), func(e entry) bool { return slices.Contains(ids, e.id) })
	if len(d.changes)-len(rest) != len(ids) {
		return false
	}
	d.changes = rest
	return true
}
