package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// successor returns the step that inserts the row in whose place a deleted one was: it
// has the values of one of its unique keys, by the same author. What was an update of the
// key there comes as the two.
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

// followed has rows that refer to what a row was refer to what it is now, where that was
// decided: whoever made the change did not know them. They are written as a user would
// write them: the triggers note it, and it goes to all remotes. What they were is kept. Promise 4.
func (a *Applier) followed(ctx context.Context, tx mysqldb.Tx, g *group) error {
	for _, s := range pick(g, func(s *Step) bool { return s.exists }) {
		if s.of.verdict != follow {
			continue
		}
		now := s
		if s.in.Deleted() {
			if now = g.successor(s); now == nil {
				continue // it is barred, and what refers to this row bars it
			}
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

// lead has the rows of a foreign key that refer to one value refer to another one.
func (a *Applier) lead(ctx context.Context, tx mysqldb.Tx, parent *schema.Table, f schema.ForeignKey, from, to tuple, s *Step) error {
	var taken mysqldb.Statement
	taken.SQL("SELECT 1 FROM " + mysqldb.Quote(parent.Name) + " WHERE ")
	addTuple(&taken, "", f.RefColumns, f.RefColumns, parent, from)
	taken.SQL(" LIMIT 1")
	again := false
	if err := taken.Query(ctx, tx, func(*sql.Rows) error { again = true; return nil }); err != nil || again {
		return err // another row has the value now: they refer to that one
	}
	var where, q mysqldb.Statement
	addTuple(&where, "", f.Columns, f.RefColumns, parent, from)
	if err := a.mayTouch(ctx, tx, s.in.From, f, f.Columns, &where); err != nil {
		return stuckIn(parent.Name, err)
	}
	if child, err := a.tables.Table(ctx, f.Table); err == nil && f.Schema == f.RefSchema {
		if _, _, err := a.keepAs(ctx, tx, child, &where, s.came.Version, pointed(child, f, to)); err != nil {
			return err
		}
	}
	q.SQL("UPDATE " + qualified(f.Schema, f.Table) + " SET ")
	for i, name := range f.Columns {
		if i > 0 {
			q.SQL(", ")
		}
		c, _ := parent.Column(f.RefColumns[i])
		q.SQL(mysqldb.Quote(name) + "=")
		schema.AddValue(&q, c, to[i])
	}
	q.SQL(" WHERE ")
	q.Append(&where)
	return q.Exec(ctx, tx)
}
