package trigger

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// gaps are the times in which tables' writes were not captured.
type gaps struct {
	missed   func(ctx context.Context, table string) error // see WatchConfig.Missed
	fresh    map[string]bool                               // tables that are unavailable and were never captured
	recorded map[string]bool                               // tables reported to missed as not captured, and not yet as captured again
}

// record records that writes of a table may have been missed.
func (g *gaps) record(ctx context.Context, table string) error {
	if err := g.missed(ctx, table); err != nil {
		return fmt.Errorf("record that writes to %s were not captured: %w", table, err)
	}
	return nil
}

// open records, once, that a table is not captured.
func (g *gaps) open(ctx context.Context, table string) error {
	if err := g.record(ctx, table); err != nil {
		return err
	}
	g.recorded[table] = true
	return nil
}

// known reports whether there is nothing to report about a table that is not captured.
func (g *gaps) known(table string) bool { return g.fresh[table] || g.recorded[table] }

// close resends the rows of tables that are captured again, except those that still are not: what was done about it
// before may have been too early. Promise 1.
func (g *gaps) close(ctx context.Context, lacking []string) error {
	for table := range g.fresh {
		if !slices.Contains(lacking, table) {
			delete(g.fresh, table)
		}
	}
	for table := range g.recorded {
		if slices.Contains(lacking, table) {
			continue
		}
		if err := g.record(ctx, table); err != nil {
			return err
		}
		delete(g.recorded, table)
	}
	return nil
}

// findFresh finds out, at the first check, which of the tables that were unavailable when the node started were never
// captured: nothing of them was missed.
func (g *gaps) findFresh(ctx context.Context, db *mysqldb.DB, tables []*schema.Table, standing map[string]standing) error {
	for _, t := range tables {
		before, err := unseenBefore(ctx, db, t, standing)
		if err != nil {
			return err
		}
		if !before {
			g.fresh[t.Name] = true
		}
	}
	return nil
}
