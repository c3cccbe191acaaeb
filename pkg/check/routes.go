package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// routeJudge judges the configured routes, given the tables of the database.
type routeJudge struct {
	f       *finding.List
	cfg     *config.Config
	c       *catalogue
	lookup  func(name string) (*schema.Table, error)
	indexed map[string]bool // table.column, in lower case, for columns that an index begins with
}

// checkRoutes judges the routes, if there are any.
func checkRoutes(ctx context.Context, f *finding.List, db *mysqldb.DB, ts *schema.Tables, cfg *config.Config, c *catalogue) error {
	if len(cfg.Routes) == 0 {
		return nil
	}
	j := routeJudge{f: f, cfg: cfg, c: c, indexed: map[string]bool{}, lookup: func(name string) (*schema.Table, error) { return ts.Table(ctx, name) }}
	var table, column string
	err := query(ctx, db, `SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND SEQ_IN_INDEX = 1`, []any{db.Name},
		func() { j.indexed[strings.ToLower(db.Spelled(table)+"."+column)] = true }, &table, &column)
	if err != nil {
		return fmt.Errorf("read the indexes: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		if t := c.tables[name]; t != nil && cfg.Routed(name) {
			j.table(t)
		}
	}
	j.unrouted()
	j.remotes()
	return nil
}

// ledRoutes returns what is wrong with routes that come from the hub: all rows of such a table would be held back.
func ledRoutes(ctx context.Context, ts *schema.Tables, cfg *config.Config) error {
	if !slices.Contains(cfg.From.Keys, "routes") {
		return nil
	}
	f := &finding.List{}
	j := routeJudge{f: f, cfg: cfg, lookup: func(name string) (*schema.Table, error) { return ts.Table(ctx, name) }}
	for _, name := range slices.Sorted(maps.Keys(cfg.Routes)) {
		if t, err := ts.Table(ctx, name); err == nil && cfg.Routed(name) {
			j.table(t)
		}
	}
	var mistakes []error
	for _, x := range f.Found {
		if x.Level == finding.Mistake {
			mistakes = append(mistakes, fmt.Errorf("%s: %s", x.About, x.Text))
		}
	}
	return errors.Join(mistakes...)
}

// table judges the route of one table.
func (j *routeJudge) table(t *schema.Table) {
	key := "routes." + t.Name
	if parent := j.cfg.Routes[t.Name].Parent; parent != "" {
		if !slices.ContainsFunc(t.ForeignKeys, func(k schema.ForeignKey) bool { return k.RefTable == parent && k.RefSchema == k.Schema }) {
			j.f.Wrongf(key, "Add the foreign key, or name the table that it refers to.", "it follows %s, but has no foreign key to it: none of its rows has a remote", parent)
		}
		return
	}
	for _, rule := range j.cfg.Routes[t.Name].Rules {
		c, ok := t.Column(rule.Column)
		switch {
		case !ok:
			j.f.Wrongf(key, "Correct the name.", "the table has no column %s", rule.Column)
			continue
		case c.Kind == value.Binary || c.Kind == value.JSON || c.Kind == value.Geometry || c.Kind == value.Double:
			j.f.Wrongf(key, "Route by a column of whole numbers or short text.", "the values of column %s, a %s, cannot be compared as text", rule.Column, strings.ToUpper(c.DataType))
		case !j.indexed[strings.ToLower(t.Name+"."+c.Name)]:
			j.f.Warnf(key, fmt.Sprintf("ALTER TABLE %s ADD INDEX (%s);", mysqldb.Quote(t.Name), mysqldb.Quote(c.Name)),
				"no index begins with column %s: the first transfer to each remote, and verify, read the whole table", c.Name)
		}
		if rule.Lookup != nil {
			j.lookupTable(key, *rule.Lookup)
		}
	}
}

// lookupTable judges a table that says which remotes belong to a value.
func (j *routeJudge) lookupTable(key string, l config.RouteLookup) {
	if err := notOwn([]string{l.Table}); err != nil {
		j.f.Wrongf(key, "", "its lookup %v", err)
		return
	}
	t, err := j.lookup(l.Table)
	if err != nil {
		j.f.Wrongf(key, "Create the lookup table, with a primary key, or correct its name.", "its lookup table cannot be read: %v", err)
		return
	}
	for _, name := range []string{l.Key, l.Remote} {
		if _, ok := t.Column(name); !ok {
			j.f.Wrongf(key, "Correct the name.", "its lookup table %s has no column %s", l.Table, name)
		}
	}
}

// unrouted finds tables that refer to a routed one but go to all remotes.
func (j *routeJudge) unrouted() {
	for _, k := range j.c.keys {
		if _, ok := j.cfg.Routes[k.Table]; !ok && j.cfg.Routed(k.RefTable) && j.cfg.Syncs(k.Table) {
			j.f.Warnf("routes", fmt.Sprintf(`Add "%s": {"parent": "%s"} to routes.`, k.Table, k.RefTable),
				"%s refers to %s, which has a route, but has none itself: its rows go to all remotes, and wait wherever their parents are missing", k.Table, k.RefTable)
		}
	}
}

// remotes finds remotes that no route can give a row.
func (j *routeJudge) remotes() {
	for _, remote := range j.cfg.RemoteClients {
		named := slices.Contains(j.cfg.RouteAlso, remote)
		for _, r := range j.cfg.Routes {
			for _, rule := range r.Rules {
				_, ok := rule.Value(remote)
				named = named || ok || rule.Lookup != nil
			}
		}
		if !named {
			j.f.Warnf("routes", "Add it to routeOptions.also if it should have all rows.", "no route can give %s a row of a routed table", remote)
		}
	}
}
