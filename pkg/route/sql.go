package route

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// columns returns the SQL expressions of the values by which rows of a table are routed, in the form that keys have, one
// for each rule of its root table. A row without a parent has none: they are NULL.
func (r *Router) columns(ctx context.Context, t *schema.Table) ([]string, error) {
	root := r.cfg.Root(t.Name)
	list := make([]string, len(r.cfg.Routes[root].Rules))
	for i, rule := range r.cfg.Routes[root].Rules {
		e, err := r.column(ctx, t, mysqldb.Quote(t.Name), rule.Column, 0)
		if err != nil {
			return nil, err
		}
		list[i] = e
	}
	return list, nil
}

// column returns the expression of one, for a table under a name in the statement.
func (r *Router) column(ctx context.Context, t *schema.Table, as, name string, depth int) (string, error) {
	parent := r.cfg.Routes[t.Name].Parent
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
	above, err := r.tables.Table(ctx, parent)
	if err != nil {
		return "", err
	}
	alias := "mysql_sync_p" + strconv.Itoa(depth)
	inner, err := r.column(ctx, above, alias, name, depth+1)
	if err != nil {
		return "", err
	}
	return "(SELECT " + inner + " FROM " + mysqldb.Quote(parent) + " " + alias + " WHERE " + on(f, alias, as) + ")", nil
}

// on is the condition under which a parent, and a child that refers to it, belong together.
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

// Where returns the SQL condition of the rows of a table that a remote has; "" if it has all of them.
func (r *Router) Where(ctx context.Context, remote, table string) (string, error) {
	if r.All(remote, table) {
		return "", nil
	}
	t, err := r.tables.Table(ctx, table)
	if err != nil {
		return "", err
	}
	list, err := r.columns(ctx, t)
	if err != nil {
		return "", err
	}
	looked := r.current()
	var either []string
	for i, rule := range r.cfg.Routes[r.cfg.Root(table)].Rules {
		var in []string
		for _, v := range values(rule, remote, looked) {
			in = append(in, mysqldb.QuoteString(v))
		}
		if len(in) == 0 {
			continue
		}
		either = append(either, exact(list[i], in))
		if c, ok := t.Column(rule.Column); ok && r.cfg.Routes[table].Parent == "" { // for the index
			either[len(either)-1] = "(" + mysqldb.Quote(table) + "." + mysqldb.Quote(c.Name) + " IN (" + strings.Join(in, ",") + ") AND " + either[len(either)-1] + ")"
		}
	}
	if len(either) == 0 {
		return "1=0", nil
	}
	return "(" + strings.Join(either, " OR ") + ")", nil
}

// exact is the condition that a value is one of some texts, byte by byte, as labels compare them.
func exact(expression string, texts []string) string {
	return expression + " IN (" + strings.Join(texts, ",") + ")"
}
