package version

import "github.com/mysql-sync/mysql-sync/pkg/mysqldb"

// alikeLeast is from how many entries on it pays to tell the server what they share only once.
const alikeLeast = 20

// alike reports whether entries differ in nothing but their row.
func alike(entries []Entry, w width) bool {
	if len(entries) < alikeLeast || w.seen || w.made || w.counts || w.keys || w.routed {
		return false
	}
	first := &entries[0]
	for i := range entries {
		e := &entries[i]
		if e.Table != first.Table || e.Version != first.Version || e.Fate != first.Fate || e.Position != first.Position || e.From != first.From {
			return false
		}
	}
	return true
}

// addAlike appends a query of entries that are alike.
func addAlike(q *mysqldb.Statement, rowValue string, entries []Entry, w width) {
	q.Grow(32 * len(entries))
	first := &entries[0]
	q.SQL("SELECT ")
	q.Text([]byte(first.Table))
	q.SQL(", v.id, ")
	q.Int(first.Version.Time)
	q.SQL(", ")
	q.Text([]byte(first.Version.Origin))
	q.SQL(", ")
	q.Int(int64(first.Fate))
	q.SQL(", ")
	q.Int(first.Position)
	if w.from {
		q.SQL(", ")
		q.Text([]byte(first.From))
	}
	var b []byte
	for i := range entries {
		switch i {
		case 0:
			q.SQL(" FROM (SELECT ")
		case 1:
			q.SQL(" AS id UNION ALL VALUES " + rowValue)
		default:
			q.SQL(")," + rowValue)
		}
		b = append(b[:0], entries[i].ID()...)
		q.Bytes(b)
	}
	q.SQL(")) v")
}
