package capture

import (
	"context"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// plan is what follows from the tables and the foreign keys of a look. It is made anew only
// where one of these has changed: with many tables it takes long.
type plan struct {
	tables   []*schema.Table
	keys     []schema.ForeignKey // all
	usable   []schema.ForeignKey // those that the triggers follow
	lacking  []Denied
	wanted   []trigger
	standing map[string]standing // for the memories
	memories map[string]*memory  // of each table, without samples
}

// plan returns the plan of the last look, or makes another. Where a parent is in another
// schema, the user's rights there may have changed.
func (w *Watcher) plan(ctx context.Context, tables []*schema.Table, keys []schema.ForeignKey) (*plan, error) {
	p := w.planned
	if p != nil && slices.Equal(tables, p.tables) && slices.EqualFunc(keys, p.keys, schema.ForeignKey.Same) && len(others(w.db.Name, keys)) == 0 {
		return p, nil
	}
	p = &plan{tables: tables, keys: keys}
	var err error
	if p.usable, p.lacking, err = readable(ctx, w.db, tables, keys); err != nil {
		return nil, err
	}
	p.wanted, _ = wanted(w.db, tables, p.usable)
	w.planned = p
	return p, nil
}

// memory returns how a table is captured by the triggers that stand, as remember does.
func (p *plan) memory(t *schema.Table, own string, list []trigger, standing map[string]standing) *memory {
	if p.memories == nil || !maps.Equal(standing, p.standing) {
		p.standing, p.memories = standing, map[string]*memory{}
	}
	m := p.memories[t.Name]
	if m == nil {
		m = remember(t, own, list, standing, p.usable)
		p.memories[t.Name] = m
	}
	clone := *m
	return &clone
}
