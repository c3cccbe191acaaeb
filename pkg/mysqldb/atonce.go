package mysqldb

import (
	"context"
	"database/sql"
	"strings"
)

// eager prefixes each statement so that it does not wait for locks; see AtOnce.
const eager = "SET STATEMENT innodb_lock_wait_timeout=0, lock_wait_timeout=0 FOR "

// AtOnce wraps the transaction so that its statements fail if someone holds a lock that
// they need: LockTimeout reports it. MariaDB says so at once. MySQL has no such option,
// and waits at least a second; there the node itself ends a waiting statement after some
// milliseconds; see watch.
//
// Source: MariaDB's "SET STATEMENT", and "innodb_lock_wait_timeout", which may be 0 since
// 10.3.
func (db *DB) AtOnce(tx Tx) Tx {
	switch {
	case !db.MariaDB:
		return watchedTx{tx}
	case noValues.MatchString(db.Version):
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

type watchedTx struct{ Tx }

// ExecContext runs a statement that is watched.
func (t watchedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.Tx.ExecContext(watched(ctx), query, args...)
}

// QueryContext runs a query that is watched.
func (t watchedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(watched(ctx), query, args...)
}
