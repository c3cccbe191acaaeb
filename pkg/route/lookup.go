package route

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// lookAgain copies the lookup tables and queues jobs that mark the rows whose remotes change. A table that has become
// empty is probably a mistake: its previous copy stays.
func (r *Router) lookAgain(ctx context.Context) error {
	var errs []error
	for _, l := range r.lookups() {
		m, err := r.db.Look(ctx, l)
		before := r.current()[l]
		switch {
		case err != nil:
			errs, m = append(errs, err), before
		case len(m) == 0 && len(before) > 0:
			r.tell(l.Table, errEmpty)
			m = before
		}
		if same(before, m) && !slices.Contains(r.unsure, l) {
			continue
		}
		if err := r.takeOver(ctx, l, m); err != nil {
			errs = append(errs, fmt.Errorf("take over the lookup table %s: %w", l.Table, err))
		}
	}
	return errors.Join(errs...)
}

// errEmpty is why a lookup table was not copied.
var errEmpty = errors.New("the lookup table has become empty: the remotes keep their rows until it has some again")

// takeOver blocks all routing meanwhile, so that rows routed before it are found by their labels, and rows routed after it
// go by the new copy.
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
	differ, since := pairs{}, r.db.Token()
	err := r.db.In(ctx, func(tx Tx) error {
		if err := tx.Keep(ctx, l, m); err != nil {
			return err
		}
		for _, root := range slices.Sorted(maps.Keys(byRoot)) {
			won, lost := changed(byRoot[root], r.cfg.Routes[root].Rules, r.cfg.RemoteClients, r.looked, after)
			differ = differ.and(won).and(lost)
			if err := r.rerouteAll(ctx, tx, root, won, lost, since); err != nil {
				return err
			}
		}
		return nil
	})
	r.unsure = slices.DeleteFunc(r.unsure, func(x config.RouteLookup) bool { return x == l })
	if err != nil {
		r.unsure = append(r.unsure, l)
		return err
	}
	r.looked = after
	r.change(differ)
	clear(r.have)
	r.log.Info("a lookup table of the routes has changed", zap.String("table", l.Table))
	return nil
}

// rerouteAll queues jobs for the labels of a root table that remotes win and lose: one for each table in which they win rows, parents first,
// as children refer to these, and then one for each in which they lose some, children first, as a remote keeps a row as long as it has some.
func (r *Router) rerouteAll(ctx context.Context, tx Tx, root string, won, lost pairs, since int64) error {
	tables := slices.DeleteFunc(r.childrenFirst(), func(table string) bool { return !r.cfg.Routed(table) || r.cfg.Root(table) != root })
	if len(tables) == 1 {
		won, lost = won.and(lost), nil
	}
	for i := range tables {
		if len(won) > 0 {
			if err := reroute(ctx, tx, tables[len(tables)-1-i], rerouting{Pairs: won, Since: since}); err != nil {
				return err
			}
		}
	}
	for _, table := range tables {
		if len(lost) > 0 {
			if err := reroute(ctx, tx, table, rerouting{Pairs: lost, Since: since}); err != nil {
				return err
			}
		}
	}
	return nil
}

// same reports whether two lookup tables have equal rows.
func same(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)))
	})
}

// lookups returns the lookup tables of all routes.
func (r *Router) lookups() (list []config.RouteLookup) {
	for _, table := range slices.Sorted(maps.Keys(r.cfg.Routes)) {
		for _, rule := range r.cfg.Routes[table].Rules {
			if rule.Lookup != nil && !slices.Contains(list, *rule.Lookup) {
				list = append(list, *rule.Lookup)
			}
		}
	}
	return list
}
