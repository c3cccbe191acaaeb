package trigger

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// again recreates table_changes if someone has dropped it while the node is running: users' writes fail until then.
// The writes that waited in it are lost, so the rows of all tables are sent to the remotes. Promise 1.
func (w *watcher) again(ctx context.Context) error {
	var any int
	err := w.db.GetContext(ctx, &any, `SELECT EXISTS (SELECT 1 FROM `+changes+`)`)
	if err == nil {
		return nil
	}
	if !mysqldb.NoTable(err) {
		return fmt.Errorf("look at %s: %w", changes, err)
	}
	w.log.Error("table_changes was dropped and is being created again; all rows are sent to the remotes because writes may have been missed")
	for _, table := range w.Synced {
		if err := w.gaps.open(ctx, table); err != nil {
			return err
		}
	}
	if err := schema.Restore(ctx, w.db, changes); err != nil {
		return err
	}
	w.anew.Store(true)
	return nil
}
