package outbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Kept returns the tables whose rows are held back from a remote, each with the position of the stream from which on.
func (o *Outbox) Kept(ctx context.Context, remote string) (map[string]int64, error) {
	kept := map[string]int64{}
	err := o.each(ctx, func(rows *sql.Rows) error {
		var table string
		var at int64
		err := rows.Scan(&table, &at)
		kept[table] = at
		return err
	}, `SELECT table_name, position FROM sync_kept WHERE remote = ?`, remote)
	if err != nil {
		return nil, fmt.Errorf("read what is kept back from %s: %w", remote, err)
	}
	return kept, nil
}

// KeepBack records that rows of a table after a position are held back from a remote.
func (o *Outbox) KeepBack(ctx context.Context, remote, table string, after int64) error {
	if _, err := o.db.ExecContext(ctx, `INSERT IGNORE INTO sync_kept (remote, table_name, position) VALUES (?, ?, ?)`, remote, table, after); err != nil {
		return fmt.Errorf("keep rows of %s back from %s: %w", table, remote, err)
	}
	return nil
}

// GiveBack marks rows of a table that were held back from a remote, and records that all up to a position are marked;
// end says that these were the last.
func (o *Outbox) GiveBack(ctx context.Context, remote, table string, rows []change.Row, upTo int64, end bool) error {
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		if err := o.Mark(ctx, tx, rows, remote); err != nil {
			return err
		}
		query, args := `UPDATE sync_kept SET position = ? WHERE remote = ? AND table_name = ?`, []any{upTo, remote, table}
		if end {
			query, args = `DELETE FROM sync_kept WHERE remote = ? AND table_name = ?`, args[1:]
		}
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("send rows of %s that were kept back from %s: %w", table, remote, err)
	}
	return nil
}

// Withdrawn removes rows from sync_status that were shown as pending and are not due.
func (o *Outbox) Withdrawn(ctx context.Context, remote string, rows []change.Row) error {
	var args []any
	for _, r := range rows {
		args = append(args, StatusID(r.Table, o.namer.ID(ctx, r), remote))
	}
	if _, err := o.db.ExecContext(ctx, `DELETE FROM sync_status WHERE id IN (`+mysqldb.List(len(rows))+`) AND status = 'pending'`, args...); err != nil {
		return fmt.Errorf("take rows for %s out of sync_status: %w", remote, err)
	}
	return nil
}

// countHeld counts rows of a table that are held back, like countStream.
func countHeld(remote string) string {
	return `SELECT COUNT(*), COALESCE(SUM(needed), 0), COALESCE(MIN(IF(needed, time, NULL)), 0) FROM (
	SELECT time, ` + Needed(remote) + ` AS needed
	FROM sync_versions FORCE INDEX (stream) WHERE position > ? AND position <= ? AND table_name = ? LIMIT ?) held`
}

// heldScan is how many times the rows that are counted may be passed by when looking for those of one table.
const heldScan = 20

// held counts the rows, up to a position, of tables that are held back and due. If too many rows lie in between to look
// at all of them, there is at least one.
func (c *counting) held(ctx context.Context, o *Outbox, upTo int64, due func(table string) bool) error {
	kept, err := o.Kept(ctx, c.remote)
	if err != nil {
		return err
	}
	for table, after := range kept {
		if !due(table) {
			continue
		}
		last, far := upTo, false
		err := o.each(ctx, func(rows *sql.Rows) error {
			far = true
			return rows.Scan(&last)
		}, `SELECT position FROM sync_versions FORCE INDEX (stream) WHERE position > ? AND position <= ? ORDER BY position LIMIT 1 OFFSET ?`, after, upTo, heldScan*c.limit)
		if err != nil {
			return err
		}
		err = o.each(ctx, func(rows *sql.Rows) error {
			var all, needed, oldest int64
			if err := rows.Scan(&all, &needed, &oldest); err != nil {
				return err
			}
			if far = far || all >= c.limit; far {
				c.more, needed = true, max(needed, 1)
			}
			c.table(table).add(needed, oldest)
			return nil
		}, countHeld(c.remote), after, last, table, c.limit)
		if err != nil {
			return err
		}
	}
	return nil
}
