package schemafuzz

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Routing is which rows the first site, the hub of the others, gives them: of the first routed table by a column, of those that refer
// to it by their parents, and all rows of the others.
type Routing struct {
	Tables []*Table           // the routed ones, parents first
	By     map[*Table]foreign // how all but the first follow
	Lookup bool               // the column's values have their sites in a table of the hub, else they name them
}

// foreign is a foreign key of a table.
type foreign struct {
	ForeignKey
	of *Table
}

const (
	homeColumn = "d_home" // like all columns d…, users change it
	homesTable = "homes"
)

// homes are the values of the routing column. Without a lookup table, x is no site's.
var homes = columnType{sql: "VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin", values: []string{"'b'", "'c'", "'x'"}}

// newRouting chooses routes for a schema and adds the column; nil if none fit. Each child has only one routed parent, since it would
// be without the other at some sites. No unique value and no spelling may clash with a row that a site cannot see.
func newRouting(r *rand.Rand, s *Schema) *Routing {
	var best *Routing
	for _, at := range r.Perm(len(s.Tables)) {
		x := &Routing{Tables: []*Table{s.Tables[at]}, By: map[*Table]foreign{}, Lookup: r.IntN(2) == 0}
		if x.gather(s) && (best == nil || len(x.Tables) > len(best.Tables)) {
			best = x
		}
	}
	if best != nil {
		best.Tables[0].add(Column{Name: homeColumn, Null: true, Type: homes})
	}
	return best
}

// gather adds all that follow the first table, and reports whether the routes fit.
func (x *Routing) gather(s *Schema) bool {
	for i := 0; i < len(x.Tables); i++ {
		t := x.Tables[i]
		if len(t.Uniques) > 0 || slices.ContainsFunc(t.Columns, func(c Column) bool { return len(c.Type.spelt) > 0 }) {
			return false
		}
		for _, child := range s.Tables {
			for _, f := range child.ForeignKeys {
				if f.Parent != t {
					continue
				}
				if slices.Contains(x.Tables, child) {
					return false
				}
				x.Tables, x.By[child] = append(x.Tables, child), foreign{f, child}
			}
		}
	}
	return true
}

// has reports whether a table is routed.
func (x *Routing) has(t *Table) bool { return slices.Contains(x.Tables, t) }

// configure returns the hub's routes.
func (x *Routing) configure(s *Schema) map[string]any {
	routes := map[string]any{}
	for _, t := range s.Tables {
		switch by, follows := x.By[t]; {
		case follows:
			routes[t.Name] = map[string]any{"parent": by.Parent.Name}
		case !x.has(t):
			routes[t.Name] = "all"
		case x.Lookup:
			routes[t.Name] = map[string]any{"column": homeColumn, "lookup": map[string]any{"table": homesTable, "key": "home", "remote": "remote"}}
		default:
			routes[t.Name] = map[string]any{"column": homeColumn, "remote": strings.TrimSuffix(siteName(0), "a") + "{value}"}
		}
	}
	return routes
}

// ddl makes the lookup table, in which both sites have x. It is never empty.
func (x *Routing) ddl() []string {
	if !x.Lookup {
		return nil
	}
	return []string{
		"CREATE TABLE " + homesTable + " (home VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin, remote VARCHAR(20), PRIMARY KEY (home, remote))",
		fmt.Sprintf("INSERT INTO %s VALUES ('b', '%s'), ('c', '%s'), ('x', '%[2]s'), ('x', '%[3]s')", homesTable, siteName(1), siteName(2)),
	}
}

// remap returns a change of the lookup table; "" if there is none.
func (x *Routing) remap(r *rand.Rand) string {
	if !x.Lookup {
		return ""
	}
	home, site := pick(r, homes.values), siteName(1+r.IntN(2))
	switch r.IntN(3) {
	case 0:
		return fmt.Sprintf("INSERT IGNORE INTO %s VALUES (%s, '%s')", homesTable, home, site)
	case 1:
		return fmt.Sprintf("UPDATE IGNORE %s SET remote = '%s' WHERE home = %s", homesTable, site, home)
	default:
		return fmt.Sprintf("DELETE FROM %s WHERE home = %s AND home <> 'x'", homesTable, home)
	}
}

// part is the condition under which a row of the hub is a site's, too.
func (x *Routing) part(t *Table, site string) string {
	if by, follows := x.By[t]; follows {
		return fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s AND %s)", by.Parent.Name, t.pairs(by.Columns, by.Parent.Name, by.Parent, by.Parent.Key, " AND "), x.part(by.Parent, site))
	}
	switch column := t.Name + "." + homeColumn; {
	case !x.has(t):
		return "TRUE"
	case x.Lookup:
		return fmt.Sprintf("%s IN (SELECT home FROM %s WHERE remote = '%s')", column, homesTable, site)
	default:
		return fmt.Sprintf("CONCAT('%s', %s) = '%s'", strings.TrimSuffix(siteName(0), "a"), column, site)
	}
}
