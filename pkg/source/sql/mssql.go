package sql

import (
	"context"
	"database/sql"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// mssqlDialect is the dialect of SQL Server. It has no read-only sessions: whatever a query has written is rolled
// back.
type mssqlDialect struct{ sqldb.Dialect }

func (mssqlDialect) begin(ctx context.Context, conn *sql.Conn) (func(), error) {
	return transaction(ctx, conn, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "BEGIN TRANSACTION")
}

func (mssqlDialect) query(ctx context.Context, conn *sql.Conn, text string, args []any) (*sql.Rows, func(), error) {
	return plain(ctx, conn, text, args)
}

func (mssqlDialect) since(mark string) any { return mark }
