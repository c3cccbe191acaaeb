package schema

import (
	"context"
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ParentsFirst orders tables by their foreign keys: each comes after those that its rows refer to. Tables in a cycle
// form one group; most groups have one table. The order is otherwise kept.
func ParentsFirst(tables []string, keys func(table string) []ForeignKey) [][]string {
	o := ordering{keys: keys, place: map[string]*visit{}}
	for _, t := range tables {
		o.place[t] = &visit{table: t}
	}
	for _, t := range tables {
		if v := o.place[t]; v.number == 0 {
			o.visit(v)
		}
	}
	for _, group := range o.groups {
		slices.SortFunc(group, func(a, b string) int { return slices.Index(tables, a) - slices.Index(tables, b) })
	}
	return o.groups
}

// ordering finds the strongly connected components of the graph in which tables point to their parents, using Tarjan's
// algorithm. It returns them in the wanted order.
type ordering struct {
	keys   func(table string) []ForeignKey
	place  map[string]*visit
	stack  []*visit
	count  int
	groups [][]string
}

// visit is a table's state in the search.
type visit struct {
	table  string
	number int // in the order in which tables are met; 0: not yet
	low    int // the lowest number reached from it
	open   bool
}

func (o *ordering) visit(v *visit) {
	o.count++
	v.number, v.low, v.open = o.count, o.count, true
	o.stack = append(o.stack, v)
	for _, f := range o.keys(v.table) {
		parent := o.place[f.RefTable]
		switch {
		case parent == nil || f.RefSchema != f.Schema: // it is not among the tables to order
		case parent.number == 0:
			o.visit(parent)
			v.low = min(v.low, parent.low)
		case parent.open:
			v.low = min(v.low, parent.number)
		}
	}
	if v.low != v.number {
		return
	}
	var group []string
	for {
		last := o.stack[len(o.stack)-1]
		o.stack = o.stack[:len(o.stack)-1]
		last.open = false
		group = append(group, last.table)
		if last == v {
			o.groups = append(o.groups, group)
			return
		}
	}
}

// ParentsFirst orders tables by their cached foreign keys; see the function. A table that does not exist, or cannot be
// read, has none.
func (ts *Tables) ParentsFirst(ctx context.Context, tables []string) ([][]string, error) {
	keys := make(map[string][]ForeignKey, len(tables))
	for _, name := range tables {
		t, err := ts.Table(ctx, name)
		switch {
		case err == nil:
			keys[name] = t.ForeignKeys
		case mysqldb.Number(err) == 0 && !errors.Is(err, ErrNoTable) && !errors.Is(err, ErrUnfit) || mysqldb.Transient(err):
			return nil, err
		}
	}
	return ParentsFirst(tables, func(table string) []ForeignKey { return keys[table] }), nil
}

// Parents returns the tables that a table refers to; none if the table does not exist.
func (ts *Tables) Parents(ctx context.Context, table string) (names []string) {
	if t, err := ts.Table(ctx, table); err == nil {
		for _, f := range t.ForeignKeys {
			names = append(names, f.RefTable)
		}
	}
	return names
}
