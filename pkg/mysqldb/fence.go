package mysqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/go-sql-driver/mysql"
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
// The condition costs no round trip: it replaces the BEGIN. That is why these
// transactions have connections of their own, on which the server begins a
// transaction with whatever comes first. Call Fence once, before the pool is
// shared.
func (db *DB) Fence(condition string, broken func()) {
	fenced := fencing{db.connector, &fence{condition, broken}}
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
	return &fencedConn{conn, c.fence}, nil
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

// fencedConn is a connection whose transactions begin with the condition.
type fencedConn struct {
	serverConn
	fence *fence
}

// BeginTx begins a transaction of the session's own kind.
func (c *fencedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if opts.ReadOnly || opts.Isolation != 0 {
		return nil, errors.New("a fenced transaction has no options")
	}
	holds, err := c.holds(ctx)
	if err == nil && holds {
		return fencedTx{c}, nil
	}
	if err != nil && !errors.As(err, new(*mysql.MySQLError)) {
		return nil, err // the connection is lost, or will not be reused
	}
	if back := (fencedTx{c}).Rollback(); back != nil || err != nil {
		return nil, errors.Join(err, back)
	}
	c.fence.broken()
	return nil, ErrFenced
}

// holds queries the condition, which begins the transaction.
func (c *fencedConn) holds(ctx context.Context) (bool, error) {
	rows, err := c.QueryContext(ctx, c.fence.condition, nil)
	if err != nil {
		return false, err
	}
	found := false
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case err == nil:
			found = true
		case errors.Is(err, io.EOF):
			return found, rows.Close()
		default:
			return false, errors.Join(err, rows.Close())
		}
	}
}

// fencedTx ends a transaction.
type fencedTx struct{ c *fencedConn }

// Commit commits the transaction.
func (t fencedTx) Commit() error { return t.end("COMMIT") }

// Rollback rolls it back.
func (t fencedTx) Rollback() error { return t.end("ROLLBACK") }

func (t fencedTx) end(query string) error {
	_, err := t.c.ExecContext(context.Background(), query, nil)
	return err
}
