package apply

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
)

// writeTied carries out the plan when write cannot, because rows of the transaction refer to each other, or have each
// other's unique values. The server's foreign key checks are off while it writes, and so are the foreign keys' actions
// on further rows; before the end it checks the foreign keys itself. Rows that a unique key puts in each other's way are
// moved one by one. Changes that cannot be part of it are returned as *barred. Promise 7.
func (a *Applier) writeTied(ctx context.Context, tx Tx, groups []*group) error {
	for _, g := range groups {
		if err := g.readBefore(ctx, tx); err != nil {
			return stuckIn(g.table.Name, err)
		}
	}
	err := tx.Unchecked(ctx, func() error {
		if err := a.takeAlong(ctx, tx, groups); err != nil {
			return err
		}
		for _, g := range slices.Backward(groups) {
			if err := tx.Delete(ctx, g.table, pick(g, (*Step).deletes)); err != nil {
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

// before has the values of a table's rows before the transaction wrote them, in the columns that tie rows: those of
// unique keys, and those that foreign keys refer to.
type before struct {
	columns []string
	rows    map[string][][]byte // by key
}

// value returns a row's former value in a column, and false if it was not read.
func (b *before) value(key, column string) ([]byte, bool) {
	row := b.rows[key]
	i := slices.Index(b.columns, column)
	if row == nil || i < 0 {
		return nil, false
	}
	return row[i], true
}

// readBefore reads the current values of the rows that are about to be written. They are locked.
func (g *group) readBefore(ctx context.Context, tx Tx) error {
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
	rows, err := tx.Values(ctx, g.table, g.before.columns, stepKeys(steps))
	if err != nil {
		return err
	}
	g.before.rows = rows
	for _, s := range steps {
		g.before.rows[s.in.Key] = g.before.rows[s.key] // if the two are spelled differently
	}
	return nil
}

// after returns a row's value in a column once the step has written it, and false if that is unknown.
func (g *group) after(s *Step, column string) ([]byte, bool) {
	if i := slices.Index(s.in.Columns, column); i >= 0 {
		return s.in.Values[i], true
	}
	return g.before.value(s.in.Key, column)
}

// Tuple is the values of several columns; nil if one of them is NULL, which refers to nothing and equals nothing.
type Tuple [][]byte

// tupleOf returns the values of columns, which it asks value for, and false if one of them is unknown.
func tupleOf(columns []string, value func(string) ([]byte, bool)) (Tuple, bool) {
	list := make(Tuple, len(columns))
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

func (t Tuple) equal(o Tuple) bool {
	return slices.EqualFunc(t, o, func(a, b []byte) bool { return string(a) == string(b) })
}

// add makes a change wait.
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

// union returns the rows of two lists without duplicates: a row may refer to another by two foreign keys, but a question
// to the sender names it once.
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
