package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// removedChunk is how many rows of sync_status are looked at in one transaction.
const removedChunk = 5000

// Removed returns the remotes that are none of those given any more, and of which
// sync_status may still say that rows are due.
func (o *Outbox) Removed(ctx context.Context, remotes []string) (removed []string, err error) {
	err = o.each(ctx, func(rows *sql.Rows) error {
		var r string
		err := rows.Scan(&r)
		if !slices.Contains(remotes, r) {
			removed = append(removed, r)
		}
		return err
	}, `SELECT remote FROM sync_remotes WHERE removed < 2`)
	if err != nil {
		return nil, fmt.Errorf("look for remotes that were removed: %w", err)
	}
	return removed, nil
}

// End takes out of sync_status what it says is due to a remote that was removed: nothing is.
// What it acked stays, and so does its place in the stream: should it come back, it gets
// what it lacks. The table is gone through in small transactions.
func (o *Outbox) End(ctx context.Context, remote string) error {
	if _, err := o.db.ExecContext(ctx, `UPDATE sync_remotes SET removed = 1 WHERE remote = ?`, remote); err != nil {
		return fmt.Errorf("end what is due to %s: %w", remote, err)
	}
	for after, more := "", true; more; {
		var upTo string
		err := o.db.GetContext(ctx, &upTo, `SELECT id FROM sync_status WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?`, after, removedChunk)
		if more = !errors.Is(err, sql.ErrNoRows); !more {
			upTo, err = "~", nil // after all, which are hexadecimal
		}
		if err == nil {
			_, err = o.db.ExecContext(ctx, `DELETE FROM sync_status WHERE id > ? AND id <= ? AND remote = ? AND status <> 'successful'`, after, upTo, remote)
		}
		if err != nil {
			return fmt.Errorf("end what is due to %s: %w", remote, err)
		}
		after = upTo
	}
	if _, err := o.db.ExecContext(ctx, `UPDATE sync_remotes SET removed = 2 WHERE remote = ?`, remote); err != nil {
		return fmt.Errorf("end what is due to %s: %w", remote, err)
	}
	return nil
}

// back has sync_status say once more what is due to remotes that were removed and are
// there again.
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
