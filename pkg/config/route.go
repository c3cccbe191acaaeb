package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Route says which remotes have the rows of a table (key routes): all, those of one of the Rules, or those that have the
// row's parent.
type Route struct {
	All    bool
	Rules  []RouteRule
	Parent string // table that this one refers to
}

// RouteRule gives a row to the remotes that its value in a column stands for.
type RouteRule struct {
	Column string
	Remote string       // name of the remote, with RouteValue in it; "" with a Lookup
	Lookup *RouteLookup // nil: there is none
}

// RouteLookup is a table that says which remotes belong to a value.
type RouteLookup struct{ Table, Key, Remote string }

// RouteValue stands for a column's value in a rule's remote.
const RouteValue = "{value}"

// Routed reports whether a table has a route, other than to all.
func (c *Config) Routed(table string) bool {
	r, ok := c.Routes[table]
	return ok && !r.All
}

// Root returns the table by whose rules a table's rows are routed: itself, or the one that its parents lead to.
func (c *Config) Root(table string) string {
	for range len(c.Routes) {
		r := c.Routes[table]
		if r.Parent == "" {
			break
		}
		table = r.Parent
	}
	return table
}

// Followed returns how many tables follow a table by their foreign keys, one below the other: 0 if none does.
func (c *Config) Followed(table string) int {
	return c.followed(table, len(c.Routes))
}

func (c *Config) followed(table string, most int) (n int) {
	if most == 0 { // a ring, which is a mistake
		return 0
	}
	for name, r := range c.Routes {
		if r.Parent == table {
			n = max(n, 1+c.followed(name, most-1))
		}
	}
	return n
}

// routes reads and checks the routes of tables.
func (c *checker) routes(cfg *Config, f *file) {
	cfg.RouteAlso, cfg.RouteWrite = f.RouteOptions.Also, f.RouteOptions.Write
	for _, name := range cfg.RouteAlso {
		if !slices.Contains(cfg.RemoteClients, name) && !c.Wrong("remoteClients") {
			c.Mistakef("routeOptions.also", "%q is not in remoteClients%s", name, keys.Suggest(name, cfg.RemoteClients))
		}
	}
	if len(f.Routes) == 0 {
		return
	}
	cfg.Routes = map[string]Route{}
	for _, table := range slices.Sorted(maps.Keys(f.Routes)) {
		key := keys.Join("routes", table)
		if !cfg.Syncs(table) && !c.Wrong("syncTables") {
			c.Mistakef(key, "is not in syncTables%s", keys.Suggest(table, cfg.SyncTables))
		}
		if !c.Wrong(key) {
			cfg.Routes[table] = c.route(key, f.Routes[table])
		}
	}
	for _, table := range slices.Sorted(maps.Keys(cfg.Routes)) {
		key, parent := keys.Join("routes", table), cfg.Routes[table].Parent
		r, ok := cfg.Routes[parent]
		switch {
		case parent == "" || c.Wrong(keys.Join("routes", parent)):
		case !ok:
			c.Mistakef(keys.Join(key, "parent"), "%q has no route itself%s", parent, keys.Suggest(parent, slices.Collect(maps.Keys(cfg.Routes))))
		case r.All:
			c.Mistakef(keys.Join(key, "parent"), "%q goes to all; write \"all\" here too", parent)
		case cfg.Routes[cfg.Root(table)].Parent != "":
			c.Mistakef(keys.Join(key, "parent"), "its parents lead back to it")
		}
	}
}

// route reads a checked route.
func (c *checker) route(key string, given any) Route {
	switch given := given.(type) {
	case []any:
		if len(given) == 1 && given[0] == "all" { // a string, where a list is possible
			return Route{All: true}
		}
		r := Route{}
		for _, one := range given {
			block, _ := one.(map[string]any)
			r.Rules = append(r.Rules, c.rule(key, block))
		}
		return r
	case map[string]any:
		parent, _ := given["parent"].(string)
		if parent == "" {
			return Route{Rules: []RouteRule{c.rule(key, given)}}
		}
		if len(given) > 1 {
			c.Mistakef(key, "parent stands alone: the parent's route says who has the row")
		}
		return Route{Parent: parent}
	}
	return Route{All: true}
}

func (c *checker) rule(key string, block map[string]any) RouteRule {
	r := RouteRule{}
	r.Column, _ = block["column"].(string)
	r.Remote, _ = block["remote"].(string)
	if l, ok := block["lookup"].(map[string]any); ok {
		r.Lookup = &RouteLookup{}
		r.Lookup.Table, _ = l["table"].(string)
		r.Lookup.Key, _ = l["key"].(string)
		r.Lookup.Remote, _ = l["remote"].(string)
	}
	switch {
	case c.Wrong(key):
	case r.Column == "":
		c.Mistakef(key, "expected a column, or a parent")
	case r.Remote == "" && r.Lookup == nil:
		c.Mistakef(key, "expected remote, such as \"store-{value}\", or lookup")
	case r.Remote != "" && r.Lookup != nil:
		c.Mistakef(key, "has both remote and lookup; keep one")
	}
	return r
}

// Named returns the remote that the rule's pattern makes of a value.
func (r RouteRule) Named(value string) string { return strings.Replace(r.Remote, RouteValue, value, 1) }

// Value returns the value that stands for a remote in the rule's pattern; false if none does.
func (r RouteRule) Value(remote string) (string, bool) {
	before, after, _ := strings.Cut(r.Remote, RouteValue)
	value, ok := strings.CutPrefix(remote, before)
	if ok {
		value, ok = strings.CutSuffix(value, after)
	}
	return value, ok && value != ""
}
