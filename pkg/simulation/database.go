package simulation

import (
	"cmp"
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

// known is a row of sync_versions.
type known struct {
	change.State
	position int64 // in the stream
	from     string
	stands   int // the write that the version was made for
}

// mark is a row of sync_outbox; the zero mark is none.
type mark struct {
	position int64
	token    int64
	waiting  bool
	attempts int
	retryAt  int64
}

// remote is a row of sync_remotes, and what is marked for that remote, by key.
type remote struct {
	registered bool
	acked      int64
	marks      []mark
	all        whole
}

// database is what a kill leaves: all that was committed.
type database struct {
	rows     []row
	versions []known
	changes  []entry // table_changes
	remotes  []remote
	losers   []int // writes that lost a conflict
	nextID   uint64
}

func newDatabase(keys, remotes int) database {
	d := database{rows: make([]row, keys), versions: make([]known, keys), remotes: make([]remote, remotes)}
	for i := range d.rows {
		d.rows[i].write, d.versions[i].stands = none, none
	}
	for i := range d.remotes {
		d.remotes[i].marks = make([]mark, keys)
	}
	return d
}

// backup returns a copy. States are never changed in place.
func (d *database) backup() database {
	c := *d
	c.rows, c.versions, c.changes = slices.Clone(d.rows), slices.Clone(d.versions), slices.Clone(d.changes)
	c.losers, c.remotes = slices.Clone(d.losers), slices.Clone(d.remotes)
	for i := range c.remotes {
		c.remotes[i].marks = slices.Clone(d.remotes[i].marks)
	}
	return c
}

// record writes a version, as version.Write does.
func (d *database) record(key int, v known) {
	if v.position == 0 {
		v.position, v.from = d.versions[key].position, d.versions[key].from
	}
	d.versions[key] = v
}

// stream returns the first rows after a position, up to another, in order.
func (d *database) stream(after, upTo int64, limit int) []int {
	var keys []int
	for key, v := range d.versions {
		if v.position > after && v.position <= upTo {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b int) int { return cmp.Compare(d.versions[a].position, d.versions[b].position) })
	return keys[:min(len(keys), limit)]
}

// has reports whether changes are all in table_changes.
func (d *database) has(ids []uint64) bool {
	found := 0
	for _, e := range d.changes {
		if slices.Contains(ids, e.id) {
			found++
		}
	}
	return found == len(ids)
}

// drop takes those of the changes that are there out of table_changes.
func (d *database) drop(ids []uint64) {
	d.changes = slices.DeleteFunc(slices.Clone(d.changes), func(e entry) bool { return slices.Contains(ids, e.id) })
}

// lastPosition is the highest one of all versions.
func (d *database) lastPosition() (last int64) {
	for i := range d.versions {
		last = max(last, d.versions[i].position)
	}
	return last
}
