package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
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
func (n *work) newWatcher() *capture.Watcher {
	return capture.NewWatcher(n.log.Named("capture"), n.db, n.tables, capture.WatchConfig{
		Synced: n.cfg.SyncTables, Received: n.cfg.ReceiveTables,
		Interval:   min(max(10*n.cfg.CheckInterval, watchLeast), watchMost),
		Uncaptured: n.unarmed,
		Missed: func(ctx context.Context, table string) error {
			n.doubts.Missed(table)
			return n.snapshots.ResendUnseen(ctx, table)
		},
		Changed: n.definitionChanged,
		Lost:    n.doubts.Vanished,
	})
}

// resendUnseen has the rows sent of tables whose triggers were not right while the
// node was away.
func (n *work) resendUnseen(ctx context.Context, synced []*schema.Table, keys []schema.ForeignKey) error {
	unseen, err := capture.FindUnseen(ctx, n.db, synced, keys)
	if err != nil {
		return err
	}
	for _, u := range unseen {
		fields := []zap.Field{zap.String("table", u.Table), zap.String("reason", u.Reason)}
		if !u.Since.IsZero() {
			fields = append(fields, zap.Time("lastSeenRight", u.Since))
		}
		n.log.Warn("writes to a table may have been missed while the node was down; its rows are sent to the remotes, deleted ones stay there: run verify", fields...)
		if err := n.doubts.Unseen(ctx, doubt.Own{DB: n.db}, u.Table, n.now()); err != nil {
			return err
		}
		if err := snapshot.RequestUnseen(ctx, n.db, n.cfg.RemoteClients, u.Table); err != nil {
			return err
		}
		if !u.Rekeyed {
			continue
		}
		if _, err := n.db.ExecContext(ctx, `DELETE FROM table_changes WHERE table_name = ?`, u.Table); err != nil {
			return fmt.Errorf("drop changes of %s under its former key: %w", u.Table, err)
		}
	}
	return nil
}

// definitionChanged has rows tried again that a table could not be sent of, or
// could not take: here, and by the remotes, which hear of it.
func (n *work) definitionChanged(ctx context.Context, table string) {
	n.respelled(ctx, table)
	for _, s := range n.senders {
		s.Retry()
	}
	if !n.cfg.Receives(table) {
		return
	}
	if err := n.line.mesh.Redefined(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		n.log.Warn("could not tell the remotes about a table's new definition", zap.String("table", table), zap.Error(err))
	}
}
