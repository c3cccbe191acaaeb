package route

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
)

// Open reads labels, lookup tables, and which tables have been labelled by their present routes. Tables with another
// route than before are labelled anew, by Run.
func (r *Router) Open(ctx context.Context) error {
	err := mysqldb.Each(ctx, r.db, `SELECT id, table_name, label FROM sync_labels`, nil, func(rows *sql.Rows) error {
		var id uint32
		var root string
		var text []byte
		err := rows.Scan(&id, &root, &text)
		if err == nil {
			r.labels[id], err = parse(root, text)
			r.ids[root+"\x00"+string(text)] = id
		}
		return err
	})
	if err == nil {
		err = r.recall(ctx)
	}
	if err == nil {
		err = r.compare(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	return nil
}

// recall reads the lookup tables as they were last taken over; one that is new is taken over as it is.
func (r *Router) recall(ctx context.Context) error {
	for _, l := range r.lookups() {
		m := map[string][]string{}
		err := mysqldb.Each(ctx, r.db, `SELECT value, remote FROM sync_lookups WHERE lookup = ?`, []any{nameOf(l)}, func(rows *sql.Rows) error {
			var value, remote string
			err := rows.Scan(&value, &remote)
			m[value] = append(m[value], remote)
			return err
		})
		if err != nil {
			return err
		}
		r.looked[l] = m
		if len(m) > 0 {
			continue
		}
		if m, err = r.look(ctx, l); err != nil {
			return err
		}
		if err := mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error { return keep(ctx, tx, l, m) }); err != nil {
			return err
		}
		r.looked[l] = m
	}
	return nil
}

// compare finds the tables that have another route than the one by which their rows are labelled.
func (r *Router) compare(ctx context.Context) error {
	type known struct {
		route    string
		finished bool
	}
	before := map[string]known{}
	err := mysqldb.Each(ctx, r.db, `SELECT table_name, route, finished FROM sync_routes`, nil, func(rows *sql.Rows) error {
		var table string
		var k known
		err := rows.Scan(&table, &k.route, &k.finished)
		before[table] = k
		return err
	})
	if err != nil {
		return err
	}
	for table := range r.cfg.Routes {
		if !r.cfg.Routed(table) {
			continue
		}
		text, err := r.text(table)
		if err != nil {
			return err
		}
		if k, ok := before[table]; ok && k.route == text {
			r.ready[table] = k.finished
			continue
		}
		if _, err := r.db.ExecContext(ctx, `REPLACE INTO sync_routes (table_name, route) VALUES (?, ?)`, table, text); err != nil {
			return err
		}
	}
	for table := range before {
		if r.cfg.Routed(table) {
			continue
		}
		if r.cfg.Syncs(table) && r.cfg.InitialSync != snapshot.None {
			r.log.Info("a table has no route any more: all remotes get all of its rows", zap.String("table", table))
			if err := snapshot.Request(ctx, r.db, r.cfg.RemoteClients, table, snapshot.Missing, ""); err != nil {
				return err
			}
		}
		if _, err := r.db.ExecContext(ctx, `DELETE FROM sync_routes WHERE table_name = ?`, table); err != nil {
			return err
		}
	}
	return nil
}

// text is all that a table's labels depend on, and who has them: a change of it makes the table be labelled anew.
func (r *Router) text(table string) (string, error) {
	chain := []config.Route{r.cfg.Routes[table]}
	for name := table; r.cfg.Routes[name].Parent != ""; {
		name = r.cfg.Routes[name].Parent
		chain = append(chain, r.cfg.Routes[name])
	}
	b, err := json.Marshal(struct {
		Routes []config.Route
		Also   []string
	}{chain, r.cfg.RouteAlso})
	return string(b), err
}

// lookups returns the lookup tables of all routes.
func (r *Router) lookups() (list []config.RouteLookup) {
	for _, route := range r.cfg.Routes {
		for _, rule := range route.Rules {
			if rule.Lookup != nil && !slices.Contains(list, *rule.Lookup) {
				list = append(list, *rule.Lookup)
			}
		}
	}
	return list
}

// nameOf is the name under which a lookup table is kept.
func nameOf(l config.RouteLookup) []byte { return []byte(l.Table + "." + l.Key + "." + l.Remote) }

// lookupMost is how many rows a lookup table may have. Promise 10.
const lookupMost = 200_000

// look reads a lookup table.
func (r *Router) look(ctx context.Context, l config.RouteLookup) (map[string][]string, error) {
	t, err := r.tables.Table(ctx, l.Table)
	if err != nil {
		return nil, err
	}
	k, ok := t.Column(l.Key)
	c, there := t.Column(l.Remote)
	if !ok || !there {
		return nil, fmt.Errorf("the lookup table %s has no column %q", l.Table, map[bool]string{true: l.Remote, false: l.Key}[ok])
	}
	m, n := map[string][]string{}, 0
	err = mysqldb.Each(ctx, r.db, "SELECT DISTINCT "+k.KeyExpr(mysqldb.Quote(k.Name))+", "+c.KeyExpr(mysqldb.Quote(c.Name))+" FROM "+mysqldb.Quote(l.Table)+
		" WHERE "+mysqldb.Quote(k.Name)+" IS NOT NULL AND "+mysqldb.Quote(c.Name)+" IS NOT NULL ORDER BY 1, 2 LIMIT ?", []any{lookupMost + 1}, func(rows *sql.Rows) error {
		var value, remote string
		err := rows.Scan(&value, &remote)
		m[value], n = append(m[value], remote), n+1
		return err
	})
	if err == nil && n > lookupMost {
		err = fmt.Errorf("the lookup table %s has more than %d rows", l.Table, lookupMost)
	}
	return m, err
}

// keep stores a lookup table as it was taken over.
func keep(ctx context.Context, tx mysqldb.Tx, l config.RouteLookup, m map[string][]string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sync_lookups WHERE lookup = ?`, nameOf(l)); err != nil {
		return err
	}
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, `INSERT IGNORE INTO sync_lookups (lookup, value, remote) VALUES `+mysqldb.Groups(len(args)/3, 3), args...)
		args = args[:0]
		return err
	}
	for value, remotes := range m {
		for _, remote := range remotes {
			if len(value) > 255 || len(remote) > 32 {
				continue // no label, or no client, has that
			}
			if args = append(args, nameOf(l), []byte(value), remote); len(args) >= 3000 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}
