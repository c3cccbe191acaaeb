package route

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// lookAgain takes over the lookup tables, and has rows whose remotes change be marked. One that is empty, and was not, is
// more likely a mistake: it is not taken over.
func (r *Router) lookAgain(ctx context.Context) error {
	var errs []error
	for _, l := range r.lookups() {
		m, err := r.look(ctx, l)
		before := r.current()[l]
		switch {
		case err != nil:
			errs = append(errs, err)
		case same(before, m):
		case len(m) == 0:
			r.tell(l.Table, errEmpty)
		default:
			if err := r.takeOver(ctx, l, m); err != nil {
				errs = append(errs, fmt.Errorf("take over the lookup table %s: %w", l.Table, err))
			}
		}
	}
	return errors.Join(errs...)
}

// errEmpty is why a lookup table is not taken over.
var errEmpty = errors.New("the lookup table has become empty: the remotes keep their rows until it has some again")

// takeOver holds up everyone who asks for the remotes of a row, so that what is decided before it can be found by its
// label, and what is decided after it by the new lookup table.
func (r *Router) takeOver(ctx context.Context, l config.RouteLookup, m map[string][]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := maps.Clone(r.looked)
	after[l] = m
	byRoot := map[string]map[uint32]label{}
	for id, x := range r.labels {
		if byRoot[x.root] == nil {
			byRoot[x.root] = map[uint32]label{}
		}
		byRoot[x.root][id] = x
	}
	err := mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
		if err := keep(ctx, tx, l, m); err != nil {
			return err
		}
		for root, labels := range byRoot {
			p := changed(labels, r.cfg.Routes[root].Rules, r.cfg.RemoteClients, r.looked, after)
			if len(p) == 0 {
				continue
			}
			for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
				if r.cfg.Routed(table) && r.cfg.Root(table) == root {
					if err := reroute(ctx, tx, table, rerouting{Pairs: p}); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.looked = after
	clear(r.have)
	r.log.Info("a lookup table of the routes has changed", zap.String("table", l.Table))
	return nil
}

// same reports whether two lookup tables have the same rows.
func same(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)))
	})
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
