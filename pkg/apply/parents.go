package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// parentless looks up the parents of the rows that a group has written, and locks them as the server would. Rows whose
// parents are missing are barred; if a parent was deleted in the same transaction, its delete is barred instead.
func (a *Applier) parentless(ctx context.Context, tx Tx, groups []*group, g *group) error {
	steps := pick(g, (*Step).puts)
	if len(steps) == 0 || len(g.table.ForeignKeys) == 0 {
		return nil
	}
	var b barred
	for _, f := range g.table.ForeignKeys {
		refers, err := g.refersTo(ctx, tx, f, steps)
		if err != nil {
			return err
		}
		missing, err := absent(ctx, tx, g.table, f, refers)
		if err != nil {
			return err
		}
		refer := map[*Step][]change.Row{}
		waits, needs := make([]*Wait, len(missing)), make([]change.Row, len(missing))
		for i, r := range missing {
			waits[i] = a.waitForParent(ctx, g.table, r, f)
			needs[i] = waits[i].needs[0]
		}
		if err := a.db.Identify(ctx, needs); err != nil {
			return err
		}
		for i, r := range missing {
			waits[i].needs = needs[i : i+1 : i+1]
			if s := deleted(groups, needs[i]); s != nil {
				refer[s] = append(refer[s], change.Row{Table: g.table.Name, Key: r.key})
			} else if err := a.waits(ctx, g, &b, r.key, waits[i]); err != nil {
				return err
			}
		}
		for _, parent := range groups {
			for i := range parent.steps {
				s := &parent.steps[i]
				if refer[s] == nil {
					continue
				}
				if err := a.bar(ctx, tx, &b, parent, s, f, &Wait{refer: refer[s]}); err != nil {
					return err
				}
			}
		}
	}
	return b.or()
}

// waits makes the change that wrote the row with the given key wait.
func (a *Applier) waits(ctx context.Context, g *group, b *barred, key string, w *Wait) error {
	i := slices.IndexFunc(g.in, func(in *Incoming) bool { return in.Key == key })
	if i >= 0 {
		b.add(g.in[i].Row, w)
		return nil
	}
	found := []change.Row{{Table: g.table.Name, Key: key}} // spelled differently
	if err := a.db.Identify(ctx, found); err != nil {
		return err
	}
	i = slices.IndexFunc(g.in, func(in *Incoming) bool { return in.Identity() == found[0].Identity() })
	if i < 0 {
		return fmt.Errorf("%w: a row of %s was written under another key", errTied, g.table.Name)
	}
	b.add(g.in[i].Row, w)
	return nil
}

// deleted returns the step that deletes a row, if any.
func deleted(groups []*group, r change.Row) *Step {
	for _, g := range groups {
		if g.table.Name != r.Table {
			continue
		}
		for i := range g.steps {
			if s := &g.steps[i]; s.in.Identity() == r.Identity() && s.Decision.Writes() && s.deletes() {
				return s
			}
		}
	}
	return nil
}

// reference is what a row refers to.
type reference struct {
	key   string // of the referring row
	value Tuple
}

// refersTo returns what the written rows refer to by a foreign key, as the server has stored it.
func (g *group) refersTo(ctx context.Context, tx Tx, f schema.ForeignKey, steps []*Step) ([]reference, error) {
	var list []reference
	for _, name := range f.Columns {
		if _, ok := g.table.Column(name); !ok {
			return nil, nil // the server computes it
		}
	}
	for part := range slices.Chunk(stepKeys(steps), looksMost) {
		rows, err := tx.Values(ctx, g.table, f.Columns, part)
		if err != nil {
			return nil, fmt.Errorf("look at the foreign key %s: %w", f.Name, err)
		}
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			if v := rows[key]; !slices.ContainsFunc(v, func(v []byte) bool { return v == nil }) { // or refers to nothing
				list = append(list, reference{key, v})
			}
		}
	}
	return list, nil
}

