package version

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// column reads a column of the versions of rows.
func column[T any](ctx context.Context, db mysqldb.Queryer, name string, rows []change.Row) (map[change.Row]T, error) {
	values := make(map[change.Row]T, len(rows))
	var value T
	err := each(ctx, db, name, rows, func(of []change.Row) error {
		for _, r := range of {
			values[r] = value
		}
		return nil
	}, &value)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return values, nil
}

// each reads columns of the versions of rows into variables, and then calls f with the row, in all of its given spellings.
// Of many rows of a table, only those are looked up that are known, if that is quickly said.
func each(ctx context.Context, db mysqldb.Queryer, columns string, rows []change.Row, f func(of []change.Row) error, into ...any) error {
	byID := sortByID(rows)
	for table, ids := range byID {
		if len(ids) < manyRows {
			continue
		}
		known, err := knownOf(ctx, db, table, ids)
		if err != nil {
			return err
		}
		if byID[table] = known; len(known) == 0 {
			delete(byID, table)
		}
	}
	if len(byID) == 0 {
		return nil
	}
	q, scan := ask(columns, byID, f, into...)
	return q.Query(ctx, db, scan)
}

// rowsByID are rows, in all of their given spellings, by table and ID.
type rowsByID map[string]map[string][]change.Row

func sortByID(rows []change.Row) rowsByID {
	byID := rowsByID{}
	for _, r := range rows {
		if byID[r.Table] == nil {
			byID[r.Table] = make(map[string][]change.Row, len(rows))
		}
		id := r.ID()
		byID[r.Table][id] = append(byID[r.Table][id], r)
	}
	return byID
}

// ask returns the query for columns of the versions of at least one row, and what takes its rows.
//
// The rows of a table are one list in the statement: given as many conditions, the servers take longer to plan it than to
// run it.
func ask(columns string, byID rowsByID, f func(of []change.Row) error, into ...any) (*mysqldb.Statement, func(*sql.Rows) error) {
	var q mysqldb.Statement
	q.SQL("SELECT table_name, row_id, " + columns + " FROM sync_versions")
	between := " WHERE "
	if len(byID) > 1 {
		between = " FORCE INDEX (PRIMARY) WHERE "
	}
	var key []byte
	for table, ids := range byID {
		q.SQL(between + "(table_name = ")
		q.Text([]byte(table))
		between = " AND row_id IN ("
		for id := range ids {
			key = append(key[:0], id...)
			q.SQL(between)
			q.Bytes(key)
			between = ","
		}
		q.SQL("))")
		between = " OR "
	}
	var table sql.RawBytes
	var id string
	into = append([]any{&table, &id}, into...)
	return &q, func(found *sql.Rows) error {
		if err := found.Scan(into...); err != nil {
			return err
		}
		if err := f(byID[string(table)][id]); err != nil {
			return fmt.Errorf("table %s, row %q: %w", table, id, err)
		}
		return nil
	}
}

// manyRows is from how many rows of a table on it is asked first which of them have versions.
const manyRows = 50

// knownOf returns those of the rows that have versions, or all if it is quicker to look up each: new rows mostly have keys
// above all others, so there are few versions near them, and one look there spares as many as there are rows. If there
// are more than a fourth, it is given up.
func knownOf(ctx context.Context, db mysqldb.Queryer, table string, ids map[string][]change.Row) (map[string][]change.Row, error) {
	few := len(ids) / 4
	var q mysqldb.Statement
	q.SQL("SELECT row_id FROM sync_versions FORCE INDEX (PRIMARY) WHERE table_name = ")
	q.Text([]byte(table))
	between := " AND (row_id BETWEEN "
	for run := range runs(slices.Sorted(maps.Keys(ids))) {
		q.SQL(between)
		q.Bytes([]byte(run[0]))
		q.SQL(" AND ")
		q.Bytes([]byte(run[len(run)-1]))
		between = " OR row_id BETWEEN "
	}
	q.SQL(") LIMIT ")
	q.Int(int64(few + 1))
	known, near := map[string][]change.Row{}, 0
	err := q.Query(ctx, db, func(found *sql.Rows) error {
		var id sql.RawBytes
		err := found.Scan(&id)
		if rows := ids[string(id)]; rows != nil {
			known[string(id)] = rows
		}
		near++
		return err
	})
	if err != nil {
		return nil, err
	}
	if near > few {
		return ids, nil
	}
	return known, nil
}

// mostRuns bounds how many runs a list of IDs is taken for.
const mostRuns = 16

// runs yields the sorted IDs in runs that begin where one has least in common with the one before it: where several users
// write, each his own rows, and where numbers get longer, since 10 lies between 1 and 2.
func runs(ids []string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var cuts [change.LongestID + 1]int // by how much neighbours have in common
		for i := 1; i < len(ids); i++ {
			cuts[common(ids[i-1], ids[i])]++
		}
		most, n := 0, 1
		for most < len(cuts) && n+cuts[most] <= mostRuns {
			n += cuts[most]
			most++
		}
		from := 0
		for i := 1; i < len(ids); i++ {
			if common(ids[i-1], ids[i]) < most {
				if !yield(ids[from:i]) {
					return
				}
				from = i
			}
		}
		yield(ids[from:])
	}
}

// common returns how many bytes two IDs have in common at their beginnings.
func common(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
