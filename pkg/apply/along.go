package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/journal"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// takeAlong has the rows go that refer to those which a group is about to delete, where
// that was decided. They are written as a user would write them: the triggers note it,
// and it goes to all remotes. What is lost is kept. Promise 4.
func (a *Applier) takeAlong(ctx context.Context, tx mysqldb.Tx, g *group) error {
	for _, s := range pick(g, func(s *Step) bool { return s.exists }) {
		in := g.task(s)
		if in.verdict != cascade {
			continue
		}
		if _, err := tx.ExecContext(ctx, setApplying, nil, nil); err != nil {
			return err
		}
		for _, f := range g.table.Referrers {
			gone, err := g.gone(f)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(gone, func(x former) bool { return x.step == s })
			if i < 0 {
				continue
			}
			if err := a.release(ctx, tx, g.table, f, gone[i].value, s.came.Version, 0); err != nil {
				return fmt.Errorf("delete what refers to a row of %s: %w", g.table.Name, err)
			}
		}
	}
	return nil
}

// deepest bounds how many foreign keys are followed one after the other.
const deepest = 15

// release makes the rows of a foreign key that refer to a value not do so any more, as
// the key says: they get NULL, or go with what refers to them.
func (a *Applier) release(ctx context.Context, tx mysqldb.Tx, parent *schema.Table, f schema.ForeignKey, v tuple, winner change.Version, depth int) error {
	var where mysqldb.Statement
	addTuple(&where, "", f.Columns, f.RefColumns, parent, v)
	if f.OnDelete == "SET NULL" {
		if child, err := a.tables.Table(ctx, f.Table); err == nil && f.Schema == f.RefSchema {
			if _, _, err := a.keepAs(ctx, tx, child, &where, winner, pointed(child, f, make(tuple, len(f.Columns)))); err != nil {
				return err
			}
		}
		var q mysqldb.Statement
		q.SQL("UPDATE " + qualified(f.Schema, f.Table) + " SET ")
		for i, name := range f.Columns {
			if i > 0 {
				q.SQL(", ")
			}
			q.SQL(mysqldb.Quote(name) + "=NULL")
		}
		q.SQL(" WHERE ")
		q.Append(&where)
		return q.Exec(ctx, tx)
	}
	if depth == deepest {
		return fmt.Errorf("foreign keys are followed through %d tables", deepest)
	}
	if f.Schema == f.RefSchema {
		child, err := a.tables.Table(ctx, f.Table)
		if err != nil {
			return err
		}
		if err := a.keepChildren(ctx, tx, child, &where, winner, depth); err != nil {
			return err
		}
	}
	var q mysqldb.Statement
	q.SQL("DELETE FROM " + qualified(f.Schema, f.Table) + " WHERE ")
	q.Append(&where)
	return q.Exec(ctx, tx)
}

// keepChildren keeps rows that are about to be deleted as the losers of a conflict, and
// releases what refers to them.
func (a *Applier) keepChildren(ctx context.Context, tx mysqldb.Tx, t *schema.Table, where *mysqldb.Statement, winner change.Version, depth int) error {
	rows, values, err := a.keepAs(ctx, tx, t, where, winner, func([][]byte) [][]byte { return nil })
	if err != nil || len(rows) == 0 {
		return err
	}
	a.log.Info("rows go with the row that they refer to; they are kept as losers", zap.String("table", t.Name), zap.Int("rows", len(rows)))
	for _, f := range t.Referrers {
		for i := range rows {
			v, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) {
				at := t.Index(name)
				if at < 0 {
					return nil, false
				}
				return values[i][at], true
			})
			if !ok || v == nil || f.Table == t.Name && f.Schema == f.RefSchema && v.equal(selfOf(t, f, values[i])) {
				continue // a row that refers to itself goes with itself
			}
			if err := a.release(ctx, tx, t, f, v, winner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// pointed returns the winners of rows that are made to refer to other values.
func pointed(child *schema.Table, f schema.ForeignKey, to tuple) func([][]byte) [][]byte {
	return func(row [][]byte) [][]byte {
		row = slices.Clone(row)
		for i, name := range f.Columns {
			if at := child.Index(name); at >= 0 {
				row[at] = to[i]
			}
		}
		return row
	}
}

// keepAs keeps rows that are about to be written as losers, each with the row that takes
// its place, of the version of the winner, and returns them.
func (a *Applier) keepAs(ctx context.Context, tx mysqldb.Tx, t *schema.Table, where *mysqldb.Statement, winner change.Version, next func([][]byte) [][]byte) ([]change.Row, [][][]byte, error) {
	var q mysqldb.Statement
	q.SQL("SELECT " + t.KeyExpr("") + ", " + t.SelectList() + " FROM " + mysqldb.Quote(t.Name) + " WHERE ")
	q.Append(where)
	q.SQL(" FOR UPDATE")
	var rows []change.Row
	var values [][][]byte
	err := q.Query(ctx, tx, func(r *sql.Rows) error {
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
	if err := t.Identify(ctx, tx, rows); err != nil {
		return nil, nil, err
	}
	states, err := version.Read(ctx, tx, rows)
	if err != nil {
		return nil, nil, err
	}
	entries := make([]journal.Entry, len(rows))
	for i, r := range rows {
		v := states[r].Version
		if v.IsZero() {
			v = conflict.Next(states[r], change.Micros(a.now()), a.Origin).Version
		}
		g := group{table: t}
		entries[i] = journal.Entry{Table: t, Key: r.Key, ID: r.ID(), Policy: ForeignKey, Winner: g.side(winner, next(values[i])), Loser: g.side(v, values[i])}
	}
	return rows, values, journal.Record(ctx, tx, entries)
}

// selfOf returns what a row refers to by a foreign key of its own table.
func selfOf(t *schema.Table, f schema.ForeignKey, row [][]byte) tuple {
	v, _ := tupleOf(f.Columns, func(name string) ([]byte, bool) {
		at := t.Index(name)
		if at < 0 {
			return nil, false
		}
		return row[at], true
	})
	return v
}
