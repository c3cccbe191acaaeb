package capture

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Uncaptured returns those rows of one table that a trigger has noted since they were recorded last.
func Uncaptured(ctx context.Context, db mysqldb.Queryer, rows []change.Row) (map[change.Row]bool, error) {
	noted := map[change.Row]bool{}
	if len(rows) == 0 {
		return noted, nil
	}
	table := rows[0].Table
	args := []any{table}
	byKey := make(map[string]change.Row, len(rows))
	for _, r := range rows {
		args = append(args, []byte(r.Key))
		byKey[r.Key] = r
	}
	err := mysqldb.Each(ctx, db, `SELECT primary_key FROM table_changes WHERE table_name = ? AND primary_key IN (`+mysqldb.List(len(rows))+`)`, args, func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		noted[byKey[key]] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read changes of %s: %w", table, err)
	}
	return noted, nil
}
