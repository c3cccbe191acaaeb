package route

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

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
	if err := r.lookAgain(ctx); err != nil { // Run goes on trying
		r.log.Warn("rows could not be routed; retrying", zap.Error(err))
	}
	return nil
}

// recall reads the lookup tables as they were last taken over.
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
