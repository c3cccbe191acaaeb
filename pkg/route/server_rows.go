package route

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

// columns returns the SQL expressions of a table's routing values in key form, one for each rule of its root table. They
// are NULL for a row without a parent.
func (s *server) columns(ctx context.Context, t *schema.Table) ([]string, error) {
	root := s.cfg.Root(t.Name)
	list := make([]string, len(s.cfg.Routes[root].Rules))
	for i, rule := range s.cfg.Routes[root].Rules {
		e, err := s.column(ctx, t, mysqldb.Quote(t.Name), rule.Column, 0)
		if err != nil {
			return nil, err
		}
		list[i] = e
	}
	return list, nil
}

// column returns the expression of one of them, for a table with an alias.
func (s *server) column(ctx context.Context, t *schema.Table, as, name string, depth int) (string, error) {
	parent := s.cfg.Routes[t.Name].Parent
	if parent == "" {
		c, ok := t.Column(name)
		if !ok {
			return "", fmt.Errorf("table %s: %w: it has no column %q, by which it is routed", t.Name, schema.ErrUnfit, name)
		}
		return c.KeyExpr(as + "." + mysqldb.Quote(c.Name)), nil
	}
	f, err := reference(t, parent)
	if err != nil {
		return "", err
	}
	above, err := s.tables.Table(ctx, parent)
	if err != nil {
		return "", err
	}
	alias := "mysql_sync_p" + strconv.Itoa(depth)
	inner, err := s.column(ctx, above, alias, name, depth+1)
	if err != nil {
		return "", err
	}
	return "(SELECT " + inner + " FROM " + mysqldb.Quote(parent) + " " + alias + " WHERE " + on(f, alias, as) + ")", nil
}

// on is the condition that joins a child with its parent.
func on(f schema.ForeignKey, parent, child string) string {
	list := make([]string, len(f.Columns))
	for i := range f.Columns {
		list[i] = parent + "." + mysqldb.Quote(f.RefColumns[i]) + "=" + child + "." + mysqldb.Quote(f.Columns[i])
	}
	return strings.Join(list, " AND ")
}

// reference returns the foreign key by which a table follows its parent.
func reference(t *schema.Table, parent string) (schema.ForeignKey, error) {
	i := slices.IndexFunc(t.ForeignKeys, func(f schema.ForeignKey) bool { return f.RefTable == parent && f.RefSchema == f.Schema })
	if i < 0 {
		return schema.ForeignKey{}, fmt.Errorf("table %s: %w: it has no foreign key to %s, whose route it follows", t.Name, schema.ErrUnfit, parent)
	}
	return t.ForeignKeys[i], nil
}

// Fit implements Database; it reads the table's definition if it is not cached.
func (s *server) Fit(ctx context.Context, table string) error {
	t, err := s.tables.Table(ctx, table)
	if err == nil {
		_, err = s.columns(ctx, t)
	}
	return err
}

