package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// left looks for rows that would be left without the parents that groups have deleted
// or given other values. Changes that would leave some are barred: what their origin
// did to those rows is on its way. Where it is not, as was found out by asking, the
// change is decided.
func (a *Applier) left(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	var b barred
	for _, g := range groups {
		for _, f := range g.table.Referrers {
			gone, err := g.gone(f)
			if err != nil {
				return err
			}
			held, err := a.holders(ctx, tx, g.table, f, gone)
			if err != nil {
				return stuckIn(g.table.Name, err)
			}
			for i, w := range held {
				if err := a.bar(ctx, tx, &b, g, gone[i].step, f, w); err != nil {
					return err
				}
			}
		}
	}
	return b.or()
}

// former is a row that is not any more what others may refer to.
type former struct {
	step  *Step
	value tuple
}

// gone returns the rows that a group has deleted, or given other values in the columns
// that a foreign key refers to.
func (g *group) gone(f schema.ForeignKey) ([]former, error) {
	var list []former
	for _, s := range pick(g, func(s *Step) bool { return s.exists }) {
		old, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) { return g.before.value(s.in.Key, name) })
		if !ok && ofKey(g.table, f) {
			var err error
			if old, err = keyTuple(g.table, s.in.Key, f.RefColumns); err != nil {
				return nil, err
			}
		}
		if old == nil {
			continue
		}
		if !s.in.Deleted() {
			now, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) { return g.after(s, name) })
			if !ok || now.equal(old) {
				continue
			}
		}
		list = append(list, former{s, old})
	}
	return list, nil
}

// holders returns, by their places in a list, the changes that would leave rows of a
// foreign key without a parent, with those rows.
func (a *Applier) holders(ctx context.Context, tx mysqldb.Tx, t *schema.Table, f schema.ForeignKey, gone []former) (map[int]*Wait, error) {
	key := "''"
	child, err := a.tables.Table(ctx, f.Table)
	if err == nil && f.Schema == f.RefSchema {
		key = child.KeyExpr("")
	}
	held := map[int]*Wait{}
	for from := 0; from < len(gone); from += looksMost {
		var q mysqldb.Statement
		for i, x := range gone[from:min(from+looksMost, len(gone))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT " + strconv.Itoa(from+i) + ", " + key + " FROM " + qualified(f.Schema, f.Table) + " WHERE ")
			addTuple(&q, "", f.Columns, f.RefColumns, t, x.value)
			q.SQL(" AND NOT EXISTS (SELECT 1 FROM " + mysqldb.Quote(t.Name) + " p WHERE ")
			addTuple(&q, "p.", f.RefColumns, f.RefColumns, t, x.value)
			q.SQL(") LIMIT " + strconv.Itoa(referMost+1) + ")")
		}
		err := q.Query(ctx, tx, func(r *sql.Rows) error {
			var i int
			row := change.Row{Table: f.Table}
			if err := r.Scan(&i, &row.Key); err != nil {
				return err
			}
			w := held[i]
			if w == nil {
				w = &Wait{}
				held[i] = w
			}
			w.refer = append(w.refer, row)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for rows of %s that refer to %s: %w", f.Table, t.Name, err)
		}
	}
	return held, nil
}

// bar has a change wait for the rows that hold it, or decides it if whoever made it
// did not know them.
func (a *Applier) bar(ctx context.Context, tx mysqldb.Tx, b *barred, g *group, s *Step, f schema.ForeignKey, w *Wait) error {
	number := strconv.Itoa(len(w.refer))
	if w.more = len(w.refer) > referMost; w.more {
		w.refer = w.refer[:referMost]
		number = "more than " + strconv.Itoa(referMost)
	}
	w.text = fmt.Sprintf("waits for %s rows of %s that refer to it (foreign key %s)", number, f.Table, f.Name)
	if len(w.refer) == 1 {
		w.text = fmt.Sprintf("waits for 1 row of %s that refers to it (foreign key %s)", f.Table, f.Name)
	}
	in := s.of
	strangers := in.Strangers
	if in.Dated && in.Deleted() {
		unknown, err := a.unknown(ctx, tx, in.From, w.refer)
		if err != nil {
			return err
		}
		if len(unknown) == 0 && (f.OnDelete == "CASCADE" || f.OnDelete == "SET NULL") && !w.more {
			in.verdict, b.decided = cascade, true // as they did there, where nothing tells of it
			return nil
		}
		strangers = unknown
	}
	strange := !slices.ContainsFunc(w.refer, func(r change.Row) bool {
		_, ok := strangers[r]
		return !ok && a.Receives(r.Table) && !(in.Dated && !in.Deleted()) // a peer of version 1 tells nothing of those that followed there
	})
	switch {
	case !strange:
	case !in.Deleted() || g.successor(s) != nil:
		in.verdict, b.decided = follow, true
		return nil
	case a.Cascade && w.more:
		w.text += ": too many to go with it at once, delete them"
	case a.Cascade:
		in.verdict, b.decided = cascade, true
		return nil
	case !a.Syncs(g.table.Name):
		w.text += fmt.Sprintf("; %s did not know of them, and %s is not in syncTables here, so the row cannot be sent back: delete them, or set foreignKeyConflict to cascade",
			in.From, g.table.Name)
	default:
		in.verdict, b.decided = keep, true
		return nil
	}
	w.needs = slices.Clone(w.refer)
	if w.more || w.refer[0].Key == "" {
		w.needs = []change.Row{{Table: f.Table}}
	}
	b.add(s.in.Row, w)
	return nil
}
