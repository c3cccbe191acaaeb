package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// referMost is how many rows that refer to one row are looked for, and looksMost how
// many rows one statement looks at.
const (
	referMost = 2000
	looksMost = 500
)

// rekeyed reports whether foreign keys refer to other columns of a table than its
// primary key. An update may change those, which the key does not show.
func rekeyed(t *schema.Table) bool {
	return slices.ContainsFunc(t.Referrers, func(f schema.ForeignKey) bool { return !ofKey(t, f) })
}

// ofKey reports whether a foreign key refers to columns of the primary key alone.
func ofKey(t *schema.Table, f schema.ForeignKey) bool {
	return !slices.ContainsFunc(f.RefColumns, func(name string) bool { return !slices.Contains(t.Key, t.Index(name)) })
}

// qualified returns a table's quoted name with its schema.
func qualified(schema, table string) string {
	return mysqldb.Quote(schema) + "." + mysqldb.Quote(table)
}

// referred reports whether any row refers to one of those that are about to be deleted.
// These are locked, and nobody can begin to refer to them: an insert waits for the lock
// of its parent. It costs a statement a foreign key.
func referred(ctx context.Context, tx mysqldb.Tx, t *schema.Table, steps []*Step) (bool, error) {
	for _, f := range t.Referrers {
		for part := range slices.Chunk(steps, looksMost) {
			var q mysqldb.Statement
			for i, s := range part {
				v, err := keyTuple(t, s.in.Key, f.RefColumns)
				if err != nil {
					return false, err
				}
				switch {
				case len(f.Columns) > 1 && i == 0:
					q.SQL("(SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE ")
				case len(f.Columns) > 1:
					q.SQL(" LIMIT 1) UNION ALL (SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE ")
				case i == 0:
					q.SQL("SELECT 1 FROM " + qualified(f.Schema, f.Table) + " WHERE " + mysqldb.Quote(f.Columns[0]) + " IN (")
				default:
					q.SQL(",")
				}
				if len(f.Columns) > 1 {
					addTuple(&q, "", f.Columns, f.RefColumns, t, v)
					continue
				}
				c, _ := t.Column(f.RefColumns[0])
				schema.AddOperand(&q, c, v[0])
			}
			if len(f.Columns) > 1 {
				q.SQL(" LIMIT 1) LIMIT 1")
			} else {
				q.SQL(") LIMIT 1")
			}
			found := false
			if err := q.Query(ctx, tx, func(*sql.Rows) error { found = true; return nil }); err != nil {
				return false, fmt.Errorf("look for rows of %s that refer to %s: %w", f.Table, t.Name, err)
			}
			if found {
				return true, nil
			}
		}
	}
	return false, nil
}

// keyTuple returns what a row has in columns of its key.
func keyTuple(t *schema.Table, key string, columns []string) (tuple, error) {
	values, err := t.KeyValues(key)
	if err != nil {
		return nil, err
	}
	v := make(tuple, len(columns))
	for i, name := range columns {
		v[i] = values[slices.Index(t.Key, t.Index(name))]
	}
	return v, nil
}