// values returns the current routing values of existing rows, by key.
func (s *server) values(ctx context.Context, db mysqldb.Queryer, t *schema.Table, keys []string) (map[string][]*string, error) {
	read := map[string][]*string{}
	if len(keys) == 0 {
		return read, nil
	}
	columns, err := s.columns(ctx, t)
	if err != nil {
		return nil, err
	}
	var q mysqldb.Statement
	if err := t.AddSelect(&q, t.KeyExpr("")+", "+strings.Join(columns, ", "), slices.Values(keys), ""); err != nil {
		return nil, err
	}
	err = q.Query(ctx, db, func(rows *sql.Rows) error {
		var key string
		list := make([]*string, len(columns))
		into := []any{&key}
		for i := range list {
			into = append(into, &list[i])
		}
		err := rows.Scan(into...)
		read[key] = list
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who has rows of %s: %w", t.Name, err)
	}
	return read, nil
}

// marked returns the rows of a table that are marked for a remote, each with whether its mark says that the remote lost it.
func marked(ctx context.Context, db mysqldb.Queryer, remote, table string, rows []change.Row) (map[change.Row]bool, error) {
	found, byID := map[change.Row]bool{}, map[string]change.Row{}
	args := []any{remote, table}
	for _, row := range rows {
		byID[row.ID()] = row
		args = append(args, []byte(row.ID()))
	}
	err := mysqldb.Each(ctx, db, `SELECT row_id, lost FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)`, args, func(r *sql.Rows) error {
		var id string
		var lost bool
		err := r.Scan(&id, &lost)
		found[byID[id]] = lost
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read whose rows of %s are: %w", table, err)
	}
	return found, nil
}

// referring returns rows that refer to some rows of a parent. If that is one row, they are the next after a key, in key order.
func (s *server) referring(ctx context.Context, above, t *schema.Table, f schema.ForeignKey, parents []change.Row, last string, limit int) ([]change.Row, error) {
	var columns, joined string
	for i, name := range f.RefColumns {
		if i > 0 {
			columns, joined = columns+", ", joined+" AND "
		}
		alias := fmt.Sprintf("mysql_sync_r%d", i)
		columns += mysqldb.Quote(name) + " AS " + alias
		joined += "mysql_sync_p." + alias + "=" + mysqldb.Quote(t.Name) + "." + mysqldb.Quote(f.Columns[i])
	}
	var args []any
	for _, parent := range parents {
		var err error
		if args, err = above.KeyArgs(args, parent.Key); err != nil {
			return nil, err
		}
	}
	where, order := "", ""
	if len(parents) == 1 { // else the server would read and sort them all
		order = " ORDER BY " + t.KeyColumns()
	}
	if last != "" {
		after, list, err := t.AfterKey(last)
		if err != nil {
			return nil, err
		}
		where, args = " WHERE "+after, append(args, list...)
	}
	var rows []change.Row
	err := mysqldb.Each(ctx, s.db, "SELECT "+t.KeyExpr("")+" FROM (SELECT "+columns+" FROM "+mysqldb.Quote(above.Name)+" WHERE "+above.WhereKeys(len(parents))+") mysql_sync_p JOIN "+
		mysqldb.Quote(t.Name)+" ON "+joined+where+order+" LIMIT ?", append(args, limit), func(found *sql.Rows) error {
		row := change.Row{Table: t.Name}
		err := found.Scan(&row.Key)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

func (x *session) Parents(ctx context.Context, table string, keys []string) (map[string]change.Row, error) {
	t, err := x.tables.Table(ctx, table)
	if err != nil {
		return nil, err
	}
	above, err := x.tables.Table(ctx, x.cfg.Routes[table].Parent)
	if err != nil {
		return nil, err
	}
	f, err := reference(t, above.Name)
	if err != nil {
		return nil, err
	}
	const alias = "mysql_sync_p"
	parents := make(map[string]change.Row, len(keys))
	if len(keys) == 0 {
		return parents, nil
	}
	var q mysqldb.Statement
	columns := t.KeyExpr("") + ", (SELECT " + above.KeyExpr(alias+".") + " FROM " + mysqldb.Quote(above.Name) + " " + alias + " WHERE " + on(f, alias, mysqldb.Quote(t.Name)) + ")"
	if err := t.AddSelect(&q, columns, slices.Values(keys), ""); err != nil {
		return nil, err
	}
	var referring []string
	var rows []change.Row // that they refer to
	err = q.Query(ctx, x.tx, func(found *sql.Rows) error {
		var key string
		var parent sql.NullString
		err := found.Scan(&key, &parent)
		parents[key] = change.Row{}
		if parent.Valid {
			referring, rows = append(referring, key), append(rows, change.Row{Table: above.Name, Key: parent.String})
		}
		return err
	})
	if err == nil {
		err = x.tables.Identify(ctx, rows)
	}
	if err != nil {
		return nil, fmt.Errorf("read to what rows of %s refer: %w", table, err)
	}
	for i, key := range referring {
		parents[key] = rows[i]
	}
	return parents, nil
}
