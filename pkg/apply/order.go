package apply

import (
	"context"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// write carries out the plan: deletes, children before parents, then inserts and updates, parents before children. If
// anything still refers to a row that it would delete or respell, it returns errTied: the server's foreign keys must not
// act on rows that did not arrive.
func write(ctx context.Context, tx Tx, groups []*group) error {
	for _, g := range slices.Backward(groups) {
		gone := pick(g, (*Step).deletes)
		if len(gone) == 0 {
			continue
		}
		held, err := referred(ctx, tx, g.table, gone)
		if err != nil {
			return stuckIn(g.table.Name, err)
		}
		if held {
			return errTied
		}
		if err := tx.Delete(ctx, g.table, gone); err != nil {
			return err
		}
	}
	for _, g := range groups {
		puts := pick(g, (*Step).puts)
		if len(g.table.Referrers) > 0 && slices.ContainsFunc(puts, (*Step).respells) {
			return errTied
		}
		if err := put(ctx, tx, g.table, puts); err != nil {
			return err
		}
	}
	return nil
}

// put updates existing rows and inserts the others: an update at the origin must be an update here, because of triggers
// and unique keys, for example.
func put(ctx context.Context, tx Tx, t *schema.Table, steps []*Step) error {
	var there, missing []*Step
	for _, s := range steps {
		if s.exists {
			there = append(there, s)
		} else {
			missing = append(missing, s)
		}
	}
	if err := tx.Update(ctx, t, there); err != nil {
		return err
	}
	return tx.Insert(ctx, t, missing)
}

// deletes reports whether the step removes a row.
func (s *Step) deletes() bool { return s.in.Deleted() && s.exists }

// respells reports whether the step gives a row another spelling, which the server would also give to those that refer
// to it.
func (s *Step) respells() bool { return s.exists && s.key != s.in.Key }

// puts reports whether the step writes a row.
func (s *Step) puts() bool { return !s.in.Deleted() }

// pick returns the steps of a group that write and for which f holds.
func pick(g *group, f func(*Step) bool) []*Step {
	var list []*Step
	for i := range g.steps {
		if s := &g.steps[i]; s.Decision.Writes() && f(s) {
			list = append(list, s)
		}
	}
	return list
}

func stepKeys(steps []*Step) []string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = s.in.Key
	}
	return list
}
