package main

import "fmt"

// kept is what the databases hold at the end.
type kept struct {
	rows    map[int64]string         // names, by id
	losers  map[string]bool          // names of rows in sync_conflicts
	deletes map[int64]map[string]int // losing versions in sync_conflicts that were deletions, by id and site
	seen    map[loser]bool           // the losing versions: both sites may keep the same one
}

// loser is a version that lost a conflict.
type loser struct {
	id     int64
	time   int64
	origin string
}

// missing returns a line for each committed write that is lost. A write is not lost if
//
//   - the row is as the write left it, or
//   - a later write was made with knowledge of it, or
//   - a site keeps it as a loser in sync_conflicts.
//
// And if a row still has a name that a committed write replaced, that write must be in
// sync_conflicts: otherwise it is lost. Deletions have no name: they are found by row and site.
func missing(writes []write, k kept) []string {
	var lost []string
	final := map[string]bool{}
	for _, name := range k.rows {
		final[name] = true
	}
	replaced := settled(writes, func(name string) bool { return final[name] || k.losers[name] })
	known := map[string]bool{}
	for _, w := range writes {
		known[w.name] = true
		seen := final[w.name] || k.losers[w.name] || replaced[w.name]
		switch {
		case w.doubt && (w.name == "" || !seen):
		case w.name != "" && !seen:
			lost = append(lost, fmt.Sprintf("row %d: %q is lost, and the row is %q", w.id, w.name, k.rows[w.id]))
		case w.over != "" && k.rows[w.id] == w.over && !k.losers[w.name] && k.deletes[w.id][w.site] == 0:
			lost = append(lost, fmt.Sprintf("row %d is still %q, though %s replaced that with %q", w.id, w.over, w.site, w.name))
		}
	}
	for id, name := range k.rows {
		if !known[name] {
			lost = append(lost, fmt.Sprintf("row %d is %q, which nobody wrote", id, name))
		}
	}
	return lost
}

// settled returns the names that were replaced by writes known to be committed: those not in doubt,
// and those that somebody has seen, if only a later write. A deletion in doubt counts too, since
// nobody can have seen it.
func settled(writes []write, seen func(name string) bool) map[string]bool {
	replaced := map[string]bool{}
	for more := true; more; {
		more = false
		for _, w := range writes {
			if !replaced[w.over] && (!w.doubt || w.name == "" || seen(w.name) || replaced[w.name]) {
				replaced[w.over] = true
				more = true
			}
		}
	}
	return replaced
}
