package outbox

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// SentAs returns the ids under which a remote holds transformed rows; a row that the remote does not hold is missing.
func (o *Outbox) SentAs(ctx context.Context, remote, table string, rows []change.Row) (map[change.Row]string, error) {
	sent := map[change.Row]string{}
	if len(rows) == 0 {
		return sent, nil
	}
	byID := make(map[string]change.Row, len(rows))
	var q mysqldb.Statement
	q.SQL("SELECT row_id, sent_id FROM sync_sent WHERE remote = ")
	q.Text([]byte(remote))
	q.SQL(" AND table_name = ")
	q.Text([]byte(table))
	between := " AND row_id IN ("
	for _, r := range rows {
		id := r.ID()
		byID[id] = r
		q.SQL(between)
		q.Bytes([]byte(id))
		between = ","
	}
	q.SQL(")")
	err := q.Query(ctx, o.db, func(list *sql.Rows) error {
		var id, as string
		err := list.Scan(&id, &as)
		sent[byID[id]] = as
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what %s holds of %s: %w", remote, table, err)
	}
	return sent, nil
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
	var q mysqldb.Statement
	between := "INSERT INTO sync_sent (remote, table_name, row_id, sent_id) VALUES ("
	for i := range list {
		s := &list[i]
		if s.Gone {
			continue
		}
		q.SQL(between)
		q.Text([]byte(remote))
		q.SQL(",")
		q.Text([]byte(s.Table))
		q.SQL(",")
		q.Bytes([]byte(s.ID()))
		q.SQL(",")
		q.Text([]byte(s.As))
		between = "),("
	}
	if q.Len() == 0 {
		return nil
	}
	q.SQL(") ON DUPLICATE KEY UPDATE sent_id = VALUES(sent_id)")
	if err := q.Exec(ctx, o.db); err != nil {
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
