package sql

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/sqldb"
)

// sqliteDialect is the dialect of SQLite. A column may hold values of any type; the content of a DATETIME column stays
// text or a number, since nothing says what it means.
type sqliteDialect struct{ sqldb.Dialect }

func (sqliteDialect) begin(ctx context.Context, conn *sql.Conn) (func(), error) {
	return transaction(ctx, conn, "BEGIN")
}

// since returns a number if the watermark is one: SQLite sorts every text after every number.
func (sqliteDialect) query(ctx context.Context, conn *sql.Conn, text string, args []any) (*sql.Rows, func(), error) {
	return plain(ctx, conn, text, args)
}

func (sqliteDialect) since(mark string) any {
	if n, err := strconv.ParseInt(mark, 10, 64); err == nil && strconv.FormatInt(n, 10) == mark {
		return n
	}
	return mark
}
