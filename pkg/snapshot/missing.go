package snapshot

import (
	"context"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Open is a snapshot of missing rows on its way to a remote. Its rows are nowhere
// recorded one by one: what was acked is recorded by the last key. It is not safe
// for concurrent use.
type Open struct {
	s  *Snapshots
	st state
}

// Open returns a snapshot of missing rows that can go on for the remote now, or
// nil. It begins after the last row that was acked. One of the table to be avoided
// comes only if there is no other.
func (s *Snapshots) Open(ctx context.Context, remote, avoid string) (*Open, error) {
	list, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	var found *Open
	for _, st := range list {
		if st.remote == remote && st.mode == Missing && s.due(st) && (found == nil || found.st.table == avoid) {
			found = &Open{s, st}
		}
	}
	return found, nil
}

// Next returns at most limit rows after the last ones, in the key's order. Fewer
// are the last of the table.
func (o *Open) Next(ctx context.Context, limit int) ([]change.Row, error) {
	t, err := o.s.tables.Table(ctx, o.st.table)
	if err != nil {
		return nil, err
	}
	rows, err := o.s.keys(ctx, t, o.st, limit)
	if len(rows) > 0 {
		o.After(rows[len(rows)-1])
	}
	return rows, err
}

// After has the next rows be those after a row.
func (o *Open) After(r change.Row) { o.st.lastKey = []byte(r.Key) }

// Table is the table's name.
func (o *Open) Table() string { return o.st.table }

// Acked records that the remote has the next rows, up to a row; with end set, that
// these were the last.
func (o *Open) Acked(ctx context.Context, rows int, upTo change.Row, end bool) error {
	if err := advance(ctx, o.s.db, o.st, rows, upTo.Key, end); err != nil {
		return err
	}
	o.s.progress(o.st, int64(rows), end)
	o.st.done += int64(rows)
	return nil
}

// advance records how far a snapshot has got. One that was requested meanwhile,
// which started at another time, begins at its beginning.
func advance(ctx context.Context, tx mysqldb.Execer, st state, rows int, last string, end bool) error {
	set, arg := `last_key = ?`, any([]byte(last))
	if end {
		set, arg = `finished_at = ?`, time.Now().UTC()
	}
	_, err := tx.ExecContext(ctx, `UPDATE sync_snapshots SET rows_done = rows_done + ?, `+set+` WHERE remote = ? AND table_name = ? AND started_at = ?`,
		rows, arg, st.remote, st.table, st.started.UTC())
	return err
}
