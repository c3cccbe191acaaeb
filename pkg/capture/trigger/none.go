package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// None implements capture.Glancer: one look at what lies between the first and the last of the keys. All that Ask could find lies there,
// of whatever table, so no local write is overlooked: promise 3.
func (s *Source) None(ctx context.Context, db mysqldb.Queryer, keys []string) (bool, error) {
	var q mysqldb.Statement
	q.SQL("SELECT 1 FROM table_changes FORCE INDEX (changed_row) WHERE primary_key BETWEEN ")
	q.Bytes([]byte(slices.Min(keys)))
	q.SQL(" AND ")
	q.Bytes([]byte(slices.Max(keys)))
	q.SQL(" LIMIT 1")
	none := true
	err := q.Query(ctx, db, func(*sql.Rows) error { none = false; return nil })
	if err != nil {
		return false, fmt.Errorf("look for local changes: %w", err)
	}
	return none, nil
}
