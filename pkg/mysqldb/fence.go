package mysqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// ErrFenced says that a write did not happen because the condition for all writes
// of its pool does not hold.
var ErrFenced = errors.New("the database has another owner by now")

// fence is the condition for a pool's transactions.
type fence struct {
	condition string
	broken    func()
}

// Fence makes each write of the pool depend on a condition from here on: every
// transaction begins with it, and so does every statement of ExecContext. The
// condition is a query that locks what it reads, so that it holds until the
// transaction ends, and that returns a row while it holds. If it returns none,
// ErrFenced is returned, nothing is written, and broken is called, which must not
// block. Statements of a Conn are not fenced, nor is the effect of a CREATE or
// ALTER: the server commits before those, so they are only begun under the
// condition.
//
// The condition costs no round trip: it replaces the BEGIN, and a query is sent
// with it. That is why these transactions have connections of their own, on which
// the server begins a transaction with whatever comes first, and accepts several
// statements as one text. So ErrFenced is an error of the first statement. Call
// Fence once, before the pool is shared.
func (db *DB) Fence(condition string, broken func()) {
	inner := db.connector
	inner.Connector = db.together
	fenced := fencing{inner, &fence{condition, broken}}
	db.fenced = sql.OpenDB(fenced)
	limit(db.DB.DB, mostConns/2) // as many as before, in total
	limit(db.fenced, mostConns/2)
}

// BeginTx begins a transaction, under the condition of the pool if it has one and the
// transaction may write.
func (db *DB) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	if db.fenced == nil || opts != nil && opts.ReadOnly {
		return db.DB.BeginTx(ctx, opts)
	}
	return db.fenced.BeginTx(ctx, opts)
}

// ExecContext runs a statement, under the condition of the pool if it has one.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if db.fenced == nil {
		return db.DB.ExecContext(ctx, query, args...)
	}
	var result sql.Result
	err := InTx(ctx, db, func(tx Tx) (err error) {
		result, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

// Close closes all connections.
func (db *DB) Close() error {
	if db.fenced == nil {
		return db.DB.Close()
	}
	return errors.Join(db.DB.Close(), db.fenced.Close())
}

// fencing opens the connections of a fenced pool.
type fencing struct {
	connector
	fence *fence
}

// Connect opens a connection in which every statement is part of a transaction.
func (c fencing) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.connector.open(ctx, sessionVariables+`, autocommit=0`)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(serverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of type %T cannot be fenced", opened), opened.Close())
	}
	if err := attend(ctx, conn, c.watch.pool); err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, fmt.Errorf("set up session: %w", err)
	}
	return &fencedConn{serverConn: conn, fence: c.fence}, nil
}

// serverConn is what the driver's connections can do.
type serverConn interface {
	driver.Conn
	driver.Pinger
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.NamedValueChecker
	driver.SessionResetter
	driver.Validator
}

// fencedConn is a connection whose transactions begin with the condition, and of which statements may go along with others.
type fencedConn struct {
	serverConn
	fence *fence
	along along
}

// BeginTx begins a transaction of the session's own kind; the server hears of it with its first statement.
func (c *fencedConn) BeginTx(_ context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly || opts.Isolation != 0 {
		return nil, errors.New("a fenced transaction has no options")
	}
	c.along = along{begins: true}
	return fencedTx{c}, nil
}

// fencedTx ends a transaction.
type fencedTx struct{ c *fencedConn }
