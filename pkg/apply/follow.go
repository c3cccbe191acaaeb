package apply

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// successor returns the step that inserts the row that replaces a deleted one: it takes over the values of one of its
// unique keys, and has the same author. This is how an update of the key arrives.
func (g *group) successor(s *Step) *Step {
	for _, u := range g.table.Unique {
		old, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.before.value(s.in.Key, name) })
		if !ok || old == nil {
			continue
		}
		for i := range g.steps {
			x := &g.steps[i]
			if x == s || !x.Decision.Writes() || !x.puts() || x.exists || x.came.Version.Author() != s.came.Version.Author() {
				continue
			}
			if now, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.after(x, name) }); ok && now.equal(old) {
				return x
			}
		}
	}
	return nil
}

// followed makes rows that refer to a row's old values refer to its new ones, if that was decided: whoever made the
// change did not know them. It writes them as a user would: the triggers record the updates, which go to all remotes.
// Their previous state is kept. Promise 4.
func (a *Applier) followed(ctx context.Context, tx Tx, g *group) error {
	for _, s := range pick(g, func(s *Step) bool { return s.exists }) {
		if s.of.verdict != follow {
			continue
		}
		now := s
		if s.in.Deleted() {
			if now = g.successor(s); now == nil {
				continue // the successor is barred, and the rows that refer to this one bar it too
			}
		}
		if err := tx.AsUser(ctx); err != nil {
			return err
		}
		for _, f := range g.table.Referrers {
			gone, err := g.gone(f)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(gone, func(x former) bool { return x.step == s })
			to, ok := tupleOf(f.RefColumns, func(name string) ([]byte, bool) { return g.after(now, name) })
			if i < 0 || !ok || to == nil {
				continue
			}
			if err := a.lead(ctx, tx, g.table, f, gone[i].value, to, s); err != nil {
				return fmt.Errorf("have rows of %s follow %s: %w", f.Table, g.table.Name, err)
			}
		}
	}
	return nil
}

// lead makes the rows of a foreign key that refer to one value refer to another.
func (a *Applier) lead(ctx context.Context, tx Tx, parent *schema.Table, f schema.ForeignKey, from, to Tuple, s *Step) error {
	if again, err := tx.Any(ctx, Found{Place: within(parent, f.RefColumns), Value: from}); err != nil || again {
		return err // another row has the value now: they refer to that one
	}
	found := Found{Place: childrenOf(parent, f), Value: from}
	if err := a.mayTouch(ctx, tx, s.in.From, f, f.Columns, found); err != nil {
		return stuckIn(parent.Name, err)
	}
	if child, err := a.db.Table(ctx, f.Table); err == nil && f.Schema == f.RefSchema {
		found.Child = child
		if _, _, err := a.keepAs(ctx, tx, found, s.came.Version, pointed(child, f, to)); err != nil {
			return err
		}
	}
	return tx.Point(ctx, found, to)
}
