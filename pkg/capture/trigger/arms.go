package trigger

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// arms are the triggers, and what they are derived from, as last seen.
type arms struct {
	planned *plan
	stood   map[string]standing
	seen    map[string]*schema.Table // the synced tables as of when their triggers were last known to be right
	right   map[string]time.Time     // when that was
	refused map[string]bool          // triggers in other schemas that the user may not create
}

// plan returns the last check's plan, or makes a new one. If a parent is in another schema, the user's rights there may
// have changed.
func (a *arms) plan(ctx context.Context, db *mysqldb.DB, tables []*schema.Table, keys []schema.ForeignKey, c Config) (*plan, error) {
	p := a.planned
	if p != nil && slices.Equal(tables, p.tables) && slices.EqualFunc(keys, p.keys, schema.ForeignKey.Same) && len(others(db.Name, keys)) == 0 {
		return p, nil
	}
	p = &plan{tables: tables, keys: keys}
	var err error
	if p.usable, p.lacking, err = readable(ctx, db, tables, keys); err != nil {
		return nil, err
	}
	p.wanted, _ = wanted(db, tables, p.usable, c)
	a.planned = p
	return p, nil
}

// makeable returns those of the triggers that the user may create.
func (a *arms) makeable(list []trigger) []trigger {
	return slices.DeleteFunc(slices.Clone(list), func(t trigger) bool { return a.refused[t.id()] })
}

// stand reports whether the triggers exist as they should, no others of ours do, and none was recreated since the last
// check.
func (a *arms) stand(list []trigger, standing map[string]standing) bool {
	for _, t := range list {
		if s := standing[t.id()]; s.trigger != t.shown() || a.remade(s) {
			return false
		}
	}
	return len(standing) == len(list)
}

// remade reports whether someone has recreated a trigger since the last check: then it was missing for a while.
func (a *arms) remade(s standing) bool {
	before, ok := a.stood[s.id()]
	return ok && before.made != s.made
}

// missed returns the tables that could be written without being captured; own is the node's schema.
func (a *arms) missed(own string, list []trigger, standing map[string]standing, tables []*schema.Table, keys []schema.ForeignKey) []string {
	names := map[string]bool{}
	for _, t := range list {
		s, ok := standing[t.id()]
		switch {
		case s.trigger == t.shown() && !a.remade(s):
		case t.time == "AFTER": // on the table itself
			i := slices.IndexFunc(tables, func(x *schema.Table) bool { return x.Name == t.table })
			if !ok || s.table != t.table || a.remade(s) || !failing(a.seen[t.table], tables[i]) {
				names[t.table] = true
			}
		case !ok && a.stood[t.id()].trigger == t.shown() || ok && (s.table != t.table || a.remade(s)):
			// An unnoticed cascade may have changed everything below.
			for _, x := range tables {
				if slices.Contains(below(t.on(own), keys), place{own, x.Name}) {
					names[x.Name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// failing reports whether the triggers of an earlier definition of a table have made all writes fail: they name a key
// column that no longer exists.
func failing(before, now *schema.Table) bool {
	if before == nil {
		return false
	}
	for _, k := range before.Key {
		if _, ok := now.Column(before.Columns[k].Name); !ok {
			return true
		}
	}
	return false
}
