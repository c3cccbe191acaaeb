package mysqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

// What is asked as soon as a transaction is committed can be asked in the round trip of its COMMIT. Whether that was carried out must be
// known whatever becomes of the query (promise 1): so there is a query between them that cannot fail, and its answer says so.

// committed is that query.
const committed = "SELECT 1"

// Afterwards has a query run right after the transaction is committed, in the round trip of the COMMIT. It finds what others have committed
// by then, waits for no lock, and tells no one if it fails: then there was no row. It returns false if that is not possible, and the query
// is not run. tx must be what InTx gives; a later query takes the place of an earlier one.
func Afterwards(tx Tx, q Query) bool {
	t, ok := tx.(*ending)
	if !ok || !t.may || len(q.args) > 0 || q.Len() > alongMost {
		return false
	}
	t.then = &q
	return true
}

// AsksAfterwards reports whether Afterwards is possible. On MySQL a query that must not wait is watched, and who ended its wait could
// interrupt the COMMIT instead.
func (db *DB) AsksAfterwards() bool {
	return db.fenced != nil && db.MariaDB && !noValues.MatchString(db.Version)
}

// ending is a transaction that may end with a query.
type ending struct {
	Tx
	may  bool
	then *Query
}

type afterwardsKey struct{}

// commit commits the transaction, and runs the query.
func (t *ending) commit(ctx context.Context, tx *sql.Tx) error {
	ctx = context.WithValue(context.WithoutCancel(ctx), afterwardsKey{}, true)
	rows, err := tx.QueryContext(ctx, atOnce(t.then.text.String()))
	if err != nil {
		_ = tx.Rollback() // the first error is the one to tell; a lost connection rolls back by itself
		return err
	}
	if err := errors.Join(scanAll(rows, t.then.Scan), rows.Close()); err != nil {
		_, _ = tx.ExecContext(ctx, "ROLLBACK") // a query that fails among its rows leaves what it has begun, and with it the table's lock; promise 7
	}
	_ = tx.Commit() // it is committed, whatever else fails
	return nil
}

// commitAnd commits the transaction with all that waits, and then runs a query. An error says that it was not committed, or that nobody
// knows.
func (c *fencedConn) commitAnd(ctx context.Context, query string) (driver.Rows, error) {
	a := &c.along
	err := a.failed
	if err == nil {
		err = c.begin(ctx) // a COMMIT must not go along with the condition
	}
	if err != nil {
		return nil, err
	}
	text, what := a.with("COMMIT; " + committed + "; " + query + "; COMMIT") // the second one ends what the query has begun
	rows, err := c.serverConn.QueryContext(ctx, text, nil)
	if err == nil {
		if _, err = found(rows); err != nil {
			err = errors.Join(err, rows.Close())
		}
	}
	if err != nil {
		a.failed = err
		return nil, a.fail(what, err)
	}
	*a = along{}
	if rows.(driver.RowsNextResultSet).NextResultSet() == nil {
		return rows, nil
	}
	_ = rows.Close()
	_, _ = c.serverConn.ExecContext(ctx, "ROLLBACK", nil) // of what the query has begun; a lost connection needs none
	return noRows{}, nil
}

// noRows is the result of a query that failed.
type noRows struct{}

func (noRows) Columns() []string         { return nil }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }
