package apply

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// writeTied writes what was planned where write could not: rows of the transaction
// refer to each other, or have each other's unique values. The server's checks of
// foreign keys are off while it writes, and with them all that foreign keys do to
// further rows; before the end it looks itself at what they ask for. Rows that a
// unique key has in each other's way are moved one by one. What cannot be among
// the others is the *barred that it returns. Promise 7.
func (a *Applier) writeTied(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	for _, g := range groups {
		if err := g.readBefore(ctx, tx); err != nil {
			return stuckIn(g.table.Name, err)
		}
	}
	err := unchecked(ctx, tx, func() error {
		if err := a.takeAlong(ctx, tx, groups); err != nil {
			return err
		}
		for _, g := range slices.Backward(groups) {
			if err := chunked(ctx, tx, g.table, pick(g, (*Step).deletes), remove); err != nil {
				return err
			}
		}
		for _, g := range groups {
			if err := g.putInTurn(ctx, tx); err != nil {
				return stuckIn(g.table.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := a.followed(ctx, tx, g); err != nil {
			return stuckIn(g.table.Name, err)
		}
	}
	for _, g := range groups {
		if err := a.parentless(ctx, tx, groups, g); err != nil {
			return stuckIn(g.table.Name, a.barChildren(ctx, groups, err))
		}
	}
	return a.left(ctx, tx, groups)
}

// unchecked runs f while the session's checks of foreign keys are off.
func unchecked(ctx context.Context, tx mysqldb.Tx, f func() error) (err error) {
	if _, err := tx.ExecContext(ctx, `SET foreign_key_checks = 0`); err != nil {
		return err
	}
	defer func() {
		// Also where ctx has ended: the session goes back to its pool.
		_, on := tx.ExecContext(context.WithoutCancel(ctx), `SET foreign_key_checks = 1`)
		err = errors.Join(err, on)
	}()
	return f()
}

// before is what a table's rows had before the transaction wrote them, in the columns
// by which rows are tied: those of unique keys, and those that foreign keys refer to.
type before struct {
	columns []string
	rows    map[string][][]byte // by key
}

// value returns what a row had in a column, and false if it was not read.
func (b *before) value(key, column string) ([]byte, bool) {
	row := b.rows[key]
	i := slices.Index(b.columns, column)
	if row == nil || i < 0 {
		return nil, false
	}
	return row[i], true
}

// readBefore reads what the rows have that are about to be written. They are locked.
func (g *group) readBefore(ctx context.Context, tx mysqldb.Tx) error {
	g.before = before{rows: map[string][][]byte{}}
	steps := pick(g, func(s *Step) bool { return s.exists })
	names := slices.Concat(g.table.Unique...)
	for _, f := range g.table.Referrers {
		names = append(names, f.RefColumns...)
	}
	for _, name := range names {
		if _, ok := g.table.Column(name); ok && !slices.Contains(g.before.columns, name) {
			g.before.columns = append(g.before.columns, name)
		}
	}
	if len(steps) == 0 || len(g.before.columns) == 0 {
		return nil
	}
	expressions := g.table.KeyExpr("")
	for _, name := range g.before.columns {
		c, _ := g.table.Column(name)
		expressions += ", " + c.SelectExpr(mysqldb.Quote(name))
	}
	var q mysqldb.Statement
	if err := g.table.AddSelect(&q, expressions, stepKeys(steps), ""); err != nil {
		return err
	}
	err := q.Query(ctx, tx, func(r *sql.Rows) error {
		var key string
		values := make([][]byte, len(g.before.columns))
		into := []any{&key}
		for i := range values {
			into = append(into, &values[i])
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		g.before.rows[key] = values
		return nil
	})
	for _, s := range steps {
		g.before.rows[s.in.Key] = g.before.rows[s.key] // where the two are spelled differently
	}
	if err != nil {
		return fmt.Errorf("read rows of %s: %w", g.table.Name, err)
	}
	return nil
}

// after returns what a row has in a column once the step has written it, and false if
// nobody knows.
func (g *group) after(s *Step, column string) ([]byte, bool) {
	if i := slices.Index(s.in.Columns, column); i >= 0 {
		return s.in.Values[i], true
	}
	return g.before.value(s.in.Key, column)
}

// tuple is what columns have together; nil if one of them is NULL, which is neither
// tied to anything nor like anything.
type tuple [][]byte

// tupleOf returns the values of columns, as value gives them, and false if one of them
// is not known.
func tupleOf(columns []string, value func(string) ([]byte, bool)) (tuple, bool) {
	list := make(tuple, len(columns))
	null := false
	for i, name := range columns {
		v, ok := value(name)
		if !ok {
			return nil, false
		}
		list[i] = v
		null = null || v == nil
	}
	if null {
		return nil, true
	}
	return list, true
}

func (t tuple) equal(o tuple) bool {
	return slices.EqualFunc(t, o, func(a, b []byte) bool { return string(a) == string(b) })
}

// addTuple appends the condition that columns have the values of a tuple. The types
// are those of the columns of another table, or of the same.
func addTuple(q *mysqldb.Statement, prefix string, columns []string, types []string, of *schema.Table, v tuple) {
	for i, name := range columns {
		if i > 0 {
			q.SQL(" AND ")
		}
		c, _ := of.Column(types[i])
		q.SQL(prefix + mysqldb.Quote(name) + "=")
		schema.AddOperand(q, c, v[i])
	}
}

// add has a change wait.
func (b *barred) add(r change.Row, w *Wait) {
	if b.waits == nil {
		b.waits = map[change.Row]*Wait{}
	}
	if first := b.waits[r]; first != nil {
		w.text = first.text + ", and " + w.text
		w.needs, w.refer = union(first.needs, w.needs), union(first.refer, w.refer)
		w.more = w.more || first.more
	}
	b.waits[r] = w
}

// union returns the rows of two lists, each once: one may refer to another by two foreign keys, and a question names it once.
func union(a, b []change.Row) []change.Row {
	in := make(map[change.Row]bool, len(a))
	for _, r := range a {
		in[r] = true
	}
	return append(a, slices.DeleteFunc(b, func(r change.Row) bool { return in[r] })...)
}

// or returns the error, or nil if nothing waits.
func (b *barred) or() error {
	if len(b.waits) == 0 && !b.decided {
		return nil
	}
	return b
}
