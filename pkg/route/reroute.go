package route

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// rerouting says which rows of a table are marked for whom.
type rerouting struct {
	Pairs pairs    `json:"pairs,omitempty"` // the labels that each remote has won or lost
	Not   []string `json:"not,omitempty"`   // remotes for which all rows are marked that they do not have
}

func reroute(ctx context.Context, tx mysqldb.Tx, table string, what rerouting) error {
	text, err := json.Marshal(what)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO sync_reroutes (table_name, changed) VALUES (?, ?)`, table, text)
	}
	return err
}

// rerouteNext marks the next rows that remotes have won or lost.
func (r *Router) rerouteNext(ctx context.Context) (more bool, err error) {
	var id uint64
	var table string
	var text, last []byte
	var marked int64
	err = r.db.QueryRowContext(ctx, `SELECT id, table_name, changed, last_id, marked FROM sync_reroutes ORDER BY id LIMIT 1`).Scan(&id, &table, &text, &last, &marked)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	var what rerouting
	if err == nil {
		err = json.Unmarshal(text, &what)
	}
	if err != nil {
		return false, fmt.Errorf("read sync_reroutes: %w", err)
	}
	for _, remote := range append(slices.Collect(maps.Keys(what.Pairs)), what.Not...) {
		var n int
		if err := r.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 FROM sync_outbox WHERE remote = ? AND state = 'ready' LIMIT ?) q`, remote, queuedMost); err != nil {
			return false, err
		}
		if n >= queuedMost {
			return false, nil // Promise 10
		}
	}
	m, rows := moves{marks: map[string][]change.Row{}}, 0
	err = mysqldb.Each(ctx, r.db, `SELECT row_id, row_key, label FROM sync_versions WHERE table_name = ? AND row_id > ? ORDER BY row_id LIMIT ?`, []any{table, last, chunk}, func(found *sql.Rows) error {
		var rowID string
		var key []byte
		var l uint32
		if err := found.Scan(&rowID, &key, &l); err != nil {
			return err
		}
		row := change.Stored(table, rowID, key)
		rows, last = rows+1, []byte(rowID)
		for remote, ids := range what.Pairs {
			if slices.Contains(ids, l) {
				m.mark(remote, row)
			}
		}
		for _, remote := range what.Not {
			if !r.To(table, l, remote) {
				m.mark(remote, row)
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("read which rows of %s have other remotes: %w", table, err)
	}
	for _, list := range m.marks {
		marked += int64(len(list))
	}
	err = mysqldb.InTx(ctx, r.db, func(tx mysqldb.Tx) error {
		if err := r.follow(ctx, tx, &m); err != nil {
			return err
		}
		if rows < chunk {
			_, err := tx.ExecContext(ctx, `DELETE FROM sync_reroutes WHERE id = ?`, id)
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE sync_reroutes SET last_id = ?, marked = ? WHERE id = ?`, last, marked, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("mark rows of %s that have other remotes: %w", table, err)
	}
	if rows < chunk {
		r.log.Info("rows are on their way to and from the remotes that a route gives or takes them", zap.String("table", table), zap.Int64("rows", marked))
	}
	r.told()
	return true, nil
}
