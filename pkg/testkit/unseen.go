package testkit

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// Unseen runs statements in one transaction that no node notices: neither its triggers on the tables, of which there are
// some for each statement, nor the server's log.
func Unseen(tb TB, db *sqlx.DB, statements ...[2]string) {
	tb.Helper()
	ctx := context.Background()
	conn, err := db.Connx(ctx)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	defer func() { _ = conn.Close() }()
	queries := []string{"SET SESSION sql_log_bin = 0", "START TRANSACTION"}
	for _, s := range statements {
		queries = append(queries, "SET @mysql_sync_applying = '"+s[0]+"'", s[1])
	}
	for _, q := range append(queries, "COMMIT", "SET @mysql_sync_applying = NULL, SESSION sql_log_bin = 1") {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			tb.Fatalf("%v\n%s", err, q)
		}
	}
}
