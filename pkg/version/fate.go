package version

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Fate is what became of a row as of its known version. A row that existed then and is missing now has vanished: no
// trigger saw it go, as with TRUNCATE. Its version no longer holds: it is not a delete, and does not keep out anyone
// else's row.
type Fate uint8

// The fates, as the column deleted of sync_versions stores them.
const (
	Unknown Fate = iota // as in versions written by older releases
	Deleted
	There
	// Withdrawn is the fate of a row that a sender has taken away from this node and that others still have.
	Withdrawn
)

// Elsewhere reports whether a row that is missing here was not deleted but has vanished or was withdrawn.
func (f Fate) Elsewhere() bool { return f == There || f == Withdrawn }

// Fates returns the fates of rows, which may be of several tables. A fate means something only if the row is missing.
func Fates(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]Fate, error) {
	return column[Fate](ctx, db, "deleted", rows)
}

// From returns the clients that the versions of rows came from; empty for versions made here.
func From(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]string, error) {
	return column[string](ctx, db, "came_from", rows)
}

// Tokens returns, for each row, the token of the last word about whether this node has it: negative if that was
// that it has not, 0 if there was none.
func Tokens(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]int64, error) {
	return column[int64](ctx, db, "token", rows)
}

// Labels returns the labels by which rows were last routed; 0 for rows that were not.
func Labels(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]uint32, error) {
	return column[uint32](ctx, db, "label", rows)
}

// column reads a column of the versions of rows.
func column[T any](ctx context.Context, db mysqldb.Queryer, name string, rows []change.Row) (map[change.Row]T, error) {
	values := make(map[change.Row]T, len(rows))
	if len(rows) == 0 {
		return values, nil
	}
	byID := make(map[change.Row][]change.Row, len(rows))
	var q mysqldb.Statement
	q.SQL("SELECT table_name, row_id, " + name + " FROM sync_versions WHERE ")
	for i, r := range rows {
		id := change.Row{Table: r.Table, Key: r.ID()}
		byID[id] = append(byID[id], r)
		if i > 0 {
			q.SQL(" OR ")
		}
		q.SQL("table_name = ")
		q.Text([]byte(id.Table))
		q.SQL(" AND row_id = ")
		q.Bytes([]byte(id.Key))
	}
	err := q.Query(ctx, db, func(found *sql.Rows) error {
		var id change.Row
		var value T
		err := found.Scan(&id.Table, &id.Key, &value)
		for _, r := range byID[id] {
			values[r] = value
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	return values, nil
}
