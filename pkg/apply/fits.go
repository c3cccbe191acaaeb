package apply

import (
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/conflict"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// fitting refuses steps whose rows would not be stored as they came, and turns them into steps that do nothing, so that
// the rest of the transaction goes in. Rows that are not written, because they are known or have lost, need not fit.
func (a *Applier) fitting(groups []*group) {
	for _, g := range groups {
		var names []string
		var columns []*value.Column
		for i := range g.steps {
			s := &g.steps[i]
			if !s.Decision.Writes() || s.in.Deleted() {
				continue
			}
			if !shared(names, s.in.Columns) {
				names, columns = s.in.Columns, columnsOf(g.table, s.in.Columns)
			}
			altered, err := a.misfit(g.table, columns, s.in.Values)
			if err != nil {
				err = misfitCounter(g.policy, s, err)
				*s = Step{Decision: conflict.Known, State: s.local, in: s.in, facts: facts{exists: s.exists, local: s.local, came: s.came}, noticed: noticed{misfit: err}}
			}
			s.altered = altered
		}
	}
}

// misfit returns why a row is refused, or which of its values are stored differently because the configuration allows it.
func (a *Applier) misfit(t *schema.Table, columns []*value.Column, values [][]byte) ([]altered, error) {
	return misfit(t, columns, values, a.Lossy)
}

// Misfit returns why a row with the given columns would be refused because it would not be stored as it came; lossy is
// that of Config.
func Misfit(t *schema.Table, names []string, values [][]byte, lossy func(table, column string) bool) error {
	_, err := misfit(t, columnsOf(t, names), values, lossy)
	return err
}

func misfit(t *schema.Table, columns []*value.Column, values [][]byte, lossy func(table, column string) bool) ([]altered, error) {
	var list []altered
	for i, c := range columns {
		err := c.Fits(values[i])
		switch {
		case err == nil:
		case lossy == nil || !lossy(t.Name, c.Name) || t.IsKeyColumn(c.Name) || c.Kind == value.Bit:
			// A changed key means another row. Text among the numbers of a BIT column would make the server treat the
			// numbers as text.
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		default:
			list = append(list, altered{column: c.Name})
		}
	}
	return list, nil
}

// shared reports whether two rows came with the same list of columns.
func shared(a, b []string) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// columnsOf returns columns by their names, which check has verified.
func columnsOf(t *schema.Table, names []string) []*value.Column {
	list := make([]*value.Column, len(names))
	for i, name := range names {
		list[i], _ = t.Column(name)
	}
	return list
}
