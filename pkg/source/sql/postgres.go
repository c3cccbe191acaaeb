package sql

import (
	"context"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// postgresDialect is the dialect of PostgreSQL.
type postgresDialect struct{ sqldb.Dialect }

func (postgresDialect) begin(ctx context.Context, conn *sql.Conn) (func(), error) {
	return transaction(ctx, conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

func (postgresDialect) query(ctx context.Context, conn *sql.Conn, text string, args []any) (*sql.Rows, func(), error) {
	return plain(ctx, conn, text, args)
}

func (postgresDialect) since(mark string) any { return mark }

// transaction begins a transaction in a session, which end rolls back.
func transaction(ctx context.Context, conn *sql.Conn, statements ...string) (end func(), err error) {
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return nil, err
		}
	}
	return func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }, nil
}
