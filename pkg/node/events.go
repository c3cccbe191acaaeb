package node

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/doubt"
	"github.com/mysql-sync/mysql-sync/pkg/snapshot"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/transport"
)

// unseen sends the rows of a table that may have been written unnoticed while the node was down.
func (w *work) unseen(ctx context.Context, table string) error {
	if err := w.doubts.Unseen(ctx, doubt.Own{DB: w.DB}, table, w.now()); err != nil {
		return err
	}
	if err := w.routes.Missed(ctx, table); err != nil {
		return err
	}
	return snapshot.RequestUnseen(ctx, w.DB, w.cfg.RemoteClients, table)
}

// missed is unseen for a table whose triggers were wrong while the node was running.
func (w *work) missed(ctx context.Context, table string) error {
	w.doubts.Missed(table)
	if err := w.routes.Missed(ctx, table); err != nil {
		return err
	}
	return w.snapshots.ResendUnseen(ctx, table)
}

// redefined retries a table's rows that could not be sent or accepted: here, and at the remotes, which are told.
func (w *work) redefined(ctx context.Context, table string) {
	if w.Respelled(ctx, table) {
		w.log.Info("the collation of a table's key has changed; restarting the node", zap.String("table", table))
		w.host.Restart(ctx)
	}
	w.senders.Retry()
	if !w.cfg.Receives(table) {
		return
	}
	if err := w.line.Mesh.Redefined(ctx); err != nil && !errors.Is(err, transport.ErrOffline) && ctx.Err() == nil {
		w.log.Warn("could not tell the remotes about a table's new definition", zap.String("table", table), zap.Error(err))
	}
}

// ready reports whether a table can be sent to a remote as a whole.
func (w *work) ready(remote, table string) bool {
	return w.line.Mesh.TakesUnasked(remote, table) && w.source.Captures(table) && w.routes.Ready(table) && !w.pauses.Holds(remote, table)
}

// comparable reports whether a table should be the same here and at a remote.
func (w *work) comparable(remote, table string) bool {
	mesh := w.line.Mesh
	return !w.scripts.Work.Has(table) && mesh.SpeaksBatches(remote) && (!mesh.Announced(remote) || mesh.Receives(remote, table))
}

// verifyEvents handles the verifier's events; see verify.Events.
type verifyEvents struct{ w *work }

// Paused reports whether rows of a table are expected to differ from a remote's.
func (e verifyEvents) Paused(remote, table string) bool { return e.w.pauses.Holds(remote, table) }

// Marked wakes the senders for marked rows.
func (e verifyEvents) Marked(remote string) { e.w.senders.MarkedFor(remote) }

// Compared records a comparison, and ends the doubts that it resolves.
func (e verifyEvents) Compared(ctx context.Context, c status.Comparison) error {
	e.w.Running.Compared(c)
	return e.w.doubts.Settle(ctx, doubt.Own{DB: e.w.DB}, c.Table)
}

// Settled tells whoever sent the changes.
func (e verifyEvents) Settled(ctx context.Context) { e.w.answers.TellFreed(ctx) }

// Panicked reports it.
func (e verifyEvents) Panicked(err any, stack []byte) {
	e.w.dispatcher.Panicked("question", err, stack)
}
