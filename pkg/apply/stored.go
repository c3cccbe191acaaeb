package apply

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// stored reads back the written rows if users' triggers may have changed them, and records what is stored differently.
// The rows stay as they are: the user wants the triggers, so what they do is reported, not undone.
func (a *Applier) stored(ctx context.Context, tx Tx, groups []*group) error {
	for _, g := range groups {
		if !g.table.Triggered {
			continue
		}
		written := pick(g, func(s *Step) bool { return !s.in.Deleted() })
		for len(written) > 0 {
			n := min(len(written), maxRows)
			rows, err := tx.Values(ctx, g.table, nil, stepKeys(written[:n]))
			if err != nil {
				return err
			}
			for _, s := range written[:n] {
				s.changed(g.table, rows[s.in.Key])
			}
			written = written[n:]
		}
	}
	return nil
}

// changed adds the columns in which the stored row differs to the step's altered ones; a nil row is one whose key was
// changed.
func (s *Step) changed(t *schema.Table, row [][]byte) {
	id, err := t.ID(s.in.Key)
	if err != nil {
		id = "?" // it was just written, so this does not happen
	}
	if row == nil {
		s.altered = append(s.altered, altered{column: t.Columns[t.Key[0]].Name, trigger: true, id: id})
		return
	}
	lossy := s.altered // by the column's type: these differ anyway
	for i, name := range s.in.Columns {
		at := t.Index(name)
		if !t.Columns[at].Equal(row[at], s.in.Values[i]) && !names(lossy, name) {
			s.altered = append(s.altered, altered{column: name, trigger: true, id: id})
		}
	}
}

// names reports whether a column is among the altered ones.
func names(list []altered, column string) bool {
	for _, x := range list {
		if x.column == column {
			return true
		}
	}
	return false
}
