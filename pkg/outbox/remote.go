package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Register creates the rows of sync_remotes for remotes without one: what was changed before a remote was known is left
// to its initial sync.
func (o *Outbox) Register(ctx context.Context, remotes []string) error {
	at, err := o.stream.Visible(ctx)
	for _, r := range remotes {
		if err != nil {
			break
		}
		_, err = o.db.ExecContext(ctx, `INSERT IGNORE INTO sync_remotes (remote, position, shown) VALUES (?, ?, ?)`, r, at, at)
	}
	if err == nil {
		err = o.back(ctx, remotes)
	}
	if err == nil {
		err = o.leave(ctx, remotes)
	}
	if err != nil {
		return fmt.Errorf("register the remotes: %w", err)
	}
	return nil
}

// Place is a remote's position in the stream.
type Place struct {
	Acked int64 // it has acked everything up to here
	Shown int64 // sync_status shows pending rows up to here
}

// PlaceOf returns the place that is recorded for a remote.
func (o *Outbox) PlaceOf(ctx context.Context, remote string) (Place, error) {
	var p Place
	err := o.db.QueryRowContext(ctx, `SELECT position, shown FROM sync_remotes WHERE remote = ?`, remote).Scan(&p.Acked, &p.Shown)
	if err != nil {
		return p, fmt.Errorf("read the place of %s: %w", remote, err)
	}
	return p, nil
}

func recordPlace(ctx context.Context, tx mysqldb.Tx, remote string, p Place) error {
	_, err := tx.ExecContext(ctx, `UPDATE sync_remotes SET position = ?, shown = ? WHERE remote = ?`, p.Acked, p.Shown, remote)
	return err
}

// ShowPending shows rows of the stream as pending, and records that this was done up to a position. It must not run
// concurrently with Done and Fail for the same remote: those know what has become of the rows since.
func (o *Outbox) ShowPending(ctx context.Context, remote string, rows []version.Waiting, at Place) error {
	list := make([]Sent, len(rows))
	for i, w := range rows {
		list[i].Row = w.Row
	}
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		if err := o.show(ctx, tx, remote, list, "pending", nil); err != nil {
			return err
		}
		return recordPlace(ctx, tx, remote, at)
	})
	if err != nil {
		return fmt.Errorf("show rows for %s as pending: %w", remote, err)
	}
	return nil
}

// Overtaken records that rows shown as pending are no longer due: a version has arrived that the remote has.
func (o *Outbox) Overtaken(ctx context.Context, remote string, rows []change.Row) error {
	if o.onlyOpen {
		return o.Withdrawn(ctx, remote, rows)
	}
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

// settle deletes marks of rows that the remote has since acked in a later version, by the stream, so that refused ones
// are not retried. It returns the marks that rows still have: a later one or, if many rows are given at once, one that
// is sent once more, which does no harm.
func (o *Outbox) settle(ctx context.Context, tx mysqldb.Tx, remote, table string, acked []Sent) (map[string]int64, error) {
	if len(acked) == 0 {
		return nil, nil
	}
	args := []any{remote, table}
	first := acked[0].Position
	for _, s := range acked {
		args = append(args, []byte(s.ID()))
		first = min(first, s.Position)
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(acked))+`) AND token <= ?`,
		append(args, first)...)
	if err != nil {
		return nil, fmt.Errorf("settle what was refused: %w", err)
	}
	return marksOf(ctx, tx, remote, table, acked, "")
}

// Holds reports whether rows are marked for a remote.
func (o *Outbox) Holds(ctx context.Context, remote string) (bool, error) {
	var holds bool
	if err := o.db.GetContext(ctx, &holds, `SELECT EXISTS (SELECT 1 FROM sync_outbox WHERE remote = ?)`, remote); err != nil {
		return false, fmt.Errorf("look for marks of %s: %w", remote, err)
	}
	return holds, nil
}

// MarkAll marks rows for a remote, as Mark does, in a separate transaction.
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
