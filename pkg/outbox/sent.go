package outbox

import (
	"context"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// SentAs returns the ids under which a remote holds transformed rows; a row that the remote does not hold is missing.
func (o *Outbox) SentAs(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]string, error) {
	sent := map[change.Row]string{}
	byID := map[string]change.Row{}
	args := []any{remote, table}
	for _, r := range rows {
		args = append(args, []byte(r.ID()))
		byID[r.ID()] = r
	}
	if len(rows) == 0 {
		return sent, nil
	}
	list, err := o.db.QueryContext(ctx, `SELECT row_id, sent_id FROM sync_sent WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(rows))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("read what %s holds of %s: %w", remote, table, err)
	}
	defer list.Close()
	for list.Next() {
		var id, as string
		if err := list.Scan(&id, &as); err != nil {
			return nil, fmt.Errorf("read what %s holds of %s: %w", remote, table, err)
		}
		sent[byID[id]] = as
	}
	return sent, list.Err()
}

// SentUnder reports whether a remote is known to hold a row of a table under an id. It scans everything that it holds
// of the table.
func (o *Outbox) SentUnder(ctx context.Context, remote, table, id string) (bool, error) {
	var sent bool
	err := o.db.GetContext(ctx, &sent, `SELECT EXISTS (SELECT 1 FROM sync_sent WHERE remote = ? AND table_name = ? AND sent_id = ?)`, remote, table, id)
	if err != nil {
		return false, fmt.Errorf("read what %s holds of %s: %w", remote, table, err)
	}
	return sent, nil
}

// Sending records, before transformed rows go out, under which ids the remote will hold them: if the node is killed
// before the ack, it still knows what to delete. Rows that are Gone are left out.
func (o *Outbox) Sending(ctx context.Context, remote string, list []Sent) error {
	var held []any
	for _, s := range list {
		if !s.Gone {
			held = append(held, remote, s.Table, []byte(s.ID()), s.As)
		}
	}
	if len(held) == 0 {
		return nil
	}
	_, err := o.db.ExecContext(ctx, `INSERT INTO sync_sent (remote, table_name, row_id, sent_id) VALUES `+mysqldb.Groups(len(held)/4, 4)+
		` ON DUPLICATE KEY UPDATE sent_id = VALUES(sent_id)`, held...)
	if err != nil {
		return fmt.Errorf("record what %s will hold: %w", remote, err)
	}
	return nil
}

// forget drops the records of rows that the remote no longer holds.
func forget(ctx context.Context, tx mysqldb.Tx, remote, table string, list []Sent) error {
	args := []any{remote, table}
	for _, s := range list {
		if s.Gone {
			args = append(args, []byte(s.ID()))
		}
	}
	if len(args) == 2 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM sync_sent WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(args)-2)+`)`, args...)
	return err
}
