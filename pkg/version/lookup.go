package version

import (
	"context"
	"database/sql"
	"fmt"

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
//
// The rows of a table are one list in the statement: given as many conditions, the servers take longer to plan it than to
// run it.
func each(ctx context.Context, db mysqldb.Queryer, columns string, rows []change.Row, f func(of []change.Row) error, into ...any) error {
	if len(rows) == 0 {
		return nil
	}
	byID := map[string]map[string][]change.Row{}
	for _, r := range rows {
		if byID[r.Table] == nil {
			byID[r.Table] = make(map[string][]change.Row, len(rows))
		}
		id := r.ID()
		byID[r.Table][id] = append(byID[r.Table][id], r)
	}
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
	return q.Query(ctx, db, func(found *sql.Rows) error {
		if err := found.Scan(into...); err != nil {
			return err
		}
		if err := f(byID[string(table)][id]); err != nil {
			return fmt.Errorf("table %s, row %q: %w", table, id, err)
		}
		return nil
	})
}
