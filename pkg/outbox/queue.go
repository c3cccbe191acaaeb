package outbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// Item is a row that a remote needs. The token is that of the latest mark when
// the item was read: what is sent for it must be read from the table later.
type Item struct {
	change.Row
	Position int64
	Attempts int
	// OnlyMissing says that the row is for a remote that has none of its key.
	OnlyMissing bool
	token       int64
}

// selectNext reads what a remote needs next, from a position on.
const selectNext = `SELECT table_name, COALESCE(row_key, row_id), position, token, attempts, only_missing FROM sync_outbox
	WHERE remote = ? AND state = 'ready' AND position > ? ORDER BY position LIMIT ?`

// Next returns at most limit rows that the remote needs, in the order in which
// they were marked, beginning after the position given.
func (o *Outbox) Next(ctx context.Context, remote string, after int64, limit int) ([]Item, error) {
	rows, err := o.db.QueryContext(ctx, selectNext, remote, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
	}
	defer rows.Close()
	var items []Item
	for rows.Next() {
		var i Item
		if err := rows.Scan(&i.Table, &i.Key, &i.Position, &i.token, &i.Attempts, &i.OnlyMissing); err != nil {
			return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
		}
		items = append(items, i)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the outbox of %s: %w", remote, err)
	}
	return items, nil
}

// Sent is a row whose delivery to a remote has come to an end.
type Sent struct {
	Item
	// For rows that went through a transformer: As is the id under which the
	// remote holds the row, Gone says that it does not hold it (any more). Moved
	// says that only the id it had there is gone: the row itself is still due.
	As    string
	Gone  bool
	Moved bool
}

// Done books that the remote has acked the rows. Rows that were marked again
// meanwhile stay; it returns how many. Promise 1: an acked change is an acked
// version.
func (o *Outbox) Done(ctx context.Context, remote string, sent []Sent) (left int, err error) {
	err = mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		left = 0
		for table, list := range byTable(sent) {
			n, err := o.doneTable(ctx, tx, remote, table, list)
			if err != nil {
				return err
			}
			left += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("book acks of %s: %w", remote, err)
	}
	return left, nil
}

func (o *Outbox) doneTable(ctx context.Context, tx mysqldb.Tx, remote, table string, list []Sent) (int, error) {
	args := []any{remote, table}
	for _, s := range list {
		args = append(args, []byte(s.ID()))
	}
	for _, s := range list {
		token := s.token
		if s.Moved {
			token = 0 // which no mark has
		}
		args = append(args, []byte(s.ID()), token)
	}
	// The first IN finds the rows by the key, the second compares the tokens.
	res, err := tx.ExecContext(ctx, `DELETE FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+
		`) AND (row_id, token) IN (`+mysqldb.Groups(len(list), 2)+`)`, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	if err := forget(ctx, tx, remote, table, list); err != nil {
		return 0, err
	}
	marked := map[string]bool{}
	if n < int64(len(list)) {
		if marked, err = markedIDs(ctx, tx, remote, table, list); err != nil {
			return 0, err
		}
	}
	done := slices.DeleteFunc(slices.Clone(list), func(s Sent) bool { return marked[s.ID()] })
	return len(marked), o.show(ctx, tx, remote, done, "successful", nil)
}

func markedIDs(ctx context.Context, tx mysqldb.Tx, remote, table string, list []Sent) (map[string]bool, error) {
	args := []any{remote, table}
	for _, s := range list {
		args = append(args, []byte(s.ID()))
	}
	rows, err := tx.QueryContext(ctx, `SELECT row_id FROM sync_outbox WHERE remote = ? AND table_name = ? AND row_id IN (`+mysqldb.List(len(list))+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	marked := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		marked[id] = true
	}
	return marked, rows.Err()
}

// show writes the status of rows; a nil message clears it.
func (o *Outbox) show(ctx context.Context, tx mysqldb.Tx, remote string, list []Sent, status string, message *string) error {
	if len(list) == 0 {
		return nil
	}
	now := time.Now().UTC().Format(time.DateTime)
	args := make([]any, 0, 7*len(list))
	for _, s := range list {
		id := o.namer.ID(ctx, s.Row)
		args = append(args, StatusID(s.Table, id, remote), s.Table, shown(id), remote, now, status, message)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sync_status (id, table_name, primary_key, remote, date, status, message) VALUES `+mysqldb.Groups(len(list), 7)+
		` ON DUPLICATE KEY UPDATE date = VALUES(date), status = VALUES(status), message = VALUES(message)`, args...)
	return err
}

// Failure is how a row was refused. Temporary says that it may go through
// without anybody's doing: it is shown as pending, not as an error.
type Failure struct {
	Item
	Message   string
	Temporary bool
	RetryAt   time.Time
}

// Fail books rows that could not be sent, or that the remote refused. They wait
// until RetryAt and are then ready again. A row that was marked again meanwhile
// is ready at once: its newer version may be accepted.
func (o *Outbox) Fail(ctx context.Context, remote string, failures []Failure) error {
	err := mysqldb.InTx(ctx, o.db, func(tx mysqldb.Tx) error {
		for _, f := range failures {
			res, err := tx.ExecContext(ctx, `UPDATE sync_outbox SET state = 'waiting', attempts = attempts + 1, retry_at = ?
				WHERE remote = ? AND table_name = ? AND row_id = ? AND token = ?`, f.RetryAt.UnixMilli(), remote, f.Table, []byte(f.ID()), f.token)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			if n == 0 {
				continue // marked again meanwhile
			}
			status, message := "error", wire.Shorten(strings.ToValidUTF8(f.Message, "?"), statusText)
			if f.Temporary {
				status = "pending"
			}
			if err := o.show(ctx, tx, remote, []Sent{{Item: f.Item}}, status, &message); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("book errors of %s: %w", remote, err)
	}
	return nil
}

// Retry makes waiting rows of a remote ready whose time has come, and returns
// how many.
func (o *Outbox) Retry(ctx context.Context, remote string, now time.Time) (int, error) {
	res, err := o.db.ExecContext(ctx, `UPDATE sync_outbox SET state = 'ready' WHERE remote = ? AND state = 'waiting' AND retry_at <= ?`, remote, now.UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("retry rows of %s: %w", remote, err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

func byTable(sent []Sent) map[string][]Sent {
	m := map[string][]Sent{}
	for _, s := range sent {
		m[s.Table] = append(m[s.Table], s)
	}
	return m
}

// groupsPending returns n groups of placeholders that end with the status.
func groupsPending(n int) string {
	const group = "(?,?,?,?,?,'pending')"
	return strings.Repeat(group+",", n-1) + group
}
