package trigger

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// definitions has the tables' definitions as last seen.
type definitions struct {
	log    *zap.Logger
	db     *mysqldb.DB
	tables *schema.Tables
	prints map[string]string   // of all tables; nil before the first check
	ties   []schema.ForeignKey // all foreign keys
	unfit  map[string]bool     // tables that cannot be synced as they are, already reported
}

// look drops the tables that have changed since the last check from the cache, and returns them. The first check considers
// all of them changed.
func (d *definitions) look(ctx context.Context, all []string) (changed []string, err error) {
	slices.Sort(all)
	all = slices.Compact(all)
	prints, err := schema.Fingerprints(ctx, d.db, all)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		now, before := prints[name], d.prints[name]
		if now == before {
			continue
		}
		d.tables.Forget(name)
		changed = append(changed, name)
		switch {
		case d.prints == nil:
		case now == "":
			d.log.Warn("a table is gone; rows received for it are refused until it is back", zap.String("table", name))
		case before == "":
			d.log.Info("a table is there again", zap.String("table", name))
		default:
			d.log.Info("the definition of a table has changed", zap.String("table", name))
		}
	}
	d.prints = prints
	return changed, nil
}

// synced returns the tables that exist and can be synced. Others get no triggers: with a missing key column, triggers would
// make the user's writes fail. Promise 7.
func (d *definitions) synced(ctx context.Context, names []string) ([]*schema.Table, error) {
	var list []*schema.Table
	for _, name := range names {
		t, err := d.tables.Table(ctx, name)
		switch {
		case err == nil:
			list = append(list, t)
			delete(d.unfit, name)
		case errors.Is(err, schema.ErrUnfit):
			if !d.unfit[name] {
				d.log.Error("a table can no longer be synced; its writes are not captured until it can", zap.String("table", name), zap.Error(err))
			}
			d.unfit[name] = true
		case !errors.Is(err, schema.ErrNoTable):
			return nil, err
		}
	}
	return list, nil
}

// forgetTied drops the tables at both ends of foreign keys that were added or dropped since the last check from the cache:
// apply looks up in a parent's definition which tables refer to it.
func (d *definitions) forgetTied(keys []schema.ForeignKey) {
	if slices.EqualFunc(keys, d.ties, schema.ForeignKey.Same) {
		return
	}
	if d.ties != nil {
		for _, changed := range [][]schema.ForeignKey{without(keys, d.ties), without(d.ties, keys)} {
			for _, f := range changed {
				d.tables.Forget(f.Table)
				d.tables.Forget(f.RefTable)
			}
		}
	}
	d.ties = append([]schema.ForeignKey{}, keys...)
}

// without returns the keys in one list that are not in another.
func without(list, other []schema.ForeignKey) []schema.ForeignKey {
	return slices.DeleteFunc(slices.Clone(list), func(f schema.ForeignKey) bool {
		return slices.ContainsFunc(other, func(o schema.ForeignKey) bool { return f.Same(o) })
	})
}
