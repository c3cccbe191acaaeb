package sql

import (
	"context"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// mysqlDialect is the dialect of MySQL and MariaDB.
type mysqlDialect struct{ sqldb.Dialect }

func (mysqlDialect) begin(ctx context.Context, conn *sql.Conn) (func(), error) {
	// Read-only twice, so that a statement that ends the transaction is refused too.
	for _, statement := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }, nil
}

// unpreparable is ER_UNSUPPORTED_PS: the statement cannot be prepared, like some SHOW statements.
const unpreparable = 1295

// query prepares the statement: as text, the server prints FLOAT with six digits, and large numbers lose precision.
func (mysqlDialect) query(ctx context.Context, conn *sql.Conn, text string, args []any) (*sql.Rows, func(), error) {
	prepared, err := conn.PrepareContext(ctx, text)
	if sqldb.MySQLNumber(err) == unpreparable {
		return plain(ctx, conn, text, args)
	}
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = prepared.Close() } // a lost session has lost it
	rows, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		done()
	}
	return rows, done, err
}

func (mysqlDialect) since(mark string) any { return mark }
