package apply

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// from returns the place's quoted table.
func (p Place) from() string {
	if p.Schema == "" {
		return mysqldb.Quote(p.Table)
	}
	return qualified(p.Schema, p.Table)
}

// qualified returns a table's quoted name with its schema.
func qualified(schema, table string) string {
	return mysqldb.Quote(schema) + "." + mysqldb.Quote(table)
}

// add appends the condition that a place's columns have values.
func (p Place) add(q *mysqldb.Statement, prefix string, v Tuple) {
	for i, name := range p.Columns {
		if i > 0 {
			q.SQL(" AND ")
		}
		c, _ := p.Of.Column(p.Types[i])
		q.SQL(prefix + mysqldb.Quote(name) + "=")
		schema.AddOperand(q, c, v[i])
	}
}

// where appends the condition that selects the found rows.
func (f Found) where(q *mysqldb.Statement) error {
	q.SQL(" WHERE ")
	f.add(q, "", f.Value)
	if f.Child == nil || len(f.Except) == 0 {
		return nil
	}
	q.SQL(" AND NOT (")
	if err := f.Child.AddKeys(q, slices.Values(f.Except)); err != nil {
		return err
	}
	q.SQL(")")
	return nil
}

// Any looks for one row.
func (x *session) Any(ctx context.Context, f Found) (found bool, err error) {
	var q mysqldb.Statement
	q.SQL("SELECT 1 FROM " + f.from())
	if err := f.where(&q); err != nil {
		return false, err
	}
	q.SQL(" LIMIT 1")
	err = q.Query(ctx, x.atOnce, func(*sql.Rows) error { found = true; return nil })
	return found, err
}

