package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// claim is a row that wants values of a unique key.
type claim struct {
	step  *Step
	key   []string // columns of the unique key
	value Tuple
}

// putInTurn writes each of a group's rows after those that have values it wants. If rows want each other's values, one
// is first moved aside. A row that wants values that another keeps is barred.
func (g *group) putInTurn(ctx context.Context, tx Tx) error {
	steps := pick(g, (*Step).puts)
	if len(steps) == 0 {
		return nil
	}
	after, err := g.inTheWay(ctx, tx, steps)
	if err != nil {
		return err
	}
	if len(after) == 0 {
		return put(ctx, tx, g.table, steps)
	}
	order, aside := inTurn(steps, after)
	tied := map[*Step]bool{}
	for s, list := range after {
		tied[s] = true
		for _, c := range list {
			tied[c.step] = true
		}
	}
	free := slices.DeleteFunc(slices.Clone(steps), func(s *Step) bool { return tied[s] })
	if err := put(ctx, tx, g.table, free); err != nil {
		return err
	}
	for _, c := range aside {
		if err := moveAside(ctx, tx, g.table, c); err != nil {
			return err
		}
	}
	for _, s := range order {
		if tied[s] {
			if err := put(ctx, tx, g.table, []*Step{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTheWay returns, for each row, the group's rows that have values it wants and are about to give them up, each with the
// unique key in question.
func (g *group) inTheWay(ctx context.Context, tx Tx, steps []*Step) (map[*Step][]claim, error) {
	byKey := make(map[string]*Step, len(steps))
	for _, s := range steps {
		byKey[s.in.Key] = s
		if s.exists {
			byKey[s.key] = s
		}
	}
	byRow := make(map[change.Row]*Step, len(steps))
	for _, s := range steps {
		byRow[s.in.Row] = s
	}
	after, wanted := map[*Step][]claim{}, map[*Step][]claim{}
	var b barred
	for _, u := range g.table.Unique {
		claims := g.claims(u, steps)
		values := make([]Tuple, len(claims))
		for i, c := range claims {
			values[i] = c.value
		}
		holders, err := tx.Holders(ctx, g.table, within(g.table, u), values)
		if err != nil {
			return nil, err
		}
		for _, i := range slices.Sorted(maps.Keys(holders)) {
			key := holders[i]
			c := claims[i]
			h := byKey[key]
			r := change.Row{Table: g.table.Name, Key: key}
			switch {
			case h == c.step:
			case h == nil || g.stays(h, u):
				b.add(c.step.in.Row, g.waitForValue(r, c))
			default:
				after[c.step] = append(after[c.step], claim{step: h, key: u, value: c.value})
				wanted[h] = append(wanted[h], c)
			}
		}
	}
	// A row that wants a waiting row's value waits too: find all at once, not one per attempt.
	for barred := slices.Collect(maps.Keys(b.waits)); len(barred) > 0; barred = barred[1:] {
		h := byRow[barred[0]]
		for _, c := range wanted[h] {
			if b.waits[c.step.in.Row] == nil {
				barred = append(barred, c.step.in.Row)
			}
			b.add(c.step.in.Row, g.waitForValue(h.in.Row, c))
		}
		delete(wanted, h)
	}
	return after, b.or()
}

// claims returns the rows that will have values of a unique key that they may not have yet.
func (g *group) claims(u []string, steps []*Step) []claim {
	var list []claim
	for _, s := range steps {
		v, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.after(s, name) })
		if ok && v != nil && (!s.exists || !g.has(s, u, v)) {
			list = append(list, claim{s, u, v})
		}
	}
	return list
}

// has reports whether a row already has the values.
func (g *group) has(s *Step, u []string, v Tuple) bool {
	now, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.before.value(s.in.Key, name) })
	return ok && now != nil && now.equal(v)
}

// stays reports whether a row keeps its values of a unique key.
func (g *group) stays(s *Step, u []string) bool {
	next, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.after(s, name) })
	return !ok || next != nil && g.has(s, u, next)
}

// waitForValue returns the Wait of a row for another to give up a unique value.
func (g *group) waitForValue(holder change.Row, c claim) *Wait {
	shown := make([]string, len(c.key))
	for i, name := range c.key {
		shown[i] = fmt.Sprintf("%s %.40q", name, c.value[i])
	}
	id := func(key string) string {
		if id, err := g.table.ID(key); err == nil {
			return id
		}
		return key
	}
	return &Wait{
		text: fmt.Sprintf("Duplicate entry: the row %.64q waits for the row %.64q of %s, which has the same %s",
			id(c.step.in.Key), id(holder.Key), g.table.Name, strings.Join(shown, ", ")),
		told: fmt.Sprintf("Duplicate entry: the row %.64q waits for another row of %s, which has the same %s",
			id(c.step.in.Key), g.table.Name, strings.Join(shown, ", ")),
		needs: []change.Row{holder},
		taken: true,
	}
}

// inTurn orders rows so that each comes after those that it must follow. If they form a cycle, it also returns the rows to
// move aside, with the unique key to free.
func inTurn(steps []*Step, after map[*Step][]claim) (order []*Step, aside []claim) {
	const open, done = 1, 2
	state := map[*Step]int{}
	var visit func(s *Step)
	visit = func(s *Step) {
		state[s] = open
		for _, c := range after[s] {
			switch state[c.step] {
			case 0:
				visit(c.step)
			case open:
				aside = append(aside, c)
			}
		}
		state[s] = done
		order = append(order, s)
	}
	for _, s := range steps {
		if state[s] == 0 {
			visit(s)
		}
	}
	return order, aside
}

// moveAside makes a row give up its values of a unique key until it is written: it updates the row to a value that no row
// has or, if there is none, removes the row. Foreign key checks are off.
func moveAside(ctx context.Context, tx Tx, t *schema.Table, c claim) error {
	if !c.step.exists {
		return nil // already removed
	}
	if moved, err := tx.MoveAside(ctx, t, c.step, c.key); err != nil || moved {
		return err
	}
	if len(c.step.in.Columns) < len(t.Columns) {
		return errors.Join(errTied, fmt.Errorf("received only some columns of a row of %s that has to make room for another", t.Name))
	}
	c.step.exists = false
	return tx.Delete(ctx, t, []*Step{c.step})
}
