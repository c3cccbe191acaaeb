package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Register begins the rows of sync_remotes of those that have none: what was
// changed before a remote was known is the business of its initial sync.
func (o *Outbox) Register(ctx context.Context, remotes []string) error {
	at, err := o.stream.Visible(ctx)
	for _, r := range remotes {
		if err != nil {
			break
		}
		_, err = o.db.ExecContext(ctx, `INSERT IGNORE INTO sync_remotes (remote, position, shown) VALUES (?, ?, ?)`, r, at, at)
	}
	if err != nil {
		return fmt.Errorf("register the remotes: %w", err)
	}
	return nil
}

// Positions returns the position in the stream up to which a remote has acked,
// and that up to which sync_status says that rows are pending.
func (o *Outbox) Positions(ctx context.Context, remote string) (acked, shown int64, err error) {
	err = o.db.QueryRowContext(ctx, `SELECT position, shown FROM sync_remotes WHERE remote = ?`, remote).Scan(&acked, &shown)
	if err != nil {
		return 0, 0, fmt.Errorf("read the position of %s: %w", remote, err)
	}
	return acked, shown, nil
}

// ShowPending shows rows of the stream as pending, and records that this was done
// up to a position. It must not run beside Done and Fail for the same remote:
// those know what became of the rows since.
func (o *Outbox) ShowPending(ctx context.Context, remote string, rows []version.Waiting, upTo int64) error {
	list := make([]Sent, len(rows))
	for i, w := range rows {
		list[i].Row = w.Row
	}
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		if err := o.show(ctx, tx, remote, list, "pending", nil); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sync_remotes SET shown = ? WHERE remote = ?`, upTo, remote)
		return err
	})
	if err != nil {
		return fmt.Errorf("show rows for %s as pending: %w", remote, err)
	}
	return nil
}

// Overtaken says of rows that were shown as pending that they are due no more: a
// version has come that the remote has.
func (o *Outbox) Overtaken(ctx context.Context, remote string, rows []change.Row) error {
	args := []any{time.Now().UTC().Format(time.DateTime)}
	for _, r := range rows {
		args = append(args, StatusID(r.Table, o.namer.ID(ctx, r), remote))
	}
	_, err := o.db.ExecContext(ctx, `UPDATE sync_status SET status = 'successful', date = ?, message = NULL WHERE id IN (`+mysqldb.List(len(rows))+`) AND status = 'pending'`, args...)
	if err != nil {
		return fmt.Errorf("show rows for %s as successful: %w", remote, err)
	}
	return nil
}

// Settle deletes marks of rows that the remote has acked since in a later version,
// by the stream, so that what it refused is not tried again. Some may be left
// where many rows are given at once; they are sent once more, which does no harm.
func (o *Outbox) Settle(ctx context.Context, remote string, acked []Sent) error {
	streamed := slices.DeleteFunc(slices.Clone(acked), func(s Sent) bool { return s.Marked || s.Moved || s.OnlyMissing })
	for table, list := range byTable(streamed) {
		args := []any{remote, table}
		first := list[0].Position
		for _, s := range list {
			args = append(args, []byte(s.ID()))
			first = min(first, s.Position)
		}
		_, err := o.db.ExecContext(ctx, `DELETE FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+`) AND token <= ?`,
			append(args, first)...)
		if err != nil {
			return fmt.Errorf("settle what %s refused: %w", remote, err)
		}
	}
	return nil
}

// Holds reports whether rows are marked for a remote.
func (o *Outbox) Holds(ctx context.Context, remote string) (bool, error) {
	var holds bool
	if err := o.db.GetContext(ctx, &holds, `SELECT EXISTS (SELECT 1 FROM sync_outbox WHERE remote = ?)`, remote); err != nil {
		return false, fmt.Errorf("look for marks of %s: %w", remote, err)
	}
	return holds, nil
}

// MarkAll marks rows for a remote, as Mark does, in a transaction of its own.
func (o *Outbox) MarkAll(ctx context.Context, remote string, rows []change.Row) error {
	return mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error { return o.Mark(ctx, tx, rows, remote) })
}

// Later marks rows of the stream, or of a table that is sent as a whole, that were
// not answered.
func (o *Outbox) Later(ctx context.Context, remote string, sent []Sent) error {
	var rows, missing []change.Row
	for _, s := range sent {
		if s.OnlyMissing {
			missing = append(missing, s.Row)
		} else {
			rows = append(rows, s.Row)
		}
	}
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		if err := o.Mark(ctx, tx, rows, remote); err != nil {
			return err
		}
		return o.markMissing(ctx, tx, missing, remote)
	})
	if err != nil {
		return fmt.Errorf("have rows sent again: %w", err)
	}
	return nil
}
