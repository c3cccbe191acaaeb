package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// left looks for rows that would lose their parents because groups have deleted the parents or given them other values.
// Changes that would orphan rows are barred: what their origin did to those rows is on its way. If the sender has said
// that it is not, the change is decided.
func (a *Applier) left(ctx context.Context, tx Tx, groups []*group) error {
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
			for _, i := range slices.Sorted(maps.Keys(held)) {
				if err := a.bar(ctx, tx, &b, g, gone[i].step, f, held[i]); err != nil {
					return err
				}
			}
		}
	}
	return b.or()
}

// former is a row's previous value, to which others may refer.
type former struct {
	step  *Step
	value Tuple
}

// gone returns the rows that a group has deleted, or given other values in the columns that a foreign key refers to.
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

// holders returns, by their index in a list, the changes that would orphan rows of a foreign key, with those rows.
func (a *Applier) holders(ctx context.Context, tx Tx, t *schema.Table, f schema.ForeignKey, gone []former) (map[int]*Wait, error) {
	child, err := a.db.Table(ctx, f.Table)
	if err != nil || f.Schema != f.RefSchema {
		child = nil
	}
	values := make([]Tuple, len(gone))
	for i, x := range gone {
		values[i] = x.value
	}
	orphans, err := tx.Orphans(ctx, childrenOf(t, f), f.RefColumns, child, values)
	held := make(map[int]*Wait, len(orphans))
	for i, rows := range orphans {
		held[i] = &Wait{refer: rows}
	}
	return held, err
}

// bar makes a change wait for the rows that refer to its row, or decides it if whoever made it did not know them.
func (a *Applier) bar(ctx context.Context, tx Tx, b *barred, g *group, s *Step, f schema.ForeignKey, w *Wait) error {
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
	if in.Withdrawn { // the rows that refer to it go too, or have news for the sender
		w.needs = []change.Row{{Table: f.Table}}
		b.add(s.in.Row, w)
		return nil
	}
	strangers := in.Strangers
	if in.Dated && in.Deleted() {
		unknown, err := a.unknown(ctx, tx, in.From, w.refer)
		if err != nil {
			return err
		}
		if len(unknown) == 0 && (f.OnDelete == "CASCADE" || f.OnDelete == "SET NULL") && !w.more {
			in.verdict, b.decided = cascade, true // as there: no message tells of it
			return nil
		}
		strangers = unknown
	}
	strange := !slices.ContainsFunc(w.refer, func(r change.Row) bool {
		_, ok := strangers[r]
		return !ok && a.Receives(r.Table) && !(in.Dated && !in.Deleted()) // a version-1 peer does not tell which rows followed there
	})
	switch {
	case !strange:
	case !in.Deleted() || g.successor(s) != nil:
		in.verdict, b.decided = follow, true
		return nil
	case a.Cascade && w.more:
		w.text += ": too many to delete with it at once, delete them yourself"
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
