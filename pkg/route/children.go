package route

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// moved is a row whose children follow it.
type movedRow struct {
	change.Row
	id uint64
}

// moveNext has the children of the next rows that have moved follow.
func (r *Router) moveNext(ctx context.Context) (more bool, err error) {
	var list []movedRow
	err = mysqldb.Each(ctx, r.db, `SELECT table_name, row_id, row_key, id FROM sync_moves ORDER BY id LIMIT 100`, nil, func(rows *sql.Rows) error {
		var table, id string
		var key []byte
		var m movedRow
		err := rows.Scan(&table, &id, &key, &m.id)
		m.Row = change.Stored(table, id, key)
		list = append(list, m)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read sync_moves: %w", err)
	}
	for _, m := range list {
		for _, child := range r.children(m.Table) {
			err := r.moveChildren(ctx, m.Row, child)
			if errors.Is(err, schema.ErrUnfit) { // it is labelled as a whole once it can be; the others go on
				err = r.holdBack(ctx, child)
			}
			if err != nil {
				return false, fmt.Errorf("have rows of %s follow those of %s: %w", child, m.Table, err)
			}
		}
		if _, err := r.db.ExecContext(ctx, `DELETE FROM sync_moves WHERE id = ?`, m.id); err != nil {
			return false, err
		}
	}
	return len(list) == 100, nil
}

// moveChildren gives the rows of a table that refer to one the labels that they have now, and positions in the stream
// for those who have won them.
func (r *Router) moveChildren(ctx context.Context, parent change.Row, child string) error {
	above, err := r.tables.Table(ctx, parent.Table)
	if err != nil {
		return err
	}
	t, err := r.tables.Table(ctx, child)
	if err != nil {
		return err
	}
	f, err := reference(t, parent.Table)
	if err != nil {
		return err
	}
	for last := ""; ; {
		rows, err := r.referring(ctx, above, t, f, parent.Key, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].Key
		if err := r.tables.Identify(ctx, rows); err != nil {
			return err
		}
		err = r.stream.Write(ctx, r.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
			entries, err := r.entries(ctx, tx, rows)
			if err != nil {
				return err
			}
			if entries, err = r.changed(ctx, tx, t, entries); err != nil || len(entries) == 0 {
				return err
			}
			first := w.Positions(len(entries))
			for i := range entries {
				entries[i].Position = first + int64(i)
			}
			return r.Record(ctx, tx, entries)
		})
		if err != nil {
			return err
		}
		r.told()
		if len(rows) < chunk {
			return nil
		}
	}
}

// changed returns the entries whose label is not the one that is recorded.
func (r *Router) changed(ctx context.Context, tx mysqldb.Tx, t *schema.Table, entries []version.Entry) ([]version.Entry, error) {
	rows, keys := make([]change.Row, len(entries)), make([]string, len(entries))
	for i := range entries {
		rows[i], keys[i] = entries[i].Row, entries[i].Key
	}
	before, err := version.Labels(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	now, err := r.Read(ctx, tx, t, keys)
	return slices.DeleteFunc(entries, func(e version.Entry) bool { return before[e.Row] == now[e.Key] }), err
}

// referring returns the next rows after a key that refer to a parent's row, in the order of their keys.
func (r *Router) referring(ctx context.Context, above, t *schema.Table, f schema.ForeignKey, parent, last string) ([]change.Row, error) {
	var columns, joined string
	for i, name := range f.RefColumns {
		if i > 0 {
			columns, joined = columns+", ", joined+" AND "
		}
		alias := fmt.Sprintf("mysql_sync_r%d", i)
		columns += mysqldb.Quote(name) + " AS " + alias
		joined += "mysql_sync_p." + alias + "=" + mysqldb.Quote(t.Name) + "." + mysqldb.Quote(f.Columns[i])
	}
	args, err := above.KeyArgs(nil, parent)
	if err != nil {
		return nil, err
	}
	where := ""
	if last != "" {
		after, list, err := t.AfterKey(last)
		if err != nil {
			return nil, err
		}
		where, args = " WHERE "+after, append(args, list...)
	}
	var rows []change.Row
	err = mysqldb.Each(ctx, r.db, "SELECT "+t.KeyExpr("")+" FROM (SELECT "+columns+" FROM "+mysqldb.Quote(above.Name)+" WHERE "+above.WhereKeys(1)+") mysql_sync_p JOIN "+
		mysqldb.Quote(t.Name)+" ON "+joined+where+" ORDER BY "+t.KeyColumns()+" LIMIT ?", append(args, chunk), func(found *sql.Rows) error {
		row := change.Row{Table: t.Name}
		err := found.Scan(&row.Key)
		rows = append(rows, row)
		return err
	})
	return rows, err
}
