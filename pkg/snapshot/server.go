package snapshot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/version"
)

// Marker records in a transaction that a remote needs rows: the outbox.
type Marker interface {
	Mark(ctx context.Context, tx mysqldb.Tx, rows []change.Row, remote string) error
}

// server is the Database of a node.
type server struct {
	*schema.Tables
	db     *mysqldb.DB
	marker Marker
	stream *version.Stream
	where  func(ctx context.Context, remote, table string) (string, error) // see Config
}

func (n *server) Known(ctx context.Context) (map[Job]bool, error) {
	known := map[Job]bool{}
	err := mysqldb.Each(ctx, n.db, `SELECT remote, table_name FROM sync_snapshots`, nil, func(r *sql.Rows) error {
		var j Job
		err := r.Scan(&j.Remote, &j.Table)
		known[j] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read sync_snapshots: %w", err)
	}
	return known, nil
}

func (n *server) Open(ctx context.Context) ([]State, error) {
	rows, err := n.db.QueryContext(ctx, `SELECT remote, table_name, mode, condition_sql, last_key, rows_done, rows_total, since,
		TIMESTAMPDIFF(MICROSECOND, '1970-01-01', started_at) FROM sync_snapshots WHERE finished_at IS NULL ORDER BY started_at, table_name`)
	if err != nil {
		return nil, fmt.Errorf("read sync_snapshots: %w", err)
	}
	defer rows.Close()
	var list []State
	for rows.Next() {
		var st State
		var started int64
		if err := rows.Scan(&st.Remote, &st.Table, &st.Mode, &st.Condition, &st.LastKey, &st.Done, &st.Total, &st.Since, &started); err != nil {
			return nil, fmt.Errorf("read sync_snapshots: %w", err)
		}
		st.Started = time.UnixMicro(started)
		list = append(list, st)
	}
	return list, rows.Err()
}

func (n *server) Request(ctx context.Context, remote string, tables []string, mode string) error {
	return request(ctx, n.db, []string{remote}, tables, mode, "", nil)
}

func (n *server) Queued(ctx context.Context, remote string, most int) (queued int, err error) {
	err = n.db.GetContext(ctx, &queued, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_outbox WHERE remote = ? AND state = 'ready' LIMIT ?) q`, remote, most)
	return queued, err
}

func (n *server) Keys(ctx context.Context, st *State, limit int) ([]change.Row, error) {
	t, err := n.Table(ctx, st.Table)
	if err != nil {
		return nil, err
	}
	return n.keys(ctx, t, st, limit)
}

// keys reads the keys of the chunk after the last one, in the key's order.
func (n *server) keys(ctx context.Context, t *schema.Table, st *State, limit int) ([]change.Row, error) {
	var conditions []string
	var args []any
	if st.LastKey != nil {
		after, list, err := t.AfterKey(string(st.LastKey))
		if err != nil {
			return nil, err
		}
		conditions, args = append(conditions, after), list
	}
	if st.Condition.Valid {
		conditions = append(conditions, "("+st.Condition.String+")")
	}
	if n.where != nil && st.Remote != "" {
		where, err := n.where(ctx, st.Remote, t.Name)
		if err != nil {
			return nil, err
		}
		if where != "" {
			conditions = append(conditions, where)
		}
	}
	query := "SELECT " + t.KeyExpr("") + " FROM " + mysqldb.Quote(t.Name)
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	rows, err := n.db.AtOnce(n.db).QueryContext(ctx, query+" ORDER BY "+t.KeyColumns()+" LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	defer rows.Close()
	var list []change.Row
	for rows.Next() {
		r := change.Row{Table: t.Name}
		if err := rows.Scan(&r.Key); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		list = append(list, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return list, n.Identify(ctx, list)
}

func (n *server) Renew(ctx context.Context, table string, rows []change.Row, f func(tx Tx, positions func(int) int64) error) error {
	t, err := n.Table(ctx, table)
	if err != nil {
		return err
	}
	return n.stream.Write(ctx, n.db, rows, func(tx mysqldb.Tx, w *version.Writing) error {
		return f(&renewing{tx, t, n.marker}, w.Positions)
	})
}

// Record writes those that ended without a row in one statement: of many tables most may be empty.
func (n *server) Record(ctx context.Context, list []Reached) error {
	err := mysqldb.InTx(ctx, n.db, func(tx mysqldb.Tx) error {
		empty := map[time.Time][]any{}
		for _, r := range list {
			if r.Rows == 0 {
				if r.End {
					empty[r.Started] = append(empty[r.Started], r.Table)
				}
				continue
			}
			if err := advance(ctx, tx, r); err != nil {
				return err
			}
		}
		for started, tables := range empty {
			args := append([]any{time.Now().UTC(), list[0].Remote, started.UTC()}, tables...)
			_, err := tx.ExecContext(ctx, `UPDATE sync_snapshots SET finished_at = ? WHERE remote = ? AND started_at = ? AND table_name IN (`+mysqldb.List(len(tables))+`)`, args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record how far tables were sent: %w", err)
	}
	return nil
}

// advance records how far a snapshot has got. One that was requested meanwhile,
// which started at another time, begins at its beginning.
func advance(ctx context.Context, tx mysqldb.Execer, r Reached) error {
	set, arg := `last_key = ?`, any(r.Last)
	if r.End {
		set, arg = `finished_at = ?`, time.Now().UTC()
	}
	_, err := tx.ExecContext(ctx, `UPDATE sync_snapshots SET rows_done = rows_done + ?, `+set+` WHERE remote = ? AND table_name = ? AND started_at = ?`,
		r.Rows, arg, r.Remote, r.Table, r.Started.UTC())
	return err
}
