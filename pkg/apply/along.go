package apply

import (
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/losers"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// takeAlong deletes the rows that refer to those that groups are about to delete, if that was decided. It writes them as
// a user would: the triggers record the deletes, which go to all remotes. The lost rows are kept. Promise 4.
func (a *Applier) takeAlong(ctx context.Context, tx Tx, groups []*group) error {
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
			if err := tx.AsUser(ctx); err != nil {
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

// departure is a set of rows to delete, and what goes with them.
type departure struct {
	a      *Applier
	tx     Tx
	winner change.Version
	from   string              // the client whose delete removes them
	going  map[string][]string // keys by table of the rows already handled
}

// deepest limits how many foreign keys in a row are followed.
const deepest = 30

// release makes the rows of a foreign key stop referring to a value, as the key specifies: they get NULL, or are deleted
// with whatever refers to them. Foreign key checks are off, so rings can be deleted too.
func (x *departure) release(ctx context.Context, parent *schema.Table, f schema.ForeignKey, v Tuple, depth int) error {
	if depth == deepest {
		return fmt.Errorf("foreign keys are followed through %d tables", deepest)
	}
	var child *schema.Table
	if f.Schema == f.RefSchema {
		var err error
		if child, err = x.a.db.Table(ctx, f.Table); err != nil {
			return err
		}
	}
	found := Found{Place: childrenOf(parent, f), Value: v, Child: child, Except: x.going[f.Table]}
	if err := x.mayTake(ctx, f, found); err != nil {
		return err
	}
	if f.OnDelete == "SET NULL" {
		nothing := make(Tuple, len(f.Columns))
		if child != nil {
			if _, _, err := x.a.keepAs(ctx, x.tx, found, x.winner, pointed(child, f, nothing)); err != nil {
				return err
			}
		}
		return x.tx.Point(ctx, found, nothing)
	}
	if child != nil {
		if err := x.keepChildren(ctx, found, depth); err != nil {
			return err
		}
	}
	return x.tx.Remove(ctx, found)
}

// mayTake returns an error if a foreign key has rows that must not be deleted: other clients may not write to unlisted
// tables, and need the right to write to listed ones. Promise 8.
func (x *departure) mayTake(ctx context.Context, f schema.ForeignKey, found Found) error {
	table := f.Table
	if f.Schema != f.RefSchema {
		table = f.Schema + "." + f.Table
	}
	if x.a.TakesAlong != nil && !x.a.TakesAlong(table) {
		if any, err := x.tx.Any(ctx, found); err != nil || !any {
			return err
		}
		return fmt.Errorf("rows of %s refer to it (foreign key %s), but that table is not in syncTables, receiveTables or cascadeTables: add it to one of them, or delete these rows",
			table, f.Name)
	}
	var columns []string
	if f.OnDelete == "SET NULL" {
		columns = f.Columns
	}
	return x.a.mayTouch(ctx, x.tx, x.from, f, columns, found)
}

// mayTouch returns an error if a foreign key has rows that a client has no right to delete, or whose given columns it may
// not write.
func (a *Applier) mayTouch(ctx context.Context, tx Tx, client string, f schema.ForeignKey, columns []string, found Found) error {
	if a.MayTake == nil || f.Schema != f.RefSchema || a.MayTake(client, f.Table, columns) {
		return nil
	}
	if any, err := tx.Any(ctx, found); err != nil || !any {
		return err
	}
	return fmt.Errorf("rows of %s refer to it (foreign key %s), but acceptFrom does not let %s change these", f.Table, f.Name, client)
}

// keepChildren keeps rows that are about to be deleted as losers of a conflict, and releases the rows that refer to them.
func (x *departure) keepChildren(ctx context.Context, found Found, depth int) error {
	t := found.Child
	rows, values, err := x.a.keepAs(ctx, x.tx, found, x.winner, func([][]byte) [][]byte { return nil })
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

// pointed returns a function that turns a row into its winner: the row with its foreign key pointing to other values.
func pointed(child *schema.Table, f schema.ForeignKey, to Tuple) func([][]byte) [][]byte {
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

// keepAs keeps rows that are about to be written as losers, each with the row that replaces it under the winner's
// version, and returns them.
func (a *Applier) keepAs(ctx context.Context, tx Tx, found Found, winner change.Version, next func([][]byte) [][]byte) ([]change.Row, [][][]byte, error) {
	rows, values, err := tx.Take(ctx, found)
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	states, err := tx.States(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	t := found.Child
	entries := make([]losers.Entry, len(rows))
	for i, r := range rows {
		v := states[r].Version
		if v.IsZero() {
			v = conflict.Next(states[r], a.wall(), a.Origin).Version
		}
		g := group{table: t}
		entries[i] = losers.Entry{Table: t, Key: r.Key, ID: r.ID(), Policy: ForeignKey, Winner: g.side(winner, next(values[i])), Loser: g.side(v, values[i])}
	}
	return rows, values, tx.Keep(ctx, entries)
}
