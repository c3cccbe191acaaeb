package schema

import (
	"context"
	"errors"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ParentsFirst orders tables by their foreign keys: each comes after those that its rows
// refer to. Tables that refer to each other in a ring are one group; most groups are of
// one table. Where foreign keys leave it open, the order stays.
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

// ordering finds the strongly connected components of the graph in which tables point to
// their parents, by Tarjan's algorithm. It gives them in the order that is wanted.
type ordering struct {
	keys   func(table string) []ForeignKey
	place  map[string]*visit
	stack  []*visit
	count  int
	groups [][]string
}

// visit is a table as the search has met it.
type visit struct {
	table  string
	number int // in the order in which tables are met; 0: not yet
	low    int // the lowest that is reached from it
	open   bool
}

func (o *ordering) visit(v *visit) {
	o.count++
	v.number, v.low, v.open = o.count, o.count, true
	o.stack = append(o.stack, v)
	for _, f := range o.keys(v.table) {
		parent := o.place[f.RefTable]
		switch {
		case parent == nil || f.RefSchema != f.Schema: // it is not to be ordered
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

// ParentsFirst orders tables by their foreign keys as they are cached; see the function. A
// table that is not there, or cannot be read, has none.
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

// Parents returns the tables that a table refers to; of one that is not there nothing is known.
func (ts *Tables) Parents(ctx context.Context, table string) (names []string) {
	if t, err := ts.Table(ctx, table); err == nil {
		for _, f := range t.ForeignKeys {
			names = append(names, f.RefTable)
		}
	}
	return names
}
