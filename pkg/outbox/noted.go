package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Noting is a table with a transformer for which it is not recorded yet which rows a remote may hold.
type Noting struct {
	Table string
	After []byte // the last key recorded; nil: none
}

// Unnoted returns the tables with a transformer that still have to be scanned for a remote, and forgets that the others
// were: what is sent of them now is not recorded.
func (o *Outbox) Unnoted(ctx context.Context, remote string, tables []string) ([]Noting, error) {
	list := make([]Noting, 0, len(tables))
	for _, t := range tables {
		list = append(list, Noting{Table: t})
	}
	rows, err := o.db.QueryContext(ctx, `SELECT table_name, last_key, finished FROM sync_noted WHERE remote = ?`, remote)
	if err != nil {
		return nil, fmt.Errorf("read sync_noted: %w", err)
	}
	defer rows.Close()
	var over []string
	for rows.Next() {
		var n Noting
		var finished bool
		if err := rows.Scan(&n.Table, &n.After, &finished); err != nil {
			return nil, fmt.Errorf("read sync_noted: %w", err)
		}
		switch at := slices.IndexFunc(list, func(x Noting) bool { return x.Table == n.Table }); {
		case at < 0:
			over = append(over, n.Table)
		case finished:
			list = slices.Delete(list, at, at+1)
		default:
			list[at] = n
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sync_noted: %w", err)
	}
	for _, t := range over {
		if _, err := o.db.ExecContext(ctx, `DELETE FROM sync_noted WHERE remote = ? AND table_name = ?`, remote, t); err != nil {
			return nil, fmt.Errorf("forget what %s may hold: %w", remote, err)
		}
	}
	return list, nil
}

// Noted reports whether all rows of a table with a transformer that a remote may hold are recorded.
func (o *Outbox) Noted(ctx context.Context, remote, table string) (bool, error) {
	var finished bool
	err := o.db.QueryRowContext(ctx, `SELECT finished FROM sync_noted WHERE remote = ? AND table_name = ?`, remote, table).Scan(&finished)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read sync_noted: %w", err)
	}
	return finished, nil
}

// Note records rows that a remote may hold under the ids given, and how far the table has been scanned. Better
// knowledge about a row stays.
func (o *Outbox) Note(ctx context.Context, remote string, n Noting, held []Sent, finished bool) error {
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		var args []any
		for _, s := range held {
			args = append(args, remote, s.Table, []byte(s.ID()), s.As)
		}
		if len(args) > 0 {
			if _, err := tx.ExecContext(ctx, `INSERT IGNORE INTO sync_sent (remote, table_name, row_id, sent_id) VALUES `+mysqldb.Groups(len(held), 4), args...); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `REPLACE INTO sync_noted (remote, table_name, last_key, finished) VALUES (?, ?, ?, ?)`, remote, n.Table, n.After, finished)
		return err
	})
	if err != nil {
		return fmt.Errorf("note what %s may hold of %s: %w", remote, n.Table, err)
	}
	return nil
}
