package sql

import (
	"context"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// mysqlDialect is the dialect of MySQL and MariaDB.
type mysqlDialect struct{ sqldb.Dialect }

func (mysqlDialect) begin(ctx context.Context, conn *sql.Conn) (func(), error) {
	// Read-only twice: a statement that ends the transaction itself is refused then, too.
	for _, statement := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }, nil
}

func (mysqlDialect) since(mark string) any { return mark }
