package daemon

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// Bounds of the pause between two looks at the tables themselves: while a
// trigger is missing, nothing of its table is captured.
const (
	watchLeast = time.Second
	watchMost  = 5 * time.Second
)

// newWatcher returns what notices that tables are altered while the node runs.
func (n *Node) newWatcher(db *mysqldb.DB) *capture.Watcher {
	return capture.NewWatcher(n.log.Named("capture"), db, n.tables, capture.WatchConfig{
		Synced: n.cfg.SyncTables, Received: n.cfg.ReceiveTables,
		Interval: min(max(10*n.cfg.CheckInterval, watchLeast), watchMost),
		Missed: func(ctx context.Context, table string, since time.Time) error {
			for _, r := range n.cfg.RemoteClients {
				if err := snapshot.RequestSince(ctx, db, r, table, since); err != nil {
					return err
				}
			}
			return nil
		},
		Changed: n.definitionChanged,
	})
}

// definitionChanged has rows tried again that a table could not be sent of, or
// could not take: here, and by the remotes, which hear of it.
func (n *Node) definitionChanged(ctx context.Context, table string) {
	for _, s := range n.senders {
		s.retry()
	}
	if !n.cfg.Receives(table) {
		return
	}
	n.definitions.Add(1)
	if err := n.publishNode(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		n.log.Warn("the remotes could not be told of a table's new definition", zap.String("table", table), zap.Error(err))
	}
}
