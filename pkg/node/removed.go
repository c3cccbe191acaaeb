package node

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// endRemoved ends what sync_status says is due to remotes that are in the configuration no
// more, as often as it takes while the database is away.
func (n *work) endRemoved(ctx context.Context) error {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		removed, err := n.outbox.Removed(ctx, n.cfg.RemoteClients)
		for _, r := range removed {
			if err = n.outbox.End(ctx, r); err != nil {
				break
			}
			n.log.Info("a remote is no longer in remoteClients: nothing is pending for it, and it gets what it lacks if it comes back", zap.String("remote", r))
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		n.log.Warn("could not record that a remote was removed; retrying", zap.Duration("next", pause), zap.Error(err))
		if sleep(ctx, pause) != nil {
			return nil
		}
	}
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
