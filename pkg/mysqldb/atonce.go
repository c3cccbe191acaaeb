package mysqldb

import (
	"context"
	"database/sql"
	"strings"
)

// eager begins each statement that it runs so that no lock is waited for; see AtOnce.
const eager = "SET STATEMENT innodb_lock_wait_timeout=0, lock_wait_timeout=0 FOR "

// AtOnce returns the transaction such that its statements fail at once where somebody
// holds a lock that they need: LockTimeout tells. A MySQL server knows no such thing, and
// waits as long as the session says, at the least a second.
//
// Source: MariaDB's "SET STATEMENT", and "innodb_lock_wait_timeout", which may be 0 since
// 10.3.
func (db *DB) AtOnce(tx Tx) Tx {
	if !db.MariaDB || noValues.MatchString(db.Version) {
		return tx
	}
	return eagerTx{tx}
}

type eagerTx struct{ Tx }

// ExecContext runs a statement without waiting for locks.
func (t eagerTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.Tx.ExecContext(ctx, atOnce(query), args...)
}

// QueryContext runs a query without waiting for locks.
func (t eagerTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(ctx, atOnce(query), args...)
}

// atOnce adds eager to a statement that may need locks.
func atOnce(query string) string {
	if strings.HasPrefix(query, "SET ") || strings.HasPrefix(query, "SHOW ") {
		return query
	}
	return eager + query
}