// Take reads the rows under their locks.
func (x *session) Take(ctx context.Context, f Found) (rows []change.Row, values [][][]byte, err error) {
	t := f.Child
	var q mysqldb.Statement
	q.SQL("SELECT " + t.KeyExpr("") + ", " + t.SelectList() + " FROM " + mysqldb.Quote(t.Name))
	if err := f.where(&q); err != nil {
		return nil, nil, err
	}
	q.SQL(" FOR UPDATE")
	err = q.Query(ctx, x.atOnce, func(r *sql.Rows) error {
		row := change.Row{Table: t.Name}
		list := make([][]byte, len(t.Columns))
		into := []any{&row.Key}
		for i := range list {
			into = append(into, &list[i])
		}
		err := r.Scan(into...)
		rows, values = append(rows, row), append(values, list)
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	return rows, values, t.Identify(ctx, x.tx, rows)
}

// AsUser undoes what announce does.
func (x *session) AsUser(ctx context.Context) error {
	var q mysqldb.Statement
	q.SQL("SET @mysql_sync_applying = NULL, @mysql_sync_written = NULL")
	return mysqldb.Along(ctx, x.tx, "", &q)
}

// Point updates the rows.
func (x *session) Point(ctx context.Context, f Found, to Tuple) error {
	var q mysqldb.Statement
	q.SQL("UPDATE " + f.from() + " SET ")
	for i, name := range f.Columns {
		if i > 0 {
			q.SQL(", ")
		}
		c, _ := f.Of.Column(f.Types[i])
		q.SQL(mysqldb.Quote(name) + "=")
		schema.AddValue(&q, c, to[i])
	}
	if err := f.where(&q); err != nil {
		return err
	}
	return q.Exec(ctx, x.atOnce)
}

// Remove deletes the rows.
func (x *session) Remove(ctx context.Context, f Found) error {
	var q mysqldb.Statement
	q.SQL("DELETE FROM " + f.from())
	if err := f.where(&q); err != nil {
		return err
	}
	return q.Exec(ctx, x.atOnce)
}

// Unchecked runs f with the session's foreign key checks off.
func (x *session) Unchecked(ctx context.Context, f func() error) (err error) {
	if _, err := x.tx.ExecContext(ctx, `SET foreign_key_checks = 0`); err != nil {
		return err
	}
	defer func() {
		// Even if ctx has ended: the session goes back to its pool.
		_, on := x.tx.ExecContext(context.WithoutCancel(ctx), `SET foreign_key_checks = 1`)
		err = errors.Join(err, on)
	}()
	return f()
}

// Referred is one statement.
func (x *session) Referred(ctx context.Context, t *schema.Table, f schema.ForeignKey, keys []string) (found bool, err error) {
	children := childrenOf(t, f)
	var q mysqldb.Statement
	for i, key := range keys {
		v, err := keyTuple(t, key, f.RefColumns)
		if err != nil {
			return false, err
		}
		switch {
		case len(f.Columns) > 1 && i == 0:
			q.SQL("(SELECT 1 FROM " + children.from() + " WHERE ")
		case len(f.Columns) > 1:
			q.SQL(" LIMIT 1) UNION ALL (SELECT 1 FROM " + children.from() + " WHERE ")
		case i == 0:
			q.SQL("SELECT 1 FROM " + children.from() + " WHERE " + mysqldb.Quote(f.Columns[0]) + " IN (")
		default:
			q.SQL(",")
		}
		if len(f.Columns) > 1 {
			children.add(&q, "", v)
			continue
		}
		c, _ := t.Column(f.RefColumns[0])
		schema.AddOperand(&q, c, v[0])
	}
	if len(f.Columns) > 1 {
		q.SQL(" LIMIT 1) LIMIT 1")
	} else {
		q.SQL(") LIMIT 1")
	}
	if err := q.Query(ctx, x.atOnce, func(*sql.Rows) error { found = true; return nil }); err != nil {
		return false, fmt.Errorf("look for rows of %s that refer to %s: %w", f.Table, t.Name, err)
	}
	return found, nil
}

// Hold locks the rows as the server locks parents.
func (x *session) Hold(ctx context.Context, p Place, values []Tuple) ([]bool, error) {
	there := make([]bool, len(values))
	for from := 0; from < len(values); from += looksMost {
		var q mysqldb.Statement
		for i, v := range values[from:min(from+looksMost, len(values))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT " + strconv.Itoa(from+i) + " FROM " + p.from() + " WHERE ")
			p.add(&q, "", v)
			q.SQL(" LIMIT 1 LOCK IN SHARE MODE)")
		}
		err := q.Query(ctx, x.atOnce, func(r *sql.Rows) error {
			var i int
			err := r.Scan(&i)
			there[i] = err == nil
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for what rows of %s refer to in %s: %w", p.Of.Name, p.Table, err)
		}
	}
	return there, nil
}

// Holders looks up the unique key.
func (x *session) Holders(ctx context.Context, t *schema.Table, p Place, values []Tuple) (map[int]string, error) {
	holders := map[int]string{}
	for from := 0; from < len(values); from += looksMost {
		var q mysqldb.Statement
		for i, v := range values[from:min(from+looksMost, len(values))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("SELECT " + strconv.Itoa(from+i) + ", " + t.KeyExpr("") + " FROM " + p.from() + " WHERE ")
			p.add(&q, "", v)
		}
		err := q.Query(ctx, x.atOnce, func(r *sql.Rows) error {
			var i int
			var key string
			err := r.Scan(&i, &key)
			holders[i] = key
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for unique values in %s: %w", t.Name, err)
		}
	}
	return holders, nil
}

// Orphans returns at most referMost+1 rows for each value.
func (x *session) Orphans(ctx context.Context, p Place, refColumns []string, child *schema.Table, values []Tuple) (map[int][]change.Row, error) {
	key, parents := "''", within(p.Of, refColumns)
	if child != nil {
		key = child.KeyExpr("")
	}
	orphans := map[int][]change.Row{}
	for from := 0; from < len(values); from += looksMost {
		var q mysqldb.Statement
		for i, v := range values[from:min(from+looksMost, len(values))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT " + strconv.Itoa(from+i) + ", " + key + " FROM " + p.from() + " WHERE ")
			p.add(&q, "", v)
			q.SQL(" AND NOT EXISTS (SELECT 1 FROM " + parents.from() + " p WHERE ")
			parents.add(&q, "p.", v)
			q.SQL(") LIMIT " + strconv.Itoa(referMost+1) + ")")
		}
		err := q.Query(ctx, x.atOnce, func(r *sql.Rows) error {
			var i int
			row := change.Row{Table: p.Table}
			if err := r.Scan(&i, &row.Key); err != nil {
				return err
			}
			orphans[i] = append(orphans[i], row)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for rows of %s that refer to %s: %w", p.Table, p.Of.Name, err)
		}
	}
	return orphans, nil
}
