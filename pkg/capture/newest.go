package capture

import (
	"database/sql"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Newest returns the rows that the entries name, in the order of their first entries, and for each its last entry, with
// the time of its latest write, the columns that any of them changed, and what they did to counters. Entries of one row
// come in the order of its changes, as far as their Source knows it. The order is unknown if several members of a cluster wrote the row, or if a
// write is dated before the one that it seems to follow, as when a server was restarted twice within a second and numbers
// its changes anew. Then the row in its current state tells what became of it.
func Newest(entries []Entry) ([]change.Row, map[change.Row]Entry) {
	last := make(map[change.Row]Entry, len(entries))
	rows := make([]change.Row, 0, len(entries))
	for _, e := range entries {
		row := e.Row.Identity()
		before, ok := last[row]
		if !ok {
			rows = append(rows, row)
		}
		e.unordered = ok && (before.unordered || before.Server != e.Server || e.Written < before.Written)
		if e.unordered && before.Gone != e.Gone {
			e.Gone = sql.NullBool{}
		}
		e.Written = max(before.Written, e.Written)
		if ok {
			e.Changed = both(before.Changed, e.Changed)
			e.Counted = slices.Concat(before.Counted, e.Counted)
		}
		last[row] = e
	}
	for i, row := range rows {
		rows[i] = last[row].Row // in its last spelling
	}
	return rows, last
}

// Versions returns what to record for rows and their last entries, as returned by Newest: writes by the given origin, at
// consecutive positions starting with first. counters returns those of a table; nil: no table has any.
func Versions(rows []change.Row, last map[change.Row]Entry, states map[change.Row]change.State, origin string, first int64, counters func(table string) []string) []version.Entry {
	list := make([]version.Entry, len(rows))
	for i, r := range rows {
		e := last[r.Identity()]
		var names []string
		if counters != nil {
			names = counters(r.Table)
		}
		state := states[r]
		state.Counts = state.Counts.Only(names)
		state = conflict.Wrote(state, e.Written, origin, e.Changed, Additions([]Entry{e}, names))
		list[i] = version.Entry{Row: r, State: state, Fate: e.fate(), Position: first + int64(i)}
	}
	return list
}

// fate is what became of the row.
func (e Entry) fate() version.Fate {
	switch {
	case !e.Gone.Valid:
		return version.Unknown
	case e.Gone.Bool:
		return version.Deleted
	}
	return version.There
}
