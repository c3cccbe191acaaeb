package simulation

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/outbox"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// row is what stands under a key: the write that made or deleted it.
type row struct {
	exists bool
	write  int
	values [][]byte // nil if deleted
}

// entry is a row of table_changes.
type entry struct {
	id      uint64
	key     int
	written int64 // by the node's clock, µs
	write   int
	gone    bool
	changed []string // nil: all columns
	counted []change.Counted
}

// known is a row of sync_versions.
type known struct {
	change.State
	fate     version.Fate
	position int64 // in the stream
	from     string
	stands   int // the write that the version was made for
	token    int64
	label    uint32
}

// mark is a row of sync_outbox; without a token it does not exist.
type mark struct {
	position    int64
	token       int64
	waiting     bool
	onlyMissing bool
	attempts    int
	retryAt     int64 // ms
	lost        bool  // the remote had the row
}

// remote is a row of sync_remotes, and what is marked for that remote and kept back from it.
type remote struct {
	registered bool
	place      outbox.Place
	marks      []mark // by key
	kept       map[string]int64
	wholes     map[string]whole // by table
}

// database is what survives a kill: all that was committed.
type database struct {
	rows     []row
	versions []known
	changes  []entry // table_changes
	remotes  []remote
	losers   []int   // writes that lost a conflict
	kept     []token // what was in them, where rows are merged
	nextID   uint64
	marked   int64 // a number that was handed out
	routed   routed
}

func newDatabase(keys, remotes int) database {
	d := database{rows: make([]row, keys), versions: make([]known, keys), remotes: make([]remote, remotes)}
	d.routed.tables, d.routed.regions = map[string]labelled{}, map[string][]string{}
	for i := range d.rows {
		d.rows[i].write, d.versions[i].stands = none, none
	}
	for i := range d.remotes {
		d.remotes[i].marks, d.remotes[i].kept = make([]mark, keys), map[string]int64{}
		d.remotes[i].wholes = map[string]whole{}
	}
	return d
}

// backup returns a copy. Its states are never changed in place.
func (d *database) backup() database {
	c := *d
	c.rows, c.versions, c.changes = slices.Clone(d.rows), slices.Clone(d.versions), slices.Clone(d.changes)
	c.routed = d.routed.backup()
	c.losers, c.kept, c.remotes = slices.Clone(d.losers), slices.Clone(d.kept), slices.Clone(d.remotes)
	for i := range c.remotes {
		c.remotes[i].marks, c.remotes[i].kept = slices.Clone(d.remotes[i].marks), maps.Clone(d.remotes[i].kept)
		c.remotes[i].wholes = maps.Clone(d.remotes[i].wholes)
	}
	return c
}

// record writes a version for which a write stands, as version.Write's statement does.
func (d *database) record(key int, e version.Entry, stands int) {
	before := &d.versions[key]
	v := known{e.State, e.Fate, e.Position, e.From, stands, cmp.Or(e.Token, before.token), cmp.Or(e.Label, before.label)}
	if e.Position == 0 && (before.position > 0 || before.Version == e.Version) {
		v.from = before.from
	}
	if e.Position == 0 {
		v.position = before.position
	}
	*before = v
}

// has reports whether all the changes are in table_changes.
func (d *database) has(ids []uint64) bool {
	found := 0
	for _, e := range d.changes {
		if slices.Contains(ids, e.id) {
			found++
		}
	}
	return found == len(ids)
}

// drop removes the changes from table_changes, if they are there.
func (d *database) drop(ids []uint64) {
	d.changes = slices.DeleteFunc(slices.Clone(d.changes), func(e entry) bool { return slices.Contains(ids, e.id) })
}

// lastPosition returns the highest position of all versions.
func (d *database) lastPosition() (last int64) {
	for i := range d.versions {
		last = max(last, d.versions[i].position)
	}
	return last
}
