package trigger

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// gaps keeps track of tables whose writes are not captured.
type gaps struct {
	missed   func(ctx context.Context, table string) error // see WatchConfig.Missed
	fresh    map[string]bool                               // tables that someone holds and that were never captured
	recorded map[string]bool                               // tables reported to missed, and not yet again after they were captured again
}

// record records that writes to a table may have been missed.
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

// known reports whether nothing more needs to be reported about a table that is not captured.
func (g *gaps) known(table string) bool { return g.fresh[table] || g.recorded[table] }

// close records once more the tables that are captured again, which are all but lacking: the first record's effect may
// have come too early. Promise 1.
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

// findFresh finds out, at the first check, which of the tables that someone held when the node started were never
// captured: none of their writes were missed.
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
