package mysqldb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A round trip costs a lone change more than what the server does for it. So what a fenced transaction need not know at once goes
// along with the statement after it, as one text: the condition with which it begins, and statements run with Along. Promises 1
// and 6 hold nevertheless: a transaction in which something failed along is never committed, whoever was told of it.

// alongMost is how long a statement that goes along may be, and all that wait, in bytes: of a longer one, the round trip is not
// what it costs, and the text as a whole must stay well within what a server accepts (max_allowed_packet).
const alongMost = 16 << 10

type alongKey struct{}

// Along runs a statement of a transaction for its effect alone. A fenced transaction may send it with the next statement, or with
// the COMMIT: then these return its error. what names it there, and is empty for one that cannot fail. It must be a statement
// that writes only the node's own tables, or sets variables: it may be sent before it is known that the condition holds.
func Along(ctx context.Context, tx Execer, what string, s *Statement) error {
	if len(s.args) == 0 && s.Len() <= alongMost {
		ctx = context.WithValue(ctx, alongKey{}, what)
	}
	err := s.Exec(ctx, tx)
	if err != nil && what != "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	return err
}

type lastKey struct{}

// Last returns a context in which a statement of a fenced transaction that has begun may be sent with the next one, or with the COMMIT: then
// these return its error. It must be one that is run for its effect alone. Unlike what runs with Along it may write anything: what it writes
// is committed only if it and all that was sent with it had no error.
func Last(ctx context.Context) context.Context { return context.WithValue(ctx, lastKey{}, true) }

// along is what a transaction of a fenced connection has yet to send. The zero value is that of an ended one.
type along struct {
	begins bool // the condition
	begun  bool // the server knows of the transaction
	what   string
	texts  []string
	bytes  int
	failed error // of a text of several statements, of which nobody knows which had an effect, or of the condition
}

// add keeps a statement for later, or reports false: there is no room.
func (a *along) add(what, query string) bool {
	if !a.begins && !a.begun || a.bytes+len(query) > alongMost {
		return false
	}
	if what != "" {
		a.what = what
	}
	a.texts = append(a.texts, query)
	a.bytes += len(query) + 2
	return true
}

// with returns all that waits, and then a statement, as one text, and the name of what waited.
func (a *along) with(query string) (text, what string) {
	if len(a.texts) == 0 {
		return query, ""
	}
	text, what = strings.Join(append(a.texts, query), "; "), a.what
	a.texts, a.bytes, a.what = a.texts[:0], 0, ""
	return text, what
}

// fail names what went along in a statement's error. The transaction can only be rolled back then.
func (a *along) fail(what string, err error) error {
	if what == "" || err == nil {
		return err
	}
	a.failed = fmt.Errorf("%s, or what was sent with it: %w", what, err)
	return a.failed
}

// ExecContext runs a statement, or keeps it for later; see Along.
func (c *fencedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if what, ok := ctx.Value(alongKey{}).(string); ok && len(args) == 0 && c.along.add(what, query) {
		return driver.RowsAffected(0), nil
	}
	if ctx.Value(lastKey{}) != nil && len(args) == 0 && c.along.begun && ctx.Value(watchedKey{}) == nil && c.along.add("write rows", query) {
		return driver.RowsAffected(0), nil
	}
	if large(args) {
		return nil, driver.ErrSkip // database/sql has it prepared
	}
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	before := c.along
	text, what := c.along.with(query)
	result, err := c.serverConn.ExecContext(ctx, text, args)
	if unsent(err) {
		c.along = before
		return nil, err
	}
	return result, c.along.fail(what, err)
}

// large reports whether a statement has a value that is sent after it, by itself: as a part of its text, the driver would have some six
// copies of it in memory at once. A server prepares no statement with more values than 16 bits count. Promise 10.
func large(args []driver.NamedValue) bool {
	const most = 1 << 20
	return len(args) <= math.MaxUint16 && slices.ContainsFunc(args, func(a driver.NamedValue) bool {
		switch v := a.Value.(type) {
		case string:
			return len(v) > most
		case []byte:
			return len(v) > most
		}
		return false
	})
}

