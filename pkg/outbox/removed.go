package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/pause"
)

// Removed returns the remotes that are no longer among those given, and for which sync_status may still show rows as
// due.
func (o *Outbox) Removed(ctx context.Context, remotes []string) (removed []string, err error) {
	return o.others(ctx, remotes, "removed < 2")
}

// Former returns all remotes that are no longer among those given.
func (o *Outbox) Former(ctx context.Context, remotes []string) ([]string, error) {
	return o.others(ctx, remotes, "TRUE")
}

// Returned returns the remotes that were removed, and are back.
func (o *Outbox) Returned(ctx context.Context, remotes []string) (returned []string, err error) {
	err = o.each(ctx, func(rows *sql.Rows) error {
		var r string
		err := rows.Scan(&r)
		if slices.Contains(remotes, r) {
			returned = append(returned, r)
		}
		return err
	}, `SELECT remote FROM sync_remotes WHERE removed > 0`)
	if err != nil {
		return nil, fmt.Errorf("look for remotes that are back: %w", err)
	}
	return returned, nil
}

// others returns the remotes in sync_remotes that are not among those given.
func (o *Outbox) others(ctx context.Context, remotes []string, which string) (removed []string, err error) {
	err = o.each(ctx, func(rows *sql.Rows) error {
		var r string
		err := rows.Scan(&r)
		if !slices.Contains(remotes, r) {
			removed = append(removed, r)
		}
		return err
	}, `SELECT remote FROM sync_remotes WHERE `+which)
	if err != nil {
		return nil, fmt.Errorf("look for remotes that were removed: %w", err)
	}
	return removed, nil
}

// Tidy brings sync_status in line with the configuration: it ends what is due to removed remotes, and removes successful rows
// if only open ones are listed. It returns when that is done, or with ctx.
func (o *Outbox) Tidy(ctx context.Context, log *zap.Logger, remotes []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.endRemoved(ctx, log, remotes) })
	g.Go(func() error { return o.shrink(ctx, log) })
	return g.Wait()
}

// endRemoved removes what sync_status shows as due to remotes that are no longer among those given, retrying while the
// database is unavailable.
func (o *Outbox) endRemoved(ctx context.Context, log *zap.Logger, remotes []string) error {
	for next := range pause.Doubling(ctx, time.Second, time.Minute) {
		removed, err := o.Removed(ctx, remotes)
		for _, r := range removed {
			if err = o.End(ctx, r); err != nil {
				break
			}
			log.Info("a remote is no longer in remoteClients: nothing is pending for it, and it gets what it lacks if it comes back", zap.String("remote", r))
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		log.Warn("could not record that a remote was removed; retrying", zap.Duration("next", next), zap.Error(err))
	}
	return nil
}

// leave records which remotes are removed, so that it is known when they are back.
func (o *Outbox) leave(ctx context.Context, remotes []string) error {
	removed, err := o.others(ctx, remotes, "removed = 0")
	for _, r := range removed {
		if _, err := o.db.ExecContext(ctx, `UPDATE sync_remotes SET removed = 1 WHERE remote = ?`, r); err != nil {
			return err
		}
	}
	return err
}

// End removes from sync_status what it shows as due to a removed remote: nothing is. What it acked stays, and so does
// its position in the stream: if it comes back, it gets what it lacks. The table is scanned in small transactions.
func (o *Outbox) End(ctx context.Context, remote string) error {
	if err := o.sweep(ctx, `remote = ? AND status <> 'successful'`, remote); err != nil {
		return fmt.Errorf("end what is due to %s: %w", remote, err)
	}
	if _, err := o.db.ExecContext(ctx, `UPDATE sync_remotes SET removed = 2 WHERE remote = ?`, remote); err != nil {
		return fmt.Errorf("end what is due to %s: %w", remote, err)
	}
	return nil
}

// back makes sync_status show again what is due to removed remotes that are back.
func (o *Outbox) back(ctx context.Context, remotes []string) error {
	if len(remotes) == 0 {
		return nil
	}
	args := make([]any, len(remotes))
	for i, r := range remotes {
		args[i] = r
	}
	_, err := o.db.ExecContext(ctx, `UPDATE sync_remotes SET shown = position, removed = 0 WHERE removed > 0 AND remote IN (`+mysqldb.List(len(args))+`)`, args...)
	return err
}