// absent returns the references whose parents are missing. The other parents are locked, so no one can delete them before
// the transaction ends.
func absent(ctx context.Context, tx Tx, t *schema.Table, f schema.ForeignKey, refs []reference) ([]reference, error) {
	var different []Tuple
	at := make(map[string]int, len(refs))
	place := make([]int, len(refs)) // index of each reference's parent in different
	for i, r := range refs {
		text := string(conflict.Text(r.value))
		if _, ok := at[text]; !ok {
			at[text] = len(different)
			different = append(different, r.value)
		}
		place[i] = at[text]
	}
	there, err := tx.Hold(ctx, parentsOf(t, f), different)
	if err != nil {
		return nil, err
	}
	var missing []reference
	for i, r := range refs {
		if !there[place[i]] {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// waitForParent returns the Wait of a row for the row that it refers to.
func (a *Applier) waitForParent(ctx context.Context, t *schema.Table, r reference, f schema.ForeignKey) *Wait {
	need := change.Row{Table: f.RefTable}
	shown := make([]string, len(f.Columns))
	for i, name := range f.Columns {
		shown[i] = fmt.Sprintf("%s %.40q", name, r.value[i])
	}
	if p, err := a.db.Table(ctx, f.RefTable); err == nil && f.RefSchema == f.Schema {
		if key, err := p.KeyOf(f.RefColumns, r.value); err == nil {
			need.Key = key
		}
	}
	return &Wait{
		text:  fmt.Sprintf("waits for the row of %s that it refers to (%s, foreign key %s)", f.RefTable, strings.Join(shown, ", "), f.Name),
		needs: []change.Row{need},
	}
}

// barChildren also bars rows that refer to barred rows that do not exist outside this transaction, and rows that refer
// to these, and so on: otherwise a chain of rows would take a transaction for each. It returns err.
func (a *Applier) barChildren(ctx context.Context, groups []*group, err error) error {
	var b *barred
	if !errors.As(err, &b) {
		return err
	}
	type child struct {
		g     *group
		s     *Step
		f     schema.ForeignKey
		value Tuple
	}
	children := map[string][]child{} // by what they refer to
	parents := map[string][][]string{}
	name := func(table string, columns []string, v Tuple) string {
		return string(conflict.Text(slices.Concat([][]byte{[]byte(table), []byte(strings.Join(columns, "\x00"))}, v)))
	}
	for _, g := range groups {
		for _, f := range g.table.ForeignKeys {
			if f.RefSchema != f.Schema {
				continue
			}
			parents[f.RefTable] = append(parents[f.RefTable], f.RefColumns)
			for _, s := range pick(g, (*Step).puts) {
				if v, ok := tupleOf(f.Columns, func(c string) ([]byte, bool) { return g.after(s, c) }); ok && v != nil {
					to := name(f.RefTable, f.RefColumns, v)
					children[to] = append(children[to], child{g, s, f, v})
				}
			}
		}
	}
	type parent struct {
		g *group
		s *Step
	}
	var open []parent
	bar := func(g *group, s *Step) {
		if s.puts() && !s.exists {
			open = append(open, parent{g, s})
		}
	}
	for _, g := range groups {
		for _, s := range pick(g, func(s *Step) bool { return b.waits[s.in.Row] != nil }) {
			bar(g, s)
		}
	}
	var needs []change.Row
	var waits []*Wait
	for len(open) > 0 {
		p := open[0]
		open = open[1:]
		for _, columns := range parents[p.g.table.Name] {
			v, ok := tupleOf(columns, func(c string) ([]byte, bool) { return p.g.after(p.s, c) })
			if !ok || v == nil {
				continue
			}
			to := name(p.g.table.Name, columns, v)
			list := children[to]
			delete(children, to)
			for _, c := range list {
				if b.waits[c.s.in.Row] != nil {
					continue
				}
				w := a.waitForParent(ctx, c.g.table, reference{c.s.in.Key, c.value}, c.f)
				waits, needs = append(waits, w), append(needs, w.needs[0])
				b.add(c.s.in.Row, w)
				bar(c.g, c.s)
			}
		}
	}
	if err := a.db.Identify(ctx, needs); err != nil {
		return err
	}
	for i, w := range waits {
		w.needs = needs[i : i+1 : i+1]
	}
	return err
}