// unsent reports whether the driver has sent nothing, since the values are more than the server takes in one text. It is asked to
// prepare the statement then, alone.
func unsent(err error) bool { return errors.Is(err, driver.ErrSkip) }

// begin begins the transaction, if that has to be done yet, with nothing but its condition.
func (c *fencedConn) begin(ctx context.Context) error {
	if !c.along.begins {
		return nil
	}
	c.along.begins, c.along.begun = false, true
	rows, err := c.serverConn.QueryContext(ctx, c.fence.condition, nil)
	if err != nil {
		return c.held(false, err)
	}
	holds, err := found(rows)
	return c.held(holds, errors.Join(err, rows.Close()))
}

// held returns the error of a condition that does not hold, or could not be asked. The transaction can only be rolled back then.
func (c *fencedConn) held(holds bool, err error) error {
	if holds && err == nil {
		return nil
	}
	if err == nil {
		c.fence.broken()
		err = ErrFenced
	}
	c.along.failed = err
	return err
}

// QueryContext runs a query, and with it all that has yet to be sent.
func (c *fencedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if ctx.Value(afterwardsKey{}) != nil {
		return c.commitAnd(ctx, query)
	}
	if ctx.Value(watchedKey{}) != nil { // it is watched until the server answers: the condition's answer is not its own
		if err := c.begin(context.WithValue(ctx, watchedKey{}, nil)); err != nil {
			return nil, err
		}
	}
	before := c.along
	text, what := c.along.with(query)
	if before.begins {
		text = c.fence.condition + "; " + text
		c.along.begins, c.along.begun = false, true
	}
	rows, err := c.serverConn.QueryContext(ctx, text, args)
	if unsent(err) {
		c.along = before
		return nil, err
	}
	if !before.begins {
		return rows, c.along.fail(what, err)
	}
	if err != nil { // the condition's, which is the first of the text
		return nil, c.held(false, err)
	}
	if err = c.held(found(rows)); err == nil {
		err = c.along.fail(what, rows.(driver.RowsNextResultSet).NextResultSet()) // it passes over what has no rows
	}
	if err != nil {
		return nil, errors.Join(err, rows.Close())
	}
	return rows, nil
}

// PrepareContext prepares a statement.
func (c *fencedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	err := c.begin(ctx)
	if err == nil && len(c.along.texts) > 0 {
		text, what := c.along.with("DO 0")
		_, err = c.serverConn.ExecContext(ctx, text, nil)
		err = c.along.fail(what, err)
	}
	if err != nil {
		return nil, err
	}
	return c.serverConn.PrepareContext(ctx, query)
}

// Commit commits the transaction. If nothing was run in it, the server never hears of it.
func (t fencedTx) Commit() error {
	c, a := t.c, &t.c.along
	ctx := context.Background()
	err := a.failed
	if err == nil && len(a.texts) > 0 {
		err = c.begin(ctx) // a COMMIT must not go along with the condition
	}
	if err == nil && !a.begun {
		*a = along{}
		return nil
	}
	if err == nil {
		text, what := a.with("COMMIT")
		_, err = c.serverConn.ExecContext(ctx, text, nil)
		err = a.fail(what, err)
	}
	if err != nil {
		_ = t.Rollback() // the first error is the one to tell; a lost connection rolls back by itself
	}
	*a = along{}
	return err
}

// Rollback rolls it back.
func (t fencedTx) Rollback() error {
	begun := t.c.along.begun
	t.c.along = along{}
	if !begun {
		return nil
	}
	_, err := t.c.serverConn.ExecContext(context.Background(), "ROLLBACK", nil)
	return err
}

// found reports whether a result has a row, and reads it to its end.
func found(rows driver.Rows) (found bool, err error) {
	values := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(values); {
		case err == nil:
			found = true
		case errors.Is(err, io.EOF):
			return found, nil
		default:
			return false, err
		}
	}
}
