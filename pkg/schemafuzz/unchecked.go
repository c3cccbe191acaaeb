package schemafuzz

import (
	"fmt"
	"slices"
	"strings"
)

// uncheck turns the server's checks off.
const uncheck = "SET foreign_key_checks = 0"

// unchecked does what programs do with foreign_key_checks=0. The transaction is strict: as a whole
// it leaves the tables consistent, in part it does not.
func (w *writer) unchecked(x *Transaction) {
	x.Strict = true
	x.add(uncheck)
	t := w.table()
	x.touch(w.schema, t)
	// A parent whose key is somebody else's would dangle itself.
	at := slices.IndexFunc(t.ForeignKeys, func(f ForeignKey) bool {
		return f.Parent != t && !slices.ContainsFunc(f.Parent.ForeignKeys, func(g ForeignKey) bool {
			return g.Parent != t && slices.ContainsFunc(g.Columns, func(at int) bool { return slices.Contains(f.Parent.Key, at) })
		})
	})
	switch {
	case at >= 0 && w.r.IntN(2) == 0:
		w.family(x, t, t.ForeignKeys[at])
	case w.r.IntN(2) == 0:
		w.remake(x, t)
	default:
		x.add(fmt.Sprintf("REPLACE INTO %[1]s (%[2]s, n, tok) SELECT %[2]s, n, %[3]s FROM %[1]s %[4]s LIMIT 1", t.Name, t.columns(), w.token(), w.mixed(t)))
	}
	x.add("SET foreign_key_checks = 1")
}

// remake deletes a row and inserts it again, leaving its children in place.
func (w *writer) remake(x *Transaction, t *Table) {
	order := w.mixed(t)
	x.add("DROP TEMPORARY TABLE IF EXISTS kept")
	x.add(fmt.Sprintf("CREATE TEMPORARY TABLE kept AS SELECT %s, n FROM %s %s LIMIT 1", t.columns(), t.Name, order))
	x.add(fmt.Sprintf("DELETE FROM %s %s LIMIT 1", t.Name, order))
	x.add(fmt.Sprintf("INSERT INTO %s (%s, n, tok) SELECT %s, n, %s FROM kept", t.Name, t.columns(), t.columns(), w.token()))
}

// family inserts a child before its parent, and in a ring the parent as a child of that.
func (w *writer) family(x *Transaction, child *Table, f ForeignKey) {
	x.touch(w.schema, f.Parent)
	own, others := map[int]string{}, map[int]string{}
	for i, at := range f.Columns {
		v := w.value(f.Parent, f.Parent.Key[i])
		own[at], others[f.Parent.Key[i]] = v, v
	}
	for _, back := range f.Parent.ForeignKeys {
		if back.Parent != child || back.Name == f.Name {
			continue
		}
		for i, at := range back.Columns {
			key := child.Key[i]
			v, mine := own[key]
			if !mine && w.foreign(child, key) {
				return // it would be the key of a third table's row
			}
			if theirs, done := others[at]; done && mine && v != theirs {
				return // no two rows fulfil both
			} else if done {
				v = theirs
			} else if !mine {
				v = w.value(child, key)
			}
			own[key], others[at] = v, v
		}
	}
	for _, at := range child.Key {
		if _, done := own[at]; !done && !w.foreign(child, at) {
			own[at] = w.value(child, at)
		}
	}
	x.add(w.exact(child, own))
	x.add(w.exact(f.Parent, others))
}

// foreign reports whether a column is part of a foreign key.
func (w *writer) foreign(t *Table, at int) bool {
	return slices.ContainsFunc(t.ForeignKeys, func(f ForeignKey) bool { return slices.Contains(f.Columns, at) })
}

// exact is an insert that refers only to existing rows, except through columns in fixed.
func (w *writer) exact(t *Table, fixed map[int]string) string {
	values, from := make([]string, len(t.Columns)), "(SELECT 1) one"
	for i, f := range t.ForeignKeys {
		if _, done := fixed[f.Columns[0]]; done {
			continue
		}
		// Without a parent the row is not inserted, or the columns are NULL, which may be an error.
		from += fmt.Sprintf(" LEFT JOIN (SELECT %s FROM %s %s LIMIT 1) p%d ON TRUE", f.Parent.list(f.Parent.Key), f.Parent.Name, w.mixed(f.Parent), i)
		for part, at := range f.Columns {
			values[at] = fmt.Sprintf("p%d.%s", i, f.Parent.Columns[f.Parent.Key[part]].Name)
		}
	}
	w.complete(t, values, fixed)
	return fmt.Sprintf("INSERT INTO %s (%s, n, tok) SELECT %s, %d, %s FROM %s", t.Name, t.columns(), strings.Join(values, ", "), w.r.IntN(100), w.token(), from)
}
