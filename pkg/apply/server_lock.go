package apply

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Lock locks the rows in key order.
func (x *session) Lock(ctx context.Context, t *schema.Table, keys []string, whole, wait bool) (map[string]*Local, error) {
	locking := x.db.ForUpdate()
	if wait {
		locking = " FOR UPDATE"
	}
	if x.unseen && !wait {
		var err error
		if keys, err = x.near(ctx, t, keys); err != nil || len(keys) == 0 {
			return nil, err
		}
	}
	var q mysqldb.Statement
	expressions := t.KeyExpr("")
	if whole {
		expressions += ", " + t.SelectList()
	}
	if err := t.AddSelect(&q, expressions, slices.Values(keys), locking); err != nil {
		return nil, err
	}
	locals := make(map[string]*Local, len(keys))
	var key string
	into := []any{&key}
	if whole {
		into = make([]any, 1+len(t.Columns))
		into[0] = &key
	}
	scan := func(r *sql.Rows) error {
		l := &Local{Exists: true}
		if whole {
			l.Values = make([][]byte, len(t.Columns))
			for i := range l.Values {
				into[i+1] = &l.Values[i]
			}
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		locals[key] = l
		return nil
	}
	if err := x.db.Together(ctx, x.tx, !wait, append([]mysqldb.Query{{Statement: &q, Scan: scan}}, x.queries()...)...); err != nil {
		x.ahead = nil
		return nil, fmt.Errorf("lock rows of %s: %w", t.Name, err)
	}
	return locals, nil
}

func (x *session) Wanted(ctx context.Context, t *schema.Table, rows []change.Row, found []string) (map[string]change.Row, error) {
	return t.Wanted(ctx, x.tx, rows, found)
}

// LockEntries locks the rows' entries in all indexes, except those with NULL: in a unique index that would be all rows
// with NULL.
func (x *session) LockEntries(ctx context.Context, t *schema.Table, keys []string) error {
	columns := t.KeyNames()
	for _, index := range t.Indexes {
		for _, name := range index.Columns {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	for i := range columns {
		columns[i] = mysqldb.Quote(columns[i])
	}
	var q mysqldb.Statement
	q.SQL("SELECT 1 FROM (")
	if err := t.AddSelect(&q, strings.Join(columns, ", "), slices.Values(keys), ""); err != nil {
		return err
	}
	q.SQL(") k")
	for i, index := range t.Indexes {
		own := "i" + strconv.Itoa(i)
		q.SQL(" LEFT JOIN " + mysqldb.Quote(t.Name) + " " + own + " FORCE INDEX (" + mysqldb.Quote(index.Name) + ") ON ")
		and := ""
		for _, name := range slices.Concat(index.Columns, t.KeyNames()) {
			q.SQL(and + own + "." + mysqldb.Quote(name) + "=k." + mysqldb.Quote(name))
			and = " AND "
		}
	}
	q.SQL(x.db.ForUpdate())
	err := q.Query(ctx, x.atOnce, func(*sql.Rows) error { return nil })
	if err != nil && !mysqldb.NoIndex(err) { // no one finds the row by an index that was dropped or cannot be used
		return fmt.Errorf("lock entries of %s: %w", t.Name, err)
	}
	return nil
}

// Probe locks the existing rows.
func (x *session) Probe(ctx context.Context, p Place, values []Tuple) error {
	for part := range slices.Chunk(values, looksMost) {
		var q mysqldb.Statement
		for i, v := range part {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("(SELECT 1 FROM " + p.from() + " WHERE ")
			p.add(&q, "", v)
			q.SQL(" LIMIT 1" + x.db.ForShare() + ")")
		}
		if err := q.Query(ctx, x.atOnce, func(*sql.Rows) error { return nil }); err != nil {
			return fmt.Errorf("lock rows of %s: %w", p.from(), err)
		}
	}
	return nil
}
