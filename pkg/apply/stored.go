package apply

import (
	"context"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// stored reads the rows that were written back where triggers of the user may have
// changed them, and notes what is stored otherwise than it came. The rows stay as
// they are: the triggers are the user's will, and what they do at a site is told,
// not undone.
func (a *Applier) stored(ctx context.Context, tx mysqldb.Tx, groups []*group) error {
	for _, g := range groups {
		if !g.table.Triggered {
			continue
		}
		written := pick(g, func(s *Step) bool { return !s.in.Deleted() })
		for len(written) > 0 {
			n := min(len(written), maxRows)
			rows, err := readLocals(ctx, tx, g, written[:n])
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

// changed adds to what the step stores otherwise the columns in which the row
// differs; nil is a row whose key was changed.
func (s *Step) changed(t *schema.Table, row [][]byte) {
	id, err := t.ID(s.in.Key)
	if err != nil {
		id = "?" // it was written, so that this is not met
	}
	if row == nil {
		s.altered = append(s.altered, altered{column: t.Columns[t.Key[0]].Name, trigger: true, id: id})
		return
	}
	lossy := s.altered // by the column's type: those differ anyhow
	for i, name := range s.in.Columns {
		at := t.Index(name)
		if !t.Columns[at].Equal(row[at], s.in.Values[i]) && !names(lossy, name) {
			s.altered = append(s.altered, altered{column: name, trigger: true, id: id})
		}
	}
}

// names reports whether a column is among those altered.
func names(list []altered, column string) bool {
	for _, x := range list {
		if x.column == column {
			return true
		}
	}
	return false
}
