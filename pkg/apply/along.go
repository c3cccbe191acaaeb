package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// takeAlong has the rows go that refer to those which groups are about to delete, where
// that was decided. They are written as a user would write them: the triggers note it,
// and it goes to all remotes. What is lost is kept. Promise 4.
func (a *Applier) takeAlong(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	x := departure{a: a, tx: tx, going: map[string][]string{}}
	for _, g := range groups {
		for _, s := range pick(g, (*Step).deletes) {
			x.going[g.table.Name] = append(x.going[g.table.Name], s.in.Key)
		}
	}
	for _, g := range groups {
		for _, s := range pick(g, (*Step).deletes) {
			if s.of.verdict != cascade {
				continue
			}
			if _, err := tx.ExecContext(ctx, setApplying, nil, nil); err != nil {
				return err
			}
			x.winner, x.from = s.came.Version, s.in.From
			for _, f := range g.table.Referrers {
				gone, err := g.gone(f)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(gone, func(x former) bool { return x.step == s })
				if i < 0 {
					continue
				}
				if err := x.release(ctx, g.table, f, gone[i].value, 0); err != nil {
					return stuckIn(g.table.Name, fmt.Errorf("delete what refers to a row of %s: %w", g.table.Name, err))
				}
			}
		}
	}
	return nil
}

// departure is rows that go, and what goes with them.
type departure struct {
	a      *Applier
	tx     mysqldb.Tx
	winner change.Version
	from   string              // the client by whose delete they go
	going  map[string][]string // keys by table: these are seen to
}

// deepest bounds how many foreign keys are followed one after the other.
const deepest = 30

// release makes the rows of a foreign key that refer to a value not do so any more, as
// the key says: they get NULL, or go with what refers to them. The checks of foreign
// keys are off, so that rings go as well.
func (x *departure) release(ctx context.Context, parent *schema.Table, f schema.ForeignKey, v tuple, depth int) error {
	if depth == deepest {
		return fmt.Errorf("foreign keys are followed through %d tables", deepest)
	}
	var child *schema.Table
	if f.Schema == f.RefSchema {
		var err error
		if child, err = x.a.tables.Table(ctx, f.Table); err != nil {
			return err
		}
	}
	var where, q mysqldb.Statement
	addTuple(&where, "", f.Columns, f.RefColumns, parent, v)
	if child != nil && len(x.going[f.Table]) > 0 {
		where.SQL(" AND NOT (")
		if err := child.AddKeys(&where, slices.Values(x.going[f.Table])); err != nil {
			return err
		}
		where.SQL(")")
	}
	if err := x.mayTake(ctx, f, &where); err != nil {
		return err
	}
	if f.OnDelete == "SET NULL" {
		if child != nil {
			if _, _, err := x.a.keepAs(ctx, x.tx, child, &where, x.winner, pointed(child, f, make(tuple, len(f.Columns)))); err != nil {
				return err
			}
		}
		q.SQL("UPDATE " + qualified(f.Schema, f.Table) + " SET ")
		for i, name := range f.Columns {
			if i > 0 {
				q.SQL(", ")
			}
			q.SQL(mysqldb.Quote(name) + "=NULL")
		}
	} else {
		if child != nil {
			if err := x.keepChildren(ctx, child, &where, depth); err != nil {
				return err
			}
		}
		q.SQL("DELETE FROM " + qualified(f.Schema, f.Table))
	}
	q.SQL(" WHERE ")
	q.Append(&where)
	return q.Exec(ctx, x.tx)
}

// mayTake returns an error if there are rows of a foreign key that are not to go: those of tables that nobody has listed are not
// for others to write, and those of others are for who has the right to. Promise 8.
func (x *departure) mayTake(ctx context.Context, f schema.ForeignKey, where *mysqldb.Statement) error {
	table := f.Table
	if f.Schema != f.RefSchema {
		table = f.Schema + "." + f.Table
	}
	if x.a.TakesAlong != nil && !x.a.TakesAlong(table) {
		if found, err := rowsOf(ctx, x.tx, f, where); err != nil || !found {
			return err
		}
		return fmt.Errorf("rows of %s refer to it (foreign key %s), but that table is not in syncTables, receiveTables or cascadeTables: add it to one of them, or delete these rows",
			table, f.Name)
	}
	var columns []string
	if f.OnDelete == "SET NULL" {
		columns = f.Columns
	}
	return x.a.mayTouch(ctx, x.tx, x.from, f, columns, where)
}

// mayTouch returns an error if there are rows of a foreign key that a client has no right to delete, or to write in some columns.
func (a *Applier) mayTouch(ctx context.Context, tx mysqldb.Tx, client string, f schema.ForeignKey, columns []string, where *mysqldb.Statement) error {
	if a.MayTake == nil || f.Schema != f.RefSchema || a.MayTake(client, f.Table, columns) {
		return nil
	}
	if found, err := rowsOf(ctx, tx, f, where); err != nil || !found {
		return err
	}
	return fmt.Errorf("rows of %s refer to it (foreign key %s), but acceptFrom does not let %s change these", f.Table, f.Name, client)
}

// rowsOf reports whether there are rows of a foreign key.
func rowsOf(ctx context.Context, tx mysqldb.Tx, f schema.ForeignKey, where *mysqldb.Statement) (found bool, err error) {
	var q mysqldb.Statement
	q.SQL("SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE ")
	q.Append(where)
	q.SQL(" LIMIT 1")
	err = q.Query(ctx, tx, func(*sql.Rows) error { found = true; return nil })
	return found, err
}

// keepChildren keeps rows that are about to be deleted as the losers of a conflict, and
// releases what refers to them.
func (x *departure) keepChildren(ctx context.Context, t *schema.Table, where *mysqldb.Statement, depth int) error {
	rows, values, err := x.a.keepAs(ctx, x.tx, t, where, x.winner, func([][]byte) [][]byte { return nil })
	if err != nil || len(rows) == 0 {
		return err
	}
	x.a.log.Info("rows were deleted or changed with the row they refer to; they are kept as losers", zap.String("table", t.Name), zap.Int("rows", len(rows)))
	for _, r := range rows {
		x.going[t.Name] = append(x.going[t.Name], r.Key)
	}
	for _, f := range t.Referrers {
		for i := range rows {
			v, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) {
				at := t.Index(name)
				if at < 0 {
					return nil, false
				}
				return values[i][at], true
			})
			if !ok || v == nil {
				continue
			}
			if err := x.release(ctx, t, f, v, depth+1); err != nil {
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
	entries := make([]losers.Entry, len(rows))
	for i, r := range rows {
		v := states[r].Version
		if v.IsZero() {
			v = conflict.Next(states[r], change.Micros(a.now()), a.Origin).Version
		}
		g := group{table: t}
		entries[i] = losers.Entry{Table: t, Key: r.Key, ID: r.ID(), Policy: ForeignKey, Winner: g.side(winner, next(values[i])), Loser: g.side(v, values[i])}
	}
	return rows, values, losers.Record(ctx, tx, entries)
}
