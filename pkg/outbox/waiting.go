package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// WaitingTables returns the tables whose rows wait for a remote. It costs one index lookup per table, however many rows
// wait.
func (o *Outbox) WaitingTables(ctx context.Context, remote string) (tables []string, err error) {
	for last := ""; ; {
		var next sql.NullString
		err := o.db.GetContext(ctx, &next, `SELECT MIN(table_name) FROM sync_outbox FORCE INDEX (waiting) WHERE remote = ? AND state = 'waiting' AND table_name > ?`, remote, last)
		if err != nil {
			return nil, fmt.Errorf("read what waits for %s: %w", remote, err)
		}
		if !next.Valid {
			return tables, nil
		}
		last = next.String
		tables = append(tables, last)
	}
}

// Retry makes at most limit waiting rows of a table ready that are due by a time, the
// longest due first, and returns how many.
func (o *Outbox) Retry(ctx context.Context, remote, table string, due time.Time, limit int) (int, error) {
	res, err := o.db.ExecContext(ctx, `UPDATE sync_outbox FORCE INDEX (waiting) SET state = 'ready'
		WHERE remote = ? AND state = 'waiting' AND table_name = ? AND retry_at <= ? ORDER BY retry_at LIMIT ?`, remote, table, due.UnixMilli(), limit)
	if err != nil {
		return 0, fmt.Errorf("retry rows of %s: %w", remote, err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// RetryRows makes the waiting ones among the rows ready, and returns how many.
func (o *Outbox) RetryRows(ctx context.Context, remote string, rows []change.Row) (int, error) {
	ready := int64(0)
	ids := map[string][]any{}
	for _, r := range rows {
		ids[r.Table] = append(ids[r.Table], []byte(r.ID()))
	}
	for table, list := range ids {
		res, err := o.db.ExecContext(ctx, `UPDATE sync_outbox SET state = 'ready' WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+`) AND state = 'waiting'`,
			append([]any{remote, table}, list...)...)
		if err != nil {
			return 0, fmt.Errorf("retry rows of %s: %w", remote, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, err
		}
		ready += n
	}
	return int(ready), nil
}

// NextRetry returns when the first waiting row of a table is due. It is false if none waits.
func (o *Outbox) NextRetry(ctx context.Context, remote, table string) (time.Time, bool, error) {
	var at sql.NullInt64
	err := o.db.GetContext(ctx, &at, `SELECT MIN(retry_at) FROM sync_outbox FORCE INDEX (waiting) WHERE remote = ? AND state = 'waiting' AND table_name = ?`, remote, table)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read what waits for %s: %w", remote, err)
	}
	return time.UnixMilli(at.Int64), at.Valid, nil
}

// RetryBy ensures that no waiting row of a table is due later than a time: the clock that set its time may have been
// set back.
func (o *Outbox) RetryBy(ctx context.Context, remote, table string, latest time.Time) error {
	_, err := o.db.ExecContext(ctx, `UPDATE sync_outbox FORCE INDEX (waiting) SET retry_at = ?
		WHERE remote = ? AND state = 'waiting' AND table_name = ? AND retry_at > ?`, latest.UnixMilli(), remote, table, latest.UnixMilli())
	if err != nil {
		return fmt.Errorf("retry rows of %s: %w", remote, err)
	}
	return nil
}
